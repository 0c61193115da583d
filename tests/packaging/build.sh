#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# build.sh [-o FOLDER] [-n] - makes Debian packages in FOLDER (default: build-packages/):
# libtelu0, libtelu-dev, gstreamer1.0-telucodec, telucodec, telucodec-models-te, python3-telucodec.
# Nothing else is written. -n leaves the tests out. Install before:
#   build-essential dpkg-dev debhelper lintian, and the packages that it then names.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$PWD/build-packages
die() { echo "build.sh: $*" >&2; exit 1; }

while getopts o:n option; do
    case $option in
    o) out=$OPTARG ;;
    n) DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} nocheck"; export DEB_BUILD_OPTIONS ;;
    *) die "usage: build.sh [-o FOLDER] [-n]" ;;
    esac
done
for tool in dpkg-buildpackage dh lintian; do
    command -v $tool >/dev/null ||
        die "no $tool: apt-get install build-essential dpkg-dev debhelper lintian"
done
mkdir -p "$out" && out=$(cd "$out" && pwd) || die "$out cannot be made: name another with -o"
work=$(mktemp -d) || die "no temporary folder: set TMPDIR to one that can be written"
trap 'rm -rf "$work"' EXIT

tree=$work/telucodec
mkdir "$tree" || die "$work is full"
# Git's files, and not what was built beside them; all files of a tree without git.
(cd "$top" && if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard
else
    find . -path './build*' -prune -o -type f -print0
fi | tar -c --null --ignore-failed-read -T -) 2>/dev/null | tar -x -C "$tree" ||
    die "$top cannot be copied to $tree"
mv "$tree/tests/packaging/debian" "$tree/debian" || die "$tree is not whole"
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$tree/meson.build")
packaged=$(cd "$tree" && dpkg-parsechangelog -S Version) || die "debian/changelog cannot be read"
[ "${packaged%-*}" = "$version" ] ||
    die "debian/changelog is of $packaged, meson.build of $version: begin a new entry"
(cd "$tree" && dpkg-checkbuilddeps) || die "apt-get install the packages named above"

(cd "$tree" && dpkg-buildpackage -us -uc -b) >"$out/build.log" 2>&1 ||
    { tail -30 "$out/build.log"; die "dpkg-buildpackage failed: $out/build.log has it all"; }
# No bug of Debian asks for a package that nobody has uploaded there.
lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs \
    --display-info "$work"/*.changes >"$out/lintian.log" 2>&1 ||
    { cat "$out/lintian.log"; die "lintian has objections"; }
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/" || die "$out cannot be written"
ls -l "$out"
