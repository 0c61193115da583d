#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_instructions.sh [--update] BENCH_CODEC WEIGHTS COMPILER RECORD - instructions of encoding,
# of decoding a packet at 16 kbit/s and of making it one of 9, counted by callgrind, within 3 % of
# those in the file RECORD. Times are too noisy for a test. COMPILER: its name, version and
# optimisation; a count is compared with one by the same compiler on the same machine type alone,
# since both decide it.
# --update: writes the counts into RECORD. Exit status 77: no valgrind, or nothing to compare with.
#
# Valgrind offers programs no AVX-512, so the AVX2 clones run wherever there is AVX2.
set -u
packets=100 most=3

# judge WHAT COUNT RECORDED: says how far the count is from the recorded one; 1 when too far
judge() {
    awk -v what="$1" -v got="$2" -v want="$3" -v most="$most" 'BEGIN {
        percent = 100 * (got - want) / want
        printf "instructions: %s: %d a packet, recorded %d: %+.2f %%, at most %d\n",
            what, got, want, percent, most
        exit percent > most || percent < -most
    }'
}

# Counts that must be found too far away, and some that must not.
for pair in "1031 1000 1" "969 1000 1" "1029 1000 0" "971 1000 0"; do
    # shellcheck disable=SC2086
    set -- $pair "$@"
    judge planted "$1" "$2" >/dev/null
    [ $? = "$3" ] || { echo "instructions: planted: $1 beside $2 is not judged $3"; exit 1; }
    shift 3
done

update=0
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
if [ $# != 4 ]; then
    echo "usage: test_instructions.sh [--update] BENCH_CODEC WEIGHTS COMPILER RECORD" >&2
    exit 2
fi
bench=$1 weights=$2 record=$4
machine=$(uname -m)
grep -qw avx2 /proc/cpuinfo 2>/dev/null && machine=$machine-avx2
key="$3 $machine"
if ! command -v valgrind >/dev/null 2>&1; then
    echo "instructions: no valgrind here (apt-get install valgrind): not counted"
    exit 77
fi
if [ $update = 0 ] && ! grep -q "^$key " "$record"; then
    echo "instructions: nothing recorded for \"$key\": not compared; to record:" \
        "meson compile -C BUILD record-instructions"
    exit 77
fi

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
for what in encode decode transrate; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="telu_$what" \
        "$bench" --count $packets "$weights" >"$dir/log" 2>&1
    count=$(sed -n 's/.*Collected *: *//p' "$dir/log")
    if [ "${count:-0}" -lt $packets ]; then
        cat "$dir/log"
        echo "instructions: callgrind counted nothing in telu_$what"
        exit 1
    fi
    count=$((count / packets))
    if [ $update = 1 ]; then
        echo "$key $what $count" >>"$dir/new"
        echo "instructions: recorded: $key $what $count"
    else
        recorded=$(sed -n "s/^$key $what //p" "$record")
        judge $what "$count" "${recorded:-1}" || failed=1
    fi
done
if [ $update = 1 ]; then
    { grep -v "^$key " "$record"; cat "$dir/new"; } >"$dir/all" &&
        { grep '^#' "$dir/all"; grep -v '^#' "$dir/all" | LC_ALL=C sort; } >"$record"
elif [ $failed = 1 ]; then
    echo "instructions: if that is meant, record it: meson compile -C BUILD record-instructions"
fi
exit $failed
