#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_install.sh MESON BUILD SYMBOLS CC CXX WEIGHTS PREFIX - installs the build into a DESTDIR and
# uses the program and the library there: by pkg-config from C and C++, by ctypes, and by its Python
# package. Compares what the library exports with SYMBOLS. Desktops know .tlc files by what is
# installed, and an uninstall leaves nothing. CC and CXX may hold several words; an empty CXX
# leaves C++ out.
set -u
meson=$1 build=$2 symbols=$3 cc=$4 cxx=$5 weights=$6 prefix=$7
here=$(dirname "$0")
fail() { echo "install: $*"; exit 1; }

command -v pkg-config >/dev/null && command -v nm >/dev/null ||
    { echo "install: pkg-config or nm is missing"; exit 77; }
dir=$(mktemp -d) || exit 1
# The log of this install must not take the place of the user's, whose uninstall reads it.
installed=$build/meson-logs/install-log.txt
[ -f "$installed" ] && cp "$installed" "$dir/user-log"
back() {
    if [ -f "$dir/user-log" ]; then cp "$dir/user-log" "$installed"; else rm -f "$installed"; fi
    rm -rf "$dir"
}
trap back EXIT
dest=$dir/root
"$meson" install -C "$build" --no-rebuild --quiet --destdir "$dest" >"$dir/log" 2>&1 ||
    { cat "$dir/log"; fail "meson install failed"; }

root=$dest$prefix
pc=$(find "$root" -name telucodec.pc)
[ -f "$pc" ] || fail "no telucodec.pc"
libdir=$(dirname "$(dirname "$pc")")
for f in "$root/include/telu.h" "$libdir/libtelu.so" "$libdir/libtelu.so.0" \
    "$root/share/telucodec/$(basename "$weights")" "$root/bin/telucodec" \
    "$root/share/man/man1/telucodec.1" "$root/share/bash-completion/completions/telucodec" \
    "$root/share/telucodec/$(basename "$weights" .safetensors).md" \
    "$root/share/mime/packages/telucodec.xml" "$root/share/applications/telucodec.desktop" \
    "$root/share/metainfo/io.github.telucodec.telucodec.metainfo.xml"; do
    [ -f "$f" ] || fail "$f is not installed"
done

# The installed program finds the plugin that is installed with it.
said=$(env -u GST_PLUGIN_PATH GST_REGISTRY="$dir/registry.bin" TELUCODEC_MODEL="$weights" \
    "$root/bin/telucodec" bench --seconds 0.5 2>&1) || fail "the installed program: $said"

# It decodes with the weights beside it, which no variable names: the stream does.
said=$(cd "$dir" && export XDG_DATA_HOME="$dir/none" GST_REGISTRY="$dir/registry.bin" &&
    unset GST_PLUGIN_PATH TELUCODEC_MODEL TELUCODEC_MODEL_PATH &&
    printf 'RIFF\044\175\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0' >x.wav &&
    printf '\002\0\020\0data\0\175\0\0' >>x.wav && head -c 32000 /dev/zero >>x.wav &&
    "$root/bin/telucodec" encode -m "$root/share/telucodec/$(basename "$weights")" x.wav 2>&1 &&
    "$root/bin/telucodec" decode x.tlc -o y.wav 2>&1) || fail "the program without variables: $said"

# It lists the weights that are installed with it.
name=$(basename "$weights" .safetensors)
said=$(env -u TELUCODEC_MODEL -u TELUCODEC_MODEL_PATH XDG_DATA_HOME="$dir" XDG_DATA_DIRS="$dir" \
    "$root/bin/telucodec" models) || fail "telucodec models: $said"
case $said in
*"$name"*) ;;
*) fail "telucodec models does not list $name: $said" ;;
esac

. "$here/installed_desktop.sh"

wanted=$(sed -n 's/^ *\(telu_[a-z_0-9]*\);$/\1/p' "$symbols" | sort)
exported=$(nm -D --defined-only "$libdir/libtelu.so" | awk '{ print $3 }' | sort)
[ -n "$wanted" ] && [ "$exported" = "$wanted" ] || fail "libtelu.so exports" $exported
declared=$(sed -n 's/^TELU_API .*[ *]\(telu_[a-z_0-9]*\)(.*/\1/p' "$root/include/telu.h" | sort)
[ "$declared" = "$wanted" ] || fail "telu.h declares" $declared

PKG_CONFIG_SYSROOT_DIR=$dest PKG_CONFIG_LIBDIR=$(dirname "$pc")
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
flags=$(pkg-config --cflags --libs telucodec) || fail "pkg-config does not know telucodec"
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

$cc -std=c11 -Wall -Wextra -pedantic -Werror -o "$dir/c" "$here/use_library.c" $flags ||
    fail "a C program does not compile"
said=$("$dir/c" "$weights") || fail "the C program failed"
version=$(pkg-config --modversion telucodec)
case $said in
    "$version $version "*) ;;
    *) fail "version is $version, the C program says $said" ;;
esac
if [ -n "$cxx" ]; then
    $cxx -x c++ -std=c++11 -Wall -Wextra -Werror -o "$dir/cxx" "$here/use_library.c" \
        -x none $flags || fail "a C++ program does not compile"
    [ "$("$dir/cxx" "$weights")" = "$said" ] || fail "the C++ program says something else"
fi
if command -v python3 >/dev/null; then
    [ "$(python3 "$here/use_library.py" "$libdir/libtelu.so.0" "$weights")" = "$said" ] ||
        fail "Python says something else"
else
    echo "install: no python3, ctypes left out"
fi
package=$(find "$root" -path '*/telucodec/__init__.py')
if [ -n "$package" ] && python3 -c 'import numpy' 2>/dev/null; then
    python=$(PYTHONPATH=$(dirname "$(dirname "$package")") TELUCODEC_LIBRARY=$libdir/libtelu.so.0 \
        python3 -c 'import sys, telucodec
print(telucodec.version(), telucodec.__version__, len(telucodec.encode([0.0], sys.argv[1])))' \
        "$weights") || fail "the Python package does not work"
    [ "$python" = "$version $version 1" ] || fail "the Python package says $python"
else
    echo "install: no Python package or no numpy, left out"
fi

DESTDIR=$dest ninja -C "$build" uninstall >"$dir/log" 2>&1 ||
    { cat "$dir/log"; fail "ninja uninstall failed"; }
left=$(find "$dest" ! -type d -not -path '*/share/mime/*' -not -name mimeinfo.cache \
    -not -path '*/__pycache__/*' 2>/dev/null)
[ -z "$left" ] || fail "ninja uninstall leaves" $left
echo "install: $said"
