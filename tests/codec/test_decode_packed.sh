#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_decode_packed.sh PYTHON GOLDEN PACKED - the second decoder, which knows only FORMAT.md,
# decodes the golden stream with the weights PACKED, made of GOLDEN/tiny.safetensors, to the golden
# samples.
set -u
python=$1 golden=$2 packed=$3
if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "decode_packed: no numpy for $python"
    exit 77
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export PYTHONDONTWRITEBYTECODE=1
"$python" "$golden/decode.py" "$packed" "$golden/tiny.tlc" "$out" || exit 1
cmp "$out" "$golden/tiny_postnet.f32"
