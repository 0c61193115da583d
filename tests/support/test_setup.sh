#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_setup.sh TREE - what setup.sh says on a machine that lacks everything and has no apt-get: the
# command of Fedora or of Arch, else the packages' names; and only what is missing.
set -u
top=$1
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/build" || exit 1
for tool in sh env dirname basename mkdir cut awk tr id rm cat mktemp; do
    ln -s "$(command -v $tool)" "$dir/bin/" || exit 1
done

# says MANAGER NEEDS: runs install_missing with that package manager; it must fail
says() {
    [ "$1" = none ] || { printf '#!/bin/sh\nexit 1\n' >"$dir/bin/$1"; chmod +x "$dir/bin/$1"; }
    text=$(PATH=$dir/bin TELUCODEC_BUILD=$dir/build "$dir/bin/sh" -c '. "$0"
        [ "$1" = all ] || needs=$demo_needs
        install_missing' "$top/tests/setup.sh" "$2" 2>&1) &&
        { echo "setup: with $1: no failure, but: $text"; failed=1; }
    [ "$1" = none ] || rm "$dir/bin/$1"
}
expect() {
    case $text in
    *"$1"*) ;;
    *) echo "setup: expected \"$1\" in: $text"; failed=1 ;;
    esac
}
never() {
    case $text in
    *"$1"*) echo "setup: \"$1\" in: $text"; failed=1 ;;
    esac
}

says dnf demo
expect 'sudo dnf install gcc glibc-devel meson ninja-build pkgconf-pkg-config gstreamer1-devel '
expect ' gstreamer1-plugins-base-tools gstreamer1-plugins-base gstreamer1-plugins-good '
never openblas
never apt
never dpkg
says dnf all
expect 'gcc-c++ openblas-devel openmpi-devel openmpi '
says pacman all
expect 'sudo pacman -S --needed gcc glibc meson ninja pkgconf gstreamer gst-plugins-base '
expect ' gst-plugins-good openblas openmpi '
# Each package once: gcc is C and C++ in Arch.
never 'gcc openblas'
says none demo
expect 'in Debian  gcc libc6-dev meson '
expect 'in Fedora  gcc glibc-devel '
expect 'in Arch    gcc glibc '
# A tool that is there is not asked for; root or not, apt-get is what Debian is told.
ln -s "$dir/bin/cat" "$dir/bin/meson"
says dnf demo
never ' meson'
rm "$dir/bin/meson"
says apt-get demo
expect 'apt-get'
expect 'libgstreamer1.0-dev'
expect 'dpkg-dev'
never dnf
[ $failed = 0 ] && echo "setup: says what to install with dnf, pacman, apt-get or none"
exit $failed
