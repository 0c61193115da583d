#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_headers.sh TREE CC ... - each header of kernels/ compiles alone, as C11 and, where
# there is a C++ compiler, as C++; telu.h also without GLib or GStreamer on the path. A
# header that includes CUDA's compiles as C++ with those of tests/cuda-on-cpu: few machines
# have the real ones.
set -u
top=$1
shift
cc=$*
failed=0
n=0
include="-I$top/kernels"
for room in "$top"/kernels/*/; do
    include="$include -I$room"
done
for h in "$top"/kernels/*.h "$top"/kernels/*/*.h; do
    name=$(basename "$h")
    n=$((n + 1))
    if grep -q '#include <cu' "$h"; then
        command -v c++ >/dev/null 2>&1 || continue
        printf '#include "%s"\n' "$name" |
            c++ -std=gnu++17 -Wall -Wextra -Werror -Wno-unused-parameter \
                -I"$top/tests/cuda-on-cpu" $include -x c++ -c - -o /dev/null ||
            { echo "headers: $name does not compile alone as C++"; failed=1; }
        continue
    fi
    glib=
    if grep -q '#include <glib' "$h"; then
        glib=$(pkg-config --cflags glib-2.0 2>/dev/null) || continue
    fi
    printf '#include "%s"\n' "$name" |
        $cc -std=c11 -Wall -Wextra -Werror $include $glib -x c -c - -o /dev/null ||
        { echo "headers: $name does not compile alone as C"; failed=1; }
    if command -v c++ >/dev/null 2>&1; then
        printf '#include "%s"\n' "$name" |
            c++ -Wall -Wextra -Werror $include $glib -x c++ -c - -o /dev/null ||
            { echo "headers: $name does not compile alone as C++"; failed=1; }
    fi
done
[ $n -gt 0 ] || { echo "headers: none below $top/kernels"; exit 1; }
[ $failed = 0 ] && echo "headers: $n compile alone"
exit $failed
