#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_examples.sh PROGRAM EXAMPLES - the examples in Python and shell: each is read by its
# interpreter; with test sounds in place of microphones a recording is whole, a bridge and a call
# by WebRTC carry sound both ways, repair losses and follow the network, and the bot answers. One
# that needs what is not here is left out.
set -u
program=$1 examples=$2
export PYTHONDONTWRITEBYTECODE=1
dir=$(mktemp -d) || exit 1
running=
# shellcheck disable=SC2086
trap '[ -z "$running" ] || kill $running 2>/dev/null; rm -rf "$dir"' EXIT
failed=0
bad() { echo "examples: $*"; failed=1; }
ran=0
left_out() { echo "examples: $*: left out"; }

# loud FILE.wav THRESHOLD: how many of its 16-bit samples are louder
loud() {
    od -An -v -t d2 -j 44 "$1" | awk -v most="$2" '
    { for (i = 1; i <= NF; i++) n += $i > most || $i < -most } END { print n + 0 }'
}
# has ELEMENT ...: they are all there
has() { for e in "$@"; do gst-inspect-1.0 --exists --atleast-version=0.0 "$e" || return 1; done; }

sh -n "$examples/sip_bridge.sh" || bad "sip_bridge.sh: syntax"
python=
for p in python3 /usr/bin/python3; do
    command -v $p >/dev/null || continue
    for f in "$examples"/*.py; do
        $p -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$f" ||
            bad "${f##*/}: syntax"
    done
    [ -n "$python" ] || { $p -c 'import gi; gi.require_version("GstApp", "1.0")' 2>/dev/null &&
        python=$p; }
done
tone='audiotestsrc is-live=true wave=saw freq=200 volume=0.3'

if ! has audiotestsrc udpsink rtpjitterbuffer rtppcmupay mulawenc; then
    left_out "no plugins base and good"
else
    sh "$examples/sip_bridge.sh" 45180 127.0.0.1:45181 45182 127.0.0.1:45183 &
    running="$running $!"
    sh "$examples/sip_bridge.sh" 45184 127.0.0.1:45185 45183 127.0.0.1:45182 &
    running="$running $!"
    phone='caps=application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU num-buffers=100'
    # shellcheck disable=SC2086
    for port in 45181 45185; do
        gst-launch-1.0 -q $tone ! audioconvert ! audioresample ! mulawenc ! rtppcmupay \
            max-ptime=20000000 ! udpsink host=127.0.0.1 port=$((port - 1)) &
        running="$running $!"
        timeout 30 gst-launch-1.0 -q udpsrc port=$port $phone ! rtppcmudepay ! mulawdec ! \
            wavenc ! filesink location="$dir/$port.wav" &
        ears="${ears:-} $!"
    done
    # shellcheck disable=SC2086
    for ear in $ears; do wait "$ear" || bad "sip_bridge.sh: no 100 packets in 30 s"; done
    for port in 45181 45185; do
        n=$(loud "$dir/$port.wav" 1000)
        [ "$n" -gt 8000 ] || bad "sip_bridge.sh: $n loud samples of 16000 at port $port"
    done
    # shellcheck disable=SC2086
    kill $running
    running=
    sh "$examples/sip_bridge.sh" 1 2>/dev/null && bad "sip_bridge.sh takes one argument"
    ran=$((ran + 1))
fi

if [ -z "$python" ] || ! has level; then
    left_out "no python3-gi or no plugins good"
else
    # whole FILE SAMPLES: a .tlc file without damage, at least so long
    whole() {
        "$program" info --json "$1" >"$dir/info" || bad "record.py: $(cat "$dir/info")"
        grep -q '"damage": *\[\]' "$dir/info" || bad "record.py: damage: $(cat "$dir/info")"
        n=$(sed -n 's/.*"samples": *\([0-9]*\).*/\1/p' "$dir/info")
        [ "${n:-0}" -ge "$2" ] || bad "record.py: '$n' samples, expected $2"
    }
    "$python" "$examples/record.py" --seconds 2 --source "$tone" "$dir/two.tlc" 2>"$dir/level" ||
        bad "record.py failed: $(cat "$dir/level")"
    whole "$dir/two.tlc" 25000
    grep -q '####' "$dir/level" || bad "record.py shows no level"
    # A shell leaves its background jobs deaf to Ctrl-C.
    "$python" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.executable, [sys.executable] + sys.argv[1:])' \
        "$examples/record.py" --source "$tone" "$dir/until.tlc" 2>/dev/null &
    pid=$!
    sleep 3
    kill -INT $pid
    wait $pid || bad "record.py failed at Ctrl-C"
    whole "$dir/until.tlc" 8000
    "$python" "$examples/record.py" --source "$tone" "$dir/no/such.tlc" 2>"$dir/said" &&
        bad "record.py writes into no folder"
    grep -q 'no/such.tlc' "$dir/said" || bad "record.py says: $(cat "$dir/said")"
    ran=$((ran + 1))

    "$python" "$examples/voice_bot.py" --port 45186 --to 127.0.0.1:45187 >"$dir/bot" &
    bot=$!
    timeout -s INT 10 gst-launch-1.0 -q -e udpsrc port=45187 \
        caps=application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC ! \
        rtpjitterbuffer do-lost=true latency=60 ! rtptelucodecdepay ! telucodecdec ! \
        audioconvert ! audio/x-raw,format=S16LE ! wavenc ! filesink location="$dir/bot.wav" &
    ear=$!
    running="$bot $ear"
    sleep 2
    # 1.5 s of sound, then quiet for the answer
    raw=audio/x-raw,rate=16000,channels=1
    gst-launch-1.0 -q concat name=c ! telucodecenc ! rtptelucodecpay ! \
        udpsink host=127.0.0.1 port=45186 \
        audiotestsrc num-buffers=75 samplesperbuffer=320 wave=saw freq=200 volume=0.3 ! $raw ! c. \
        audiotestsrc num-buffers=200 samplesperbuffer=320 wave=silence ! $raw ! c. ||
        bad "the caller of voice_bot.py failed"
    wait $ear
    kill $bot
    running=
    grep -q 'answers with [12]\.[0-9] s' "$dir/bot" || bad "voice_bot.py says: $(cat "$dir/bot")"
    n=$(loud "$dir/bot.wav" 1000)
    [ "$n" -gt 16000 ] || bad "voice_bot.py: $n loud samples come back of 24000"
    ran=$((ran + 1))

    # A network of its own, for ICE takes no loopback device.
    own='ip link set lo up; ip link add v0 type veth peer name v1 &&
        ip addr add 192.0.2.9/24 dev v0 && ip link set v0 up && ip link set v1 up'
    if ! has webrtcbin nicesrc dtlssrtpenc ||
        ! "$python" -c 'import gi; gi.require_version("GstWebRTC", "1.0")' 2>/dev/null; then
        left_out "no plugins bad, gstreamer1.0-nice or gir1.2-gst-plugins-bad-1.0"
    elif ! unshare -rn sh -c "$own" 2>/dev/null; then
        left_out "no network namespaces"
    else
        # call SCRIPT [ARGUMENT ...]: a call by webrtc.py in that network, its output in $dir/call
        call() {
            unshare -rn sh -c "$own"'; exec "$@"' sh timeout 60 "$python" "$@" \
                --source "$tone" --sink 'fakesink sync=true' >"$dir/call" 2>&1 ||
                bad "webrtc.py failed: $(cat "$dir/call")"
        }
        call "$examples/webrtc.py" --seconds 6
        for end in A B; do
            sed -n "s/^$end hears \(-*[0-9.]*\) dB.*/\1/p" "$dir/call" |
                awk '{ last = $1 } END { exit !(NR > 1 && last > -30) }' ||
                bad "webrtc.py: $end: $(cat "$dir/call")"
        done
        # Each repair heals nearly all of one loss in twelve packets, also on a busy machine.
        for repair in heads nack fec none; do
            call "$examples/webrtc.py" --seconds 8 --repair $repair --lose 12
            awk -v repair=$repair '/packets are lost/ {
                ends++
                part = $(NF - 1) / $2
                bad += $2 < 10 || (repair == "none" ? part < 0.7 : part > 0.3)
            }
            END { exit !(ends == 2 && !bad) }' "$dir/call" ||
                bad "webrtc.py --repair $repair: $(cat "$dir/call")"
        done
        # 26 kbit/s less those of headers; the bit rate begins at 16000
        call "${0%/*}/fake_gccbwe.py" "$examples/webrtc.py" --seconds 5
        for end in A B; do
            grep "^$end hears" "$dir/call" | tail -n 1 | grep -q 'sends 10000 bit/s' ||
                bad "webrtc.py does not follow rtpgccbwe: $(cat "$dir/call")"
        done
        ran=$((ran + 1))
    fi
fi
[ $failed = 0 ] || exit 1
[ $ran -gt 0 ] || exit 77
echo "examples: $ran of 4 ran"
