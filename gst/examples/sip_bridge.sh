#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sip_bridge.sh PORT PHONE PEER_PORT PEER - a trunk at 16 kbit/s between telephone systems.
#
# G.711 (PCMU, 64 kbit/s) that comes in at UDP port PORT goes out as TeluCodec to PEER, a HOST:PORT,
# and TeluCodec that comes in at PEER_PORT goes out as G.711 to PHONE, a HOST:PORT. Another such
# bridge stands at the other side. Calls are set up by the telephone system, which only sends its
# sound here: Asterisk by an ExternalMedia channel with format=ulaw, FreeSWITCH and others alike.
#
#   sip_bridge.sh 4000 127.0.0.1:4002 5004 peer.example.org:5004
#
# Needs GStreamer's plugins base and good.
set -eu
if [ $# != 4 ]; then
    echo "usage: sip_bridge.sh PORT PHONE_HOST:PORT PEER_PORT PEER_HOST:PORT" >&2
    exit 2
fi

exec gst-launch-1.0 -q \
    udpsrc port="$1" caps="application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU" ! \
    rtpjitterbuffer do-lost=true latency=60 ! rtppcmudepay ! mulawdec ! audioresample ! \
    audio/x-raw,rate=16000 ! queue ! \
    telucodecenc bitrate=16000 dtx=true packet-loss-percentage=5 ! rtptelucodecpay ! \
    udpsink async=false host="${4%:*}" port="${4##*:}" \
    udpsrc port="$3" \
    caps="application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC" ! \
    rtpjitterbuffer do-lost=true latency=60 ! rtptelucodecdepay ! telucodecdec ! audioconvert ! \
    audioresample ! audio/x-raw,rate=8000 ! queue ! mulawenc ! \
    rtppcmupay min-ptime=20000000 max-ptime=20000000 ! \
    udpsink async=false host="${2%:*}" port="${2##*:}"
