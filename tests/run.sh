#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh - installs what is missing, builds, and runs every test: once as built for
# use, once with AddressSanitizer and UBSan. Ends with "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/setup.sh"

install_missing
if [ "${CI:-}" = true ]; then
    build_tree --werror
else
    build_tree
fi

# One registry for these runs alone: the user's own stays as it is.
GST_REGISTRY=$build/registry.bin
export GST_REGISTRY

ok=0 failed=0 skipped=0

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

run_tests "$build"

echo "Again with AddressSanitizer and UBSan:"
plain=$build
build=$plain-asan
# The plain build has run nvcc already; the kernels run here as C++.
build_tree -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
    -Dcuda=disabled
run_tests "$build" --no-suite slow --timeout-multiplier 4

if [ "${CI:-}" = true ]; then
    . "$top/tests/support/gates.sh"
fi

[ $((ok + failed)) -gt 0 ] || die "no test ran"
echo "$ok passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
