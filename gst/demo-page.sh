# SPDX-License-Identifier: LGPL-2.1-or-later
# demo-page.sh - sourced by demo.sh: codes the sound at several bitrates, with Opus too where
# its encoder is there, and writes a page with players and figures. Sets $with_opus.

# row NAME CODED WAV: a row of the page: size, SNR, LSD, a player
row() {
    "$telucodec" compare "$out/before.wav" "$out/$3" >"$out/row.txt" || die "comparing failed"
    awk -v name="$1" -v bytes="$(wc -c <"$out/$2")" -v s="$seconds" -v wav="$3" \
        -v snr="$(field "$out/row.txt" SNR)" -v lsd="$(field "$out/row.txt" LSD)" '
    BEGIN {
        printf "<tr><td>%s</td><td>%.2f</td><td>%s</td><td>%s</td>", name, bytes * 8e-3 / s, \
            snr, lsd
        printf "<td><audio controls preload=\"none\" src=\"%s\"></audio></td></tr>\n", wav
    }' >>"$out/rows.html"
}

: >"$out/rows.html"
for k in 3 6 12 16; do
    step "encoding at $k kbit/s" "$telucodec" encode -f -b ${k}k "$out/before.wav" -o "$out/$k.tlc"
    step "decoding" "$telucodec" decode -f "$out/$k.tlc" -o "$out/$k.wav"
    row "TeluCodec, $k kbit/s" "$k.tlc" "$k.wav"
done
with_opus=
if gst-inspect-1.0 --exists opusenc && gst-inspect-1.0 --exists oggmux; then
    with_opus=', and Opus'
    for k in 6 12 16; do
        step "Opus" gst-launch-1.0 -q filesrc location="$out/before.wav" ! wavparse ! opusenc \
            bitrate=${k}000 bitrate-type=vbr ! oggmux ! filesink location="$out/$k.opus"
        step "Opus" gst-launch-1.0 -q filesrc location="$out/$k.opus" ! oggdemux ! opusdec ! \
            audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=16000,channels=1 ! \
            wavenc ! filesink location="$out/opus-$k.wav"
        row "Opus, $k kbit/s" "$k.opus" "opus-$k.wav"
    done
fi

cat >"$out/index.html" <<EOF
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>TeluCodec: before and after</title>
<style>
body { font: 16px sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse }
td, th { padding: .3em .8em; border-bottom: 1px solid #ccc; text-align: right }
td:first-child, th:first-child { text-align: left }
img { max-width: 100% }
</style>
<h1>TeluCodec: before and after</h1>
<p>$(printf '%.2f' "$seconds") s of speech, 16 kHz, mono.</p>
<table>
<tr><th></th><th>kbit/s of the file</th><th>SNR, dB</th><th>LSD, dB</th><th>listen</th></tr>
<tr><td>original</td><td>256.00</td><td></td><td></td>
<td><audio controls preload="none" src="before.wav"></audio></td></tr>
$(cat "$out/rows.html")
</table>
<p>SNR: how near the waveform is; more is nearer. LSD, log-spectral distance: how far the spectrum
is; less is nearer. Neither is what an ear says.</p>
<h2>At 16 kbit/s</h2>
<p><img src="spectrogram.png" alt="spectrograms before, after, of the difference; levels"></p>
</html>
EOF
rm -f "$out/rows.html" "$out/row.txt"
