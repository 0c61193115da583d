#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_gpu.sh TREE - gpu.sh without a GPU, and without nvcc: says so, and exits with 77.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
printf '#!/bin/sh\nexit 9\n' >"$dir/nvidia-smi"
printf '#!/bin/sh\necho "release 13.0,"\n' >"$dir/nvcc"
chmod +x "$dir/nvidia-smi" "$dir/nvcc"
failed=0

expect() { # REASON: the last run was skipped and gave this reason
    if [ "$status" != 77 ] || ! grep -q "$1: nothing to do here" "$dir/err" ||
        [ -s "$dir/out" ]; then
        echo "status $status, expected 77 and \"$1\", but:"
        cat "$dir/err" "$dir/out"
        failed=1
    fi
}

CUDA_HOME=$dir PATH=$dir:$PATH sh "$1/tests/gpu.sh" --out "$dir/o" >"$dir/out" 2>"$dir/err"
status=$?
for tool in gcc g++ python3 meson ninja; do
    command -v $tool >/dev/null || { expect "no $tool"; exit $failed; }
done
expect "nvidia-smi finds no GPU"

# Nothing but what the script itself begins with.
mkdir "$dir/bin"
for tool in sh dirname sed cat; do
    ln -s "$(command -v $tool)" "$dir/bin/"
done
CUDA_HOME=$dir/none PATH=$dir/bin sh "$1/tests/gpu.sh" >"$dir/out" 2>"$dir/err"
status=$?
expect "no nvcc on the PATH or in $dir/none/bin"
exit $failed
