#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh [--all] - installs what is missing, builds, and runs the tests. With --all also the slow
# ones, all but these again with AddressSanitizer and UBSan, and the gates of support/gates.sh.
# Ends with "N passed, N failed, N skipped".
set -u
case $#$*: in
0:) all=no ;;
1--all:) all=yes ;;
*) echo "usage: sh tests/run.sh [--all]" >&2; exit 2 ;;
esac
. "$(dirname "$0")/setup.sh"

ok=0 failed=0 skipped=0

# took WHAT: says how long that was since the last call
took() {
    echo "$1: $(($(date +%s) - since)) s"
    since=$(date +%s)
}
since=$(date +%s)

# run_tests FOLDER [meson test option ...]
run_tests() {
    folder=$1
    shift
    meson test -C "$folder" --print-errorlogs --no-rebuild "$@" 2>&1 | tee "$folder/run.txt"
    count() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$folder/run.txt" | tail -1; }
    n=$(count Ok) && ok=$((ok + ${n:-0}))
    n=$(count 'Expected Fail') && ok=$((ok + ${n:-0}))
    n=$(count Skipped) && skipped=$((skipped + ${n:-0}))
    for word in Fail 'Unexpected Pass' Timeout; do
        n=$(count "$word") && failed=$((failed + ${n:-0}))
    done
}

install_missing
took "installing"
if [ "${CI:-}" = true ]; then
    build_tree --werror
else
    build_tree
fi
took "building"

# One registry for these runs alone: the user's own stays as it is.
GST_REGISTRY=$build/registry.bin
export GST_REGISTRY

fast='--no-suite slow --no-suite orders'
# shellcheck disable=SC2046,SC2086  # options
run_tests "$build" $([ $all = yes ] || echo "$fast")
took "testing"

if [ $all = yes ]; then
    echo "Again with AddressSanitizer and UBSan:"
    plain=$build
    build=$plain-asan
    # The plain build has run nvcc already; the kernels run here as C++.
    build_tree -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        -Dcuda=disabled
    # shellcheck disable=SC2086
    run_tests "$build" $fast --timeout-multiplier 4
    took "testing with sanitizers"
    . "$top/tests/support/gates.sh"
fi

[ $((ok + failed)) -gt 0 ] || die "no test ran"
echo "$ok passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
