# SPDX-License-Identifier: LGPL-2.1-or-later
# setup.sh - sourced by tests/run.sh and gst/demo.sh: installs from Debian's packages
# what is missing, says what, and uses sudo only when it is not run as root.
# Afterwards $top is the tree and $build the build folder.

top=$(cd "$(dirname "$0")/.." && pwd)
build=${TELUCODEC_BUILD:-$top/build}

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# package, and the command or pkg-config module that shows it is there
needs='
gcc=cmd:cc
g++=cmd:c++
libc6-dev=header:stdio.h
meson=cmd:meson
ninja-build=cmd:ninja
pkg-config=cmd:pkg-config
libgstreamer1.0-dev=pc:gstreamer-check-1.0
libgstreamer-plugins-base1.0-dev=pc:gstreamer-fft-1.0
libopenblas-dev=pc:openblas
libopenmpi-dev=pc:ompi-c
openmpi-bin=cmd:mpirun
gstreamer1.0-tools=cmd:gst-launch-1.0
gstreamer1.0-plugins-base-apps=cmd:gst-discoverer-1.0
gstreamer1.0-plugins-base=element:audioresample
gstreamer1.0-plugins-good=element:pngenc
'

have() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    header:*) printf '#include <%s>\n' "${1#header:}" | cc -E - >/dev/null 2>&1 ;;
    element:*) gst-inspect-1.0 --exists "${1#element:}" >/dev/null 2>&1 ;;
    esac
}

missing() {
    for need in $needs; do
        have "${need#*=}" || printf '%s ' "${need%%=*}"
    done
}

install_missing() {
    wanted=$(missing)
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "missing: $wanted- and there is no apt-get here; install them by hand"
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1; then
        sudo=sudo
    else
        die "missing: $wanted- run as root or install sudo, or: apt-get install $wanted"
    fi
    echo "Installing from Debian's packages: $wanted"
    $sudo apt-get update -qq || die "apt-get update failed"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq \
        --no-install-recommends $wanted >/dev/null ||
        die "apt-get could not install: $wanted"
    left=$(missing)
    [ -z "$left" ] || die "installed, but still not found: $left"
}

# build_tree [meson option ...]: sets up once, builds, says little.
build_tree() {
    if [ ! -f "$build/build.ninja" ]; then
        meson setup "$build" "$top" "$@" >"$build.log" 2>&1 ||
            { cat "$build.log"; die "meson setup failed"; }
    fi
    ninja -C "$build" >"$build.log" 2>&1 || { tail -40 "$build.log"; die "the build failed"; }
    rm -f "$build.log"
}
