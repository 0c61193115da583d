#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_follow.sh FOLLOW - the example of a call that adapts: with 30 % of packets lost the encoder
# is made ready for losses; without losses its bit rate grows.
set -u
follow=$1

# last PERCENT FIELD: field of the last line that the example prints at that loss
last() {
    "$follow" "$1" 8 | tail -n 1 |
        sed 's/.* s: \([0-9]*\) %.*for \([0-9]*\) %, \([0-9]*\) bit.*/'"$2/"
}

ready=$(last 30 '\2') && [ "${ready:-0}" -ge 10 ] || {
    echo "follow: ready for '$ready' % at 30 % of losses, expected 10 or more"
    exit 1
}
bitrate=$(last 0 '\3') && [ "${bitrate:-0}" -gt 16000 ] || {
    echo "follow: '$bitrate' bit/s without losses, expected more than 16000"
    exit 1
}
echo "follow: ready for $ready % at 30 %; $bitrate bit/s without losses"
