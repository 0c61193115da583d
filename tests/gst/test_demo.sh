#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_demo.sh TREE BUILD - the README's first command, in a build that exists: its
# table, its files, and that the coded file is a good one.
set -u
top=$1
failed=0
bad() { echo "demo: $*"; failed=1; }

text=$(TELUCODEC_BUILD=$2 sh "$top/gst/demo.sh" 2>&1) || { echo "$text"; exit 1; }
echo "$text"
for f in before.wav speech.tlc after.wav snr.wav spectrogram.png; do
    [ -s "$2/demo/$f" ] || bad "$f was not written"
done
number() { echo "$text" | sed -n "s/^ *$1  *\([0-9.]*\).*/\1/p"; }
awk -v p="$(number 'SNR, tune=perceptual')" -v s="$(number 'SNR, tune=snr')" \
    -v bytes="$(number '.tlc file')" 'BEGIN {
    if (!(s >= 26)) { print "demo: SNR " s " dB, expected 26 or more"; bad = 1 }
    if (!(p >= 20)) { print "demo: SNR " p " dB, tuned for the ear, expected 20 or more"; bad = 1 }
    if (!(bytes > 18000 && bytes < 24500)) {
        print "demo: " bytes " bytes for 11 s at 16 kbit/s"; bad = 1 }
    exit bad }' || failed=1

text=$(TELUCODEC_BUILD=$2 sh "$top/gst/demo.sh" "$2/no such file" 2>&1) &&
    bad "a file that is not there was no error"
case $text in
*"no such file"*) ;;
*) bad "the error does not name the file: $text" ;;
esac
exit $failed
