#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_style.sh TREE - what a machine can see of style: tabs, trailing blanks, the last
# newline, SPDX lines, left-over markers, and only the agreed names at the top.
set -u
cd "$1" || exit 1
failed=0
bad() { echo "style: $*"; failed=1; }

files=$(find gst kernels trainer tests -type f \( -name '*.c' -o -name '*.h' \
    -o -name '*.sh' -o -name '*.py' -o -name meson.build \) | sort)
[ -n "$files" ] || { echo "style: no sources below $1"; exit 1; }

tab=$(printf '\t')
for f in $files meson.build meson_options.txt README.md kernels/FORMAT.md; do
    grep -n "$tab" "$f" >/dev/null && bad "$f: a tab"
    grep -n ' $' "$f" >/dev/null && bad "$f: a trailing blank"
    [ -z "$(tail -c 1 "$f")" ] || bad "$f: no newline at the end"
done
for f in $files; do
    head -3 "$f" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' ||
        bad "$f: no SPDX line at its head"
    # a pipeline that is to be pasted stays in one line
    awk -v f="$f" 'length($0) > 100 && !/gst-launch-1.0/ { print "style: " f ":" NR ": over 100 columns"; bad = 1 }
        END { exit bad }' "$f" || failed=1
done
for f in $(echo "$files" | grep '\.[ch]$'); do
    grep -nE '^[^"]*(^|[[:space:]])//' "$f" >/dev/null && bad "$f: a // comment"
    grep -nwE 'T[O]DO|F[I]XME|X[X]X' "$f" >/dev/null && bad "$f: a left-over marker"
done
[ $failed = 0 ] && echo "style: $(echo "$files" | wc -l) files are clean"
exit $failed
