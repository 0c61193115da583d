#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make_vectors.sh BUILD - makes the test vectors anew (tests/exact/vectors.h), for new weights or a
# new format; BUILD is a build folder. Then decode.py must get the same sums. Needs GStreamer's
# good plugins and numpy.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
te=$here/../../trainer/models/telucodec-te-16k.safetensors
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

gst-launch-1.0 -q filesrc location="$here/../../gst/demo.flac" ! flacparse ! flacdec ! \
    audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate=16000,channels=1 ! \
    filesink location="$scratch/speech.f32"
"$build/tests/exact/make_vectors" "$here/vectors" "$here/tiny.safetensors" "$te" \
    "$scratch/speech.f32"

for stream in "$here"/vectors/*.tlc; do
    name=$(basename "$stream" .tlc)
    case $name in te-*) weights=$te ;; *) weights=$here/tiny.safetensors ;; esac
    python3 "$here/decode.py" "$weights" "$stream" "$scratch/$name.f32"
done
cd "$scratch"
grep -v -e -lost "$here/vectors/vectors.sha256" | sha256sum -c
