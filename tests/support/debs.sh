# SPDX-License-Identifier: LGPL-2.1-or-later
# debs.sh - sourced by tests/gpu.sh: GStreamer, GLib and OpenBLAS from Debian
# packages in a folder, for a machine that has none of them, no network and nothing to
# install with.

debs_needed='
libglib2.0-dev libffi-dev libpcre2-dev zlib1g-dev libmount-dev libblkid-dev libselinux1-dev
libsepol-dev uuid-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
liborc-0.4-dev libunwind-dev liblzma-dev libdw-dev libelf-dev libopenblas-pthread-dev
libglib2.0-0 libffi8 libpcre2-8-0 zlib1g libmount1 libblkid1 libselinux1 libuuid1
libgstreamer1.0-0 libgstreamer-plugins-base1.0-0 liborc-0.4-0 libunwind8
libdw1 libelf1 libcap2 liblzma5 libbz2-1.0 libopenblas0-pthread libgfortran5 libquadmath0
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-tools libflac12 libogg0
libvorbis0a libvorbisenc2 libmpg123-0 libpng16-16 libgudev-1.0-0 pkgconf-bin libpkgconf3
'

# debs_fetch FOLDER: on a Debian 12 with a network, downloads them; installs nothing.
debs_fetch() {
    mkdir -p "$1" || return 1
    # shellcheck disable=SC2086
    (cd "$1" && apt-get download $debs_needed)
}

# debs_use FOLDER ROOT: FOLDER holds .deb files, which are unpacked below ROOT, or is such
# a root already. Sets what meson, the linker and programs look at.
debs_use() {
    root=$(cd "$1" && pwd) || return 1
    if ls "$root"/*.deb >/dev/null 2>&1; then
        mkdir -p "$2" || return 1
        if [ ! -f "$2/unpacked" ]; then
            for deb in "$root"/*.deb; do
                dpkg-deb -x "$deb" "$2" || return 1
            done
            : >"$2/unpacked"
        fi
        root=$(cd "$2" && pwd)
    fi
    triplet=$(cc -dumpmachine | sed 's/-pc-/-/; s/-unknown-/-/')
    debs_dirs="$root/usr/lib/$triplet $root/lib/$triplet $root/usr/lib/$triplet/openblas-pthread"
    [ -d "$root/usr/lib/$triplet" ] || { echo "debs: no libraries below $root" >&2; return 1; }

    # Only what the machine lacks: its own programs must not get older libraries.
    mkdir -p "$root/missing"
    have=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p)
    for dir in $debs_dirs; do
        for lib in "$dir"/*.so.*; do
            [ -e "$lib" ] || continue
            case $have in
            *"$(printf '\t')${lib##*/} "*) ;;
            *) ln -sf "$lib" "$root/missing/" ;;
            esac
        done
    done
    export LD_LIBRARY_PATH="$root/missing${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    LDFLAGS="${LDFLAGS:-}"
    for dir in $debs_dirs; do
        LDFLAGS="$LDFLAGS -Wl,-rpath-link,$dir"
    done
    export LDFLAGS

    PKG_CONFIG_LIBDIR=$root/usr/share/pkgconfig
    for dir in $debs_dirs; do
        PKG_CONFIG_LIBDIR=$dir/pkgconfig:$PKG_CONFIG_LIBDIR
    done
    export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR="$root"
    unset PKG_CONFIG_PATH
    export PKG_CONFIG="$root/usr/bin/pkgconf"

    export PATH="$PATH:$root/usr/bin"
    export GST_PLUGIN_SYSTEM_PATH="$root/usr/lib/$triplet/gstreamer-1.0"
    export GST_PLUGIN_SCANNER="$root/usr/lib/$triplet/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner"
    export GST_REGISTRY="$root/registry.bin"
}
