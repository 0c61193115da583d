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

# launch WHAT element ! element ...
launch() {
    what=$1
    shift
    gst-launch-1.0 -q "$@" >"$out/log.txt" 2>&1 ||
        { cat "$out/log.txt" >&2; die "$what failed"; }
}

now() { date +%s.%N; }

launch "reading $audio" filesrc location="$audio" ! decodebin ! audioconvert ! \
    audioresample ! audio/x-raw,format=S16LE,rate=16000,channels=1 ! wavenc ! \
    filesink location="$out/before.wav"

t0=$(now)
launch "encoding" filesrc location="$out/before.wav" ! wavparse ! \
    telucodecenc bitrate=16000 ! telucodecmux ! filesink location="$out/speech.tlc"
t1=$(now)
launch "decoding" filesrc location="$out/speech.tlc" ! telucodecparse ! \
    telucodecdec ! audio/x-raw,format=S16LE ! wavenc ! \
    filesink location="$out/after.wav"
t2=$(now)
launch "encoding for SNR" filesrc location="$out/before.wav" ! wavparse ! \
    telucodecenc bitrate=16000 tune=snr ! telucodecdec ! \
    audio/x-raw,format=S16LE ! wavenc ! filesink location="$out/snr.wav"

"$build/gst/program/telucodec" compare "$out/before.wav" "$out/after.wav" \
    -f -o "$out/spectrogram.png" >"$out/compare.txt" || die "comparing failed"
"$build/gst/program/telucodec" compare "$out/before.wav" "$out/snr.wav" \
    >"$out/snr.txt" || die "comparing failed"

field() { sed -n "s/^$2  *\([^ ]*\).*/\1/p" "$1"; }
seconds=$(field "$out/compare.txt" seconds)
before=$(wc -c <"$out/before.wav")
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
echo "  picture   $out/spectrogram.png   (before above, after below)"
echo
echo "Listen:  GST_PLUGIN_PATH=$build/gst gst-play-1.0 $out/speech.tlc"
