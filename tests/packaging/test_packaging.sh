#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_packaging.sh TREE - build.sh makes Debian packages to which lintian has no objections: twice,
# in two folders, byte by byte the same. Their files work, unpacked beside each other: the
# program, the elements, the library from C and from Python.
set -u
top=$1
fail() { echo "packaging: $*"; exit 1; }

for tool in dpkg-buildpackage dh lintian dh_python3; do
    command -v $tool >/dev/null || { echo "packaging: no $tool"; exit 77; }
done
said=$(cd "$top/tests/packaging" && dpkg-checkbuilddeps debian/control 2>&1) ||
    { echo "packaging: $said"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

for n in 1 2; do
    mkdir "$dir/$n" "$dir/tmp-$n" || exit 1
    TMPDIR=$dir/tmp-$n sh "$top/tests/packaging/build.sh" -n -o "$dir/$n" >"$dir/said" 2>&1 ||
        { cat "$dir/said"; fail "build.sh failed"; }
done
for deb in "$dir"/1/*.deb; do
    cmp "$deb" "$dir/2/${deb##*/}" || fail "${deb##*/}: two builds differ"
done
[ "$(cat "$dir"/1/lintian.log "$dir"/2/lintian.log | grep -c '^[EW]:')" = 0 ] ||
    fail "lintian: $(cat "$dir/1/lintian.log")"

# -O2 of dpkg-buildflags, coming last, makes the codec three times slower.
awk '/^\[.* -c .*kernels\/ops\/[a-z_]*\.c$/ {
    n++
    for (i = 1; i <= NF; i++) if ($i ~ /^-O/) last = $i
    if (last != "-O3") { print "packaging: " last ": " $NF; bad = 1 }
} END { if (!n) print "packaging: no op in build.log"; exit bad || !n }' "$dir/1/build.log" ||
    exit 1

# --- The packages' files, beside each other ---
root=$dir/root
has() {
    dpkg-deb -c "$dir/1/$1"_*.deb | awk '{ print $6 }' >"$dir/list" || fail "no package $1"
    grep -q "^\./$2\$" "$dir/list" || fail "$1 does not hold $2, but $(cat "$dir/list")"
    dpkg-deb -x "$dir/1/$1"_*.deb "$root" || exit 1
}
has libtelu0 'usr/lib/[^/]*/libtelu\.so\.0'
has libtelu-dev 'usr/include/telu\.h'
has gstreamer1.0-telucodec 'usr/lib/[^/]*/gstreamer-1\.0/libgsttelucodec\.so'
has telucodec usr/bin/telucodec
has telucodec usr/share/mime/packages/telucodec.xml
has telucodec-models-te 'usr/share/telucodec/.*\.safetensors'
has python3-telucodec 'usr/lib/python3/dist-packages/telucodec/__init__\.py'
! grep -rlF -e "$dir/tmp-1" -e "$top" "$root" || fail "a folder of the build stands in these"

lib=$(dirname "$(find "$root" -name libtelu.so.0)")
weights=$(find "$root" -name '*.safetensors')
export LD_LIBRARY_PATH="$lib" GST_REGISTRY="$dir/registry.bin" XDG_DATA_HOME="$dir/none"
unset GST_PLUGIN_PATH TELUCODEC_MODEL TELUCODEC_MODEL_PATH
said=$("$root/usr/bin/telucodec" models) || fail "telucodec models: $said"
case $said in *"$(basename "$weights" .safetensors)"*) ;; *) fail "models: $said" ;; esac
cd "$dir" || exit 1
"$root/usr/bin/telucodec" encode -q -m "$weights" "$top/gst/demo.flac" -o "$dir/a.tlc" &&
    "$root/usr/bin/telucodec" decode -q "$dir/a.tlc" -o "$dir/a.wav" || fail "the program failed"
db=$("$root/usr/bin/telucodec" compare --json "$top/gst/demo.flac" "$dir/a.wav" |
    sed -n 's/.*"snr": *\([0-9.]*\).*/\1/p')
awk -v db="$db" 'BEGIN { exit !(db >= 20) }' || fail "SNR of the demo is '$db' dB, expected 20"

flags=$(PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$lib/pkgconfig \
    pkg-config --cflags --libs telucodec) || fail "no telucodec.pc"
# shellcheck disable=SC2086
cc -o "$dir/use" "$top/tests/codec/use_library.c" $flags || fail "libtelu-dev: no C program"
in_c=$("$dir/use" "$weights") || fail "libtelu0: the C program failed"
if python3 -c 'import numpy' 2>/dev/null; then
    PYTHONPATH=$root/usr/lib/python3/dist-packages python3 -c 'import telucodec
assert telucodec.version() == telucodec.__version__
assert len(telucodec.decode(telucodec.encode([0.1] * 999, "'"$weights"'"), "'"$weights"'")) == 1200
' || fail "python3-telucodec does not work"
else
    echo "packaging: no numpy: python3-telucodec left out"
fi
echo "packaging: $(ls "$dir"/1/*.deb | wc -l) packages; $in_c; SNR of the demo $db dB"
