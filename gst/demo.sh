#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# demo.sh [AUDIO] - hears speech through the codec: installs what is missing, builds,
# compresses AUDIO (default: a bundled Telugu clip) at 16 kbit/s, decodes it, and says
# what came of it.
set -u
. "$(dirname "$0")/../tests/setup.sh"

audio=${1:-$top/gst/demo.flac}
[ -r "$audio" ] ||
    die "$audio: cannot be read; give an audio file, or none for the bundled clip"

needs=$demo_needs
install_missing
build_demo

export GST_PLUGIN_PATH="$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export GST_REGISTRY="$build/registry.bin"
out=$build/demo
mkdir -p "$out" || die "$out cannot be made"

telucodec=$build/gst/program/telucodec

# step WHAT COMMAND ...
step() {
    what=$1
    shift
    "$@" >"$out/log.txt" 2>&1 || { cat "$out/log.txt" >&2; die "$what failed"; }
}

now() { date +%s.%N; }

# The program reads more kinds of files than GStreamer alone, and names the package of others.
step "reading $audio" "$telucodec" play "$audio" --sink "audioconvert ! \
    audio/x-raw,format=S16LE,rate=16000,channels=1 ! wavenc ! filesink location=\"$out/before.wav\""

t0=$(now)
step "encoding" "$telucodec" encode -f "$out/before.wav" -o "$out/speech.tlc"
t1=$(now)
step "decoding" "$telucodec" decode -f "$out/speech.tlc" -o "$out/after.wav"
t2=$(now)
step "encoding for SNR" "$telucodec" encode -f --tune snr "$out/before.wav" -o "$out/snr.tlc"
step "decoding" "$telucodec" decode -f "$out/snr.tlc" -o "$out/snr.wav"

"$telucodec" compare "$out/before.wav" "$out/after.wav" -f -o "$out/spectrogram.png" \
    >"$out/compare.txt" || die "comparing failed"
"$telucodec" compare "$out/before.wav" "$out/snr.wav" >"$out/snr.txt" || die "comparing failed"

field() { sed -n "s/^$2  *\([^ ]*\).*/\1/p" "$1"; }
seconds=$(field "$out/compare.txt" seconds)
before=$(wc -c <"$out/before.wav")
. "$top/gst/demo-page.sh"
after=$(wc -c <"$out/speech.tlc")

echo
echo "telucodec at 16 kbit/s: $audio"
awk -v s="$seconds" -v b="$before" -v a="$after" -v e="$t0" -v d="$t1" -v f="$t2" \
    -v p="$(field "$out/compare.txt" SNR)" -v q="$(field "$out/snr.txt" SNR)" '
BEGIN {
    row = "  %-26s %s\n"
    printf row, "length", sprintf("%.2f s", s)
    printf row, "16-bit PCM", sprintf("%d bytes, 256 kbit/s", b)
    printf row, ".tlc file", sprintf("%d bytes, %.2f kbit/s", a, a * 8 / s / 1000)
    printf row, "ratio", sprintf("%.1f : 1", b / a)
    printf row, "SNR, tune=perceptual", p " dB"
    printf row, "SNR, tune=snr", q " dB"
    printf row, "encode, decode", sprintf("%.2f s, %.2f s (%.0f, %.0f x real time, " \
        "start-up included)", d - e, f - d, s / (d - e), s / (f - d))
    printf row, "latency", "25 ms (20 ms packet + 5 ms overlap)"
}'
echo
echo "  before    $out/before.wav"
echo "  packets   $out/speech.tlc"
echo "  after     $out/after.wav   (tune=snr: $out/snr.wav)"
echo "  picture   $out/spectrogram.png   (before, after, difference, levels)"
echo "  page      $out/index.html   (hear 3 to 16 kbit/s$with_opus in a browser)"
echo
echo "Listen:  $telucodec play $out/speech.tlc"
