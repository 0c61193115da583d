#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# nvcc.sh NVCC CXX ARCHS SOURCE OBJECT LOG DEPFILE [flag ...] - one .cu file to one object,
# for every architecture of the comma-separated list and as PTX of the last. LOG is what
# ptxas says of each kernel; tests/support/test_nvcc.sh reads it.
set -u
nvcc=$1 cxx=$2 archs=$3 source=$4 object=$5 log=$6 depfile=$7
shift 7

last=
for arch in $(echo "$archs" | tr , ' '); do
    set -- "$@" -gencode "arch=compute_$arch,code=sm_$arch"
    last=$arch
done
set -- "$@" -gencode "arch=compute_$last,code=compute_$last"

# Products and sums are rounded one by one, as on the CPU.
"$nvcc" -ccbin "$cxx" -std=c++17 -O3 -fmad=false -Xptxas -v \
    -Xcompiler -fPIC,-fvisibility=hidden,-ffp-contract=off,-Wall \
    -MD -MF "$depfile" -MT "$object" "$@" -c "$source" -o "$object" >"$log" 2>&1
status=$?
[ $status = 0 ] || cat "$log" >&2
exit $status
