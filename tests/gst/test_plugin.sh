#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_plugin.sh PLUGIN - the plugin shows the registry its two symbols and nothing else
# of what is linked into it, and needs no library that a machine may lack.
set -u
command -v nm >/dev/null && command -v readelf >/dev/null ||
    { echo "plugin: nm or readelf is missing"; exit 77; }

ours='^gst_plugin_telucodec_(get_desc|register)$'
more=$(nm -D --defined-only "$1" | awk '{ print $3 }' | grep -Ev "$ours")
needed=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
common='^lib(c|m|gst[a-z]*-1.0|g[a-z]*-2.0)\.so|^ld-'
extra=$(echo "$needed" | grep -Ev "$common")
[ -n "$needed" ] || { echo "plugin: readelf says nothing of $1"; exit 1; }
[ -z "$more" ] || { echo "plugin: exports" "$more"; exit 1; }
[ -z "$extra" ] || { echo "plugin: needs" "$extra"; exit 1; }
echo "plugin: ok"
