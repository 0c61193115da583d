#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_cpus.sh TREE BUILD VECTORS-ARGUMENT ... - runs the test vectors on CPUs that are not here, by
# qemu: the build's own program on x86-64 without AVX and with AVX2 alone, and one cross-compiled
# for 64-bit ARM. There too test_linear8 holds each way to add to its formula, and test_many packets
# that are coded together to single ones. Leaves out CPUs for which qemu or compiler is missing
# (Debian: qemu-user, gcc-aarch64-linux-gnu).
set -eu
tree=$1
build=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ran=0

# without PROGRAM: says that it is missing.
without() {
    echo "cpus: left out, for lack of $1"
}

if [ "$(uname -m)" != x86_64 ]; then
    echo "cpus: x86-64 is left out: its program cannot be built here"
elif ! command -v qemu-x86_64 >/dev/null; then
    without qemu-x86_64
else
    for cpu in Nehalem Haswell; do
        echo "cpus: x86-64, $cpu"
        qemu-x86_64 -cpu $cpu "$build/tests/exact/test_vectors" "$@"
        qemu-x86_64 -cpu $cpu "$build/tests/ops/test_linear8"
        qemu-x86_64 -cpu $cpu "$build/tests/exact/test_many" 16
        ran=1
    done
fi

gcc=aarch64-linux-gnu-gcc
if ! command -v $gcc >/dev/null; then
    without $gcc
elif ! command -v qemu-aarch64 >/dev/null; then
    without qemu-aarch64
else
    echo "cpus: 64-bit ARM"
    flags="-std=gnu11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -static"
    for room in '' /ops /codec; do
        flags="$flags -I$tree/kernels$room"
    done
    cd "$scratch"
    # shellcheck disable=SC2046,SC2086  # lists
    $gcc $flags -c $(ls "$tree"/kernels/ops/*.c "$tree"/kernels/codec/*.c | grep -v grad)
    # compile SOURCE ...: makes ./test
    compile() {
        # shellcheck disable=SC2086
        $gcc $flags -I"$tree/tests/support" -o test "$@" ./*.o -lm -pthread
    }
    compile "$tree/tests/ops/test_linear8.c"
    qemu-aarch64 ./test
    compile "$tree/tests/exact/test_vectors.c" "$tree/tests/exact/vectors.c"
    qemu-aarch64 ./test "$@"
    compile "$tree/tests/exact/test_many.c" "$tree/tests/support/tiny_model.c"
    qemu-aarch64 ./test 16
    ran=1
fi
[ $ran = 1 ] || exit 77
