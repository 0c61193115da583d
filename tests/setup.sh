# SPDX-License-Identifier: LGPL-2.1-or-later
# setup.sh - sourced by tests/run.sh and gst/demo.sh: installs from Debian's packages
# what is missing, says what, and uses sudo only when it is not run as root.
# Afterwards $top is the tree and $build the build folder.

top=$(cd "$(dirname "$0")/.." && pwd)

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# can_write FOLDER: it can be written, or made
can_write() { mkdir -p "$1" 2>/dev/null && [ -w "$1" ]; }

# The build folder is in the tree, or in the user's cache where the tree cannot be written.
build=${TELUCODEC_BUILD:-}
if [ -z "$build" ]; then
    build=$top/build
    if ! { [ -w "$top" ] && can_write "$build"; }; then
        build=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/telucodec/build
        can_write "$build" || { build=$(mktemp -d)/build && can_write "$build"; } ||
            die "no folder to build in: $top cannot be written; set TELUCODEC_BUILD to one"
        echo "$top cannot be written: building in $build"
    fi
elif ! can_write "$build"; then
    die "TELUCODEC_BUILD is $build, which cannot be written: expected a folder that can"
fi

# Each need: its package in Debian, Fedora and Arch; the command, pkg-config module, header or
# element that shows it is there
demo_needs='
gcc|gcc|gcc=cmd:cc
libc6-dev|glibc-devel|glibc=header:stdio.h
meson|meson|meson=cmd:meson
ninja-build|ninja-build|ninja=cmd:ninja
pkg-config|pkgconf-pkg-config|pkgconf=cmd:pkg-config
libgstreamer1.0-dev|gstreamer1-devel|gstreamer=pc:gstreamer-check-1.0
libgstreamer-plugins-base1.0-dev|gstreamer1-plugins-base-devel|gst-plugins-base=pc:gstreamer-fft-1.0
gstreamer1.0-tools|gstreamer1|gstreamer=cmd:gst-launch-1.0
gstreamer1.0-plugins-base-apps|gstreamer1-plugins-base-tools|gst-plugins-base=cmd:gst-discoverer-1.0
gstreamer1.0-plugins-base|gstreamer1-plugins-base|gst-plugins-base=element:audioresample
gstreamer1.0-plugins-good|gstreamer1-plugins-good|gst-plugins-good=element:pngenc
'
# Without it meson takes /usr/lib64 for Debian's folder of libraries, where nothing looks.
if command -v apt-get >/dev/null 2>&1; then
    demo_needs="$demo_needs
dpkg-dev=cmd:dpkg-architecture"
fi
# also for the trainer and the tests
needs="$demo_needs
g++|gcc-c++|gcc=cmd:c++
libopenblas-dev|openblas-devel|openblas=pc:openblas
libopenmpi-dev|openmpi-devel|openmpi=pc:ompi-c
openmpi-bin|openmpi|openmpi=cmd:mpirun
"

have() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    header:*) printf '#include <%s>\n' "${1#header:}" | cc -E - >/dev/null 2>&1 ;;
    element:*) gst-inspect-1.0 --exists "${1#element:}" >/dev/null 2>&1 ;;
    esac
}

# missing [COLUMN]: the packages of what is not there, in Debian (1), Fedora (2) or Arch (3)
missing() {
    for need in $needs; do
        have "${need#*=}" || echo "${need%%=*}"
    done | cut -d '|' -f "${1:-1}" | awk '!seen[$0]++' | tr '\n' ' '
}

# by_hand: says how to install what is missing where there is no apt-get; does not return
by_hand() {
    fedora="sudo dnf install $(missing 2)"
    arch="sudo pacman -S --needed $(missing 3)"
    if command -v dnf >/dev/null 2>&1; then
        die "some packages are missing. Install them, then come back:
  $fedora"
    elif command -v pacman >/dev/null 2>&1; then
        die "some packages are missing. Install them, then come back:
  $arch"
    fi
    die "some packages are missing, and apt-get, dnf and pacman as well. They are called
  in Debian  $(missing 1)
  in Fedora  $(missing 2)
  in Arch    $(missing 3)"
}

install_missing() {
    wanted=$(missing)
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null 2>&1 || by_hand
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

# setup_tree [meson option ...]: sets up a build folder
setup_tree() {
    meson setup "$build" "$top" "$@" >"$build.log" 2>&1 ||
        { cat "$build.log"; die "meson setup failed"; }
}

# build_targets [ninja target ...]: builds them, or everything; says little.
build_targets() {
    ninja -C "$build" "$@" >"$build.log" 2>&1 ||
        { tail -40 "$build.log"; die "the build failed"; }
    rm -f "$build.log"
}

# build_tree [meson option ...]: sets up once, builds everything.
build_tree() {
    if [ ! -f "$build/build.ninja" ]; then
        setup_tree "$@"
    elif [ -f "$build/demo-only" ]; then
        # build_demo chose one GPU, or none, and did without the trainer's libraries.
        every=$(sed -n "/'cuda-arch'/s/.*value: '\([^']*\)'.*/\1/p" "$top/meson_options.txt")
        setup_tree --reconfigure -Dcuda=auto -Dcuda-arch="$every" "$@"
        rm -f "$build/demo-only"
    fi
    build_targets
}

# gpu_arch: the compute capability of this machine's GPU, as in 90; nothing without one
gpu_arch() {
    nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 |
        tr -cd 0-9
}

# build_demo: the plugin and the program; the CUDA module for this machine's GPU alone.
build_demo() {
    arch=$(gpu_arch)
    if [ ! -f "$build/build.ninja" ]; then
        if [ -n "$arch" ] && have cmd:c++; then
            setup_tree -Dcuda=auto -Dcuda-arch="$arch"
        else
            setup_tree -Dcuda=disabled
        fi
        : >"$build/demo-only"
    fi
    set -- gst/libgsttelucodec.so gst/program/telucodec
    module=kernels/module/libtelucodec-cuda.so
    # In a folder of all architectures only a module that is there is kept up to date.
    if [ -f "$build/$module" ] || { [ -f "$build/demo-only" ] && [ -n "$arch" ]; }; then
        ninja -C "$build" -t query "$module" >/dev/null 2>&1 && set -- "$@" "$module"
    fi
    build_targets "$@"
}
