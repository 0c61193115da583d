#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_rooms.sh TREE - checks the rooms of kernels/, trainer/ and gst/:
#   1. a file includes only files of its own room and of the rooms that `below` names;
#   2. a room's meson.build names exactly the .c and .cu files of that room;
#   3. no two headers of kernels/ and trainer/ share a name, for include folders are flat.
# Then plants one fault of each kind in a copy and expects to find it.
# "../NAME" in a meson.build is a file of another room: only `borrowed` may stand there.
set -u
top=$1

# below ROOM: the rooms that ROOM may include besides itself
below='
kernels         -
kernels/ops     kernels
kernels/codec   kernels kernels/ops
kernels/cuda    kernels kernels/ops
kernels/engine  kernels kernels/ops kernels/codec kernels/cuda
kernels/module  -
trainer         TRAINER kernels kernels/ops kernels/codec kernels/engine
trainer/cuda    TRAINER kernels kernels/ops kernels/codec kernels/engine kernels/cuda
gst             gst/finder kernels kernels/ops kernels/codec kernels/engine
gst/finder      gst/finder/finder.c:kernels/codec/json.h
gst/program     gst/finder kernels gst/program/scan.c:kernels/codec/tlc.h
gst/program     gst/program/models.c:kernels/codec/tlc.h
gst/program     gst/program/bench.c:trainer/data/pcm.h gst/program/compare.c:trainer/data/pcm.h
gst/program     gst/program/encode.c:trainer/data/pcm.h gst/program/pipeline.c:trainer/data/source.h
gst/program     gst/program/output.c:trainer/run/disk.h
gst/examples    -
'
for room in data net postnet ranks run tables models; do
    below="$below
trainer/$room   TRAINER kernels kernels/ops kernels/codec kernels/engine"
done
borrowed='trainer/cuda:../net/mel.c'

# check TREE: prints each fault as FILE:LINE: TEXT, and returns 1 when there is one.
check() (
    cd "$1" || exit 1
    sources=$(find kernels trainer gst -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' \
        -o -name '*.cuh' -o -name '*.h.in' -o -name meson.build \) | sort)
    # shellcheck disable=SC2086
    awk -v below="$below" -v borrowed="$borrowed" '
    function room_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    function name_of(path) { sub(/.*\//, "", path); return path }
    function fault(text) { print "rooms: " text; bad = 1 }
    function where() { return FILENAME ":" FNR ": " }

    # 1. the file that a name in quotes means: beside the includer, else in any room
    function resolve(name,    own) {
        own = room_of(FILENAME) "/" name
        if (own in source) return own
        name = name_of(name)
        return name in headers ? headers[name] : ""
    }
    function may_include(file, target,    from, to) {
        from = room_of(file)
        to = room_of(target)
        if (from == to || (from, to) in allowed || (file ":" target) in single) return 1
        return (from, "TRAINER") in allowed && to ~ /^trainer(\/|$)/
    }
    BEGIN {
        lines = split(below, line, "\n")
        for (i = 1; i <= lines; i++) {
            words = split(line[i], word, " ")
            if (words) known[word[1]] = 1
            for (j = 2; j <= words; j++)
                if (word[j] ~ /:/) single[word[j]] = 1
                else allowed[word[1], word[j]] = 1
        }
        split(borrowed, word, " ")
        for (i in word) lent[word[i]] = 1
        for (i = 1; i < ARGC; i++) {
            path = ARGV[i]
            source[path] = 1
            name = name_of(path)
            sub(/\.in$/, "", name)
            if (name == "meson.build") continue
            if (!(room_of(path) in known)) fault(path ": this room has no rule")
            if (name ~ /\.(h|cuh)$/ && name in headers && path !~ /^gst\//)
                fault(path ":1: " headers[name] " has the same name")
            if (!(name in headers) || name ~ /\.(h|cuh)$/) headers[name] = path
            if (path ~ /\.(c|cu)$/) files++
        }
    }
    FILENAME !~ /meson\.build$/ && /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, part, "\"")
        target = resolve(part[2])
        if (target == "")
            fault(where() "\"" part[2] "\" is in no room")
        else if (!may_include(FILENAME, target))
            fault(where() room_of(FILENAME) " includes " target ", which is not below it")
        includes++
    }

    # 2. names in single quotes in a meson.build
    FILENAME ~ /meson\.build$/ {
        sub(/#.*/, "")
        while (match($0, /\047[^\047]*\.(c|cu)\047/)) {
            name = substr($0, RSTART + 1, RLENGTH - 2)
            $0 = substr($0, RSTART + RLENGTH)
            path = room_of(FILENAME) "/" name
            if ((room_of(FILENAME) ":" name) in lent) {
                sub(/[^\/]*\/\.\.\//, "", path)
                listed[path] = 1
            } else if (!(path in source))
                fault(where() "no " name " in this room")
            else if (path in listed)
                fault(where() name " is named twice")
            else
                listed[path] = 1
        }
    }
    END {
        for (path in source)
            if (path ~ /\.(c|cu)$/ && !(path in listed))
                fault(path ":1: no meson.build of its room names it")
        if (!files || !includes) fault("no source, or no include")
        if (!bad) print "rooms: " files " sources, " includes " includes"
        exit bad
    }' $sources
)

check "$top" || exit 1

# --- Planted faults, each of which must be found ---
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
failed=0
(cd "$top" && cp -R kernels trainer gst "$copy/") || exit 1
# planted FILE LINE MESSAGE: LINE, appended to FILE, must be found.
planted() {
    file=$copy/$1
    [ -d "${file%/*}" ] || mkdir "${file%/*}"
    [ -f "$file" ] && cp "$file" "$copy/before"
    printf '%s\n' "$2" >>"$file"
    if check "$copy" >"$copy/said" || ! grep -q "$3" "$copy/said"; then
        echo "rooms: planted in $1: $2: not found as \"$3\", but:"
        cat "$copy/said"
        failed=1
    fi
    if [ -f "$copy/before" ]; then
        mv "$copy/before" "$file"
    else
        rm "$file"
    fi
}
planted kernels/ops/gelu.c '#include "codec_planted.h"' 'gelu.c:[0-9]*: "codec_planted.h" is in no'
planted kernels/ops/gelu.c '#include "packet.h"' 'ops includes kernels/codec/packet.h'
planted kernels/codec/range.h '# include "engine.h"' 'range.h:[0-9]*: .*includes kernels/engine'
planted kernels/codec/range.c '#include "device.h"' 'codec includes kernels/cuda/device.h'
planted trainer/net/step.c '#include "device.h"' 'net includes kernels/cuda/device.h'
planted gst/plugin.c '#include "pcm.h"' 'gst includes trainer/data/pcm.h'
planted kernels/engine/batch.c '#include "step.h"' 'engine includes trainer/net/step.h'
planted kernels/ops/planted.c 'int planted;' 'planted.c:1: no meson.build'
planted kernels/ops/meson.build "x = 'packet.c'" 'meson.build:[0-9]*: no packet.c'
planted kernels/cuda/meson.build "x = '../ops/gelu.c'" 'no ../ops/gelu.c in this room'
planted trainer/net/packet.h '' 'packet.h:1: .* has the same name'
planted kernels/planted/a.c 'int planted;' 'planted/a.c: this room has no rule'
[ $failed = 0 ] && echo "rooms: each of 12 planted faults was found"
exit $failed
