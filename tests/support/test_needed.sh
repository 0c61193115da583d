#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_needed.sh plain|module FILE ... - plain: a program that runs without a GPU needs no
# library of CUDA. module: it does need them, names no folder, and exports its entry alone.
set -u
command -v nm >/dev/null && command -v readelf >/dev/null ||
    { echo "needed: nm or readelf is missing"; exit 77; }
kind=$1
shift
failed=0
bad() { echo "needed: $*"; failed=1; }

for file; do
    dynamic=$(readelf -dW "$file") || exit 1
    needed=$(echo "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    [ -n "$needed" ] || bad "$file needs nothing, not even libc"
    cuda=$(echo "$needed" | grep -E '^lib(cuda|cudart|cublas|cublasLt|cufft|nccl)\.so')
    if [ "$kind" = plain ]; then
        [ -z "$cuda" ] || bad "$file needs" $cuda
        continue
    fi
    for library in cudart cublas cufft; do
        echo "$cuda" | grep -q "^lib$library\.so" || bad "$file does without lib$library"
    done
    echo "$cuda" | grep -qE '^lib(cuda|nccl)\.so' && bad "$file needs the driver or NCCL"
    path=$(echo "$dynamic" | grep -E 'RPATH|RUNPATH')
    [ -z "$path" ] || bad "$file:" $path
    names=$(nm -D --defined-only "$file" | awk '{ print $3 }')
    [ "$names" = telu_module_get ] || bad "$file exports" $names
done
[ $failed = 0 ] && echo "needed: ok"
exit $failed
