#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_beyond.sh TEST_PLANTED - each write out of bounds ends the process, and for that
# reason: by AddressSanitizer at once, else by the red zones when it ends.
set -u
failed=0
for what in beyond beyond_shared beyond_array; do
    said=$("$1" "$what" 2>&1)
    status=$?
    case $status:$said in
    77:*) echo "$what: only with AddressSanitizer" ;;
    *AddressSanitizer*"in $what"*) [ $status != 0 ] || failed=1 ;;
    99:*"behind 256 bytes of device memory"* | 99:*"$what: wrote beyond its 256 bytes"*) ;;
    *) failed=1; echo "$what: status $status: $said" ;;
    esac
done
exit $failed
