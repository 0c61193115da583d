#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# bench_table.sh [--smoke] FOLDER WEIGHTS SPEECH - speed on a CPU as one Markdown table, beside
# Opus. FOLDER holds bench_codec, bench_live and bench_elements, which print its rows. Wants a
# machine with nothing else to do. --smoke: a short run, to see that it works.
# TELUCODEC_BENCH_LIVE: "PAIRS SECONDS" of the live pairs, "200 60" if not set;
# TELUCODEC_BENCH_LONG: seconds of the long stream, 3600 if not set.
set -u
smoke='' live=${TELUCODEC_BENCH_LIVE:-200 60} long=${TELUCODEC_BENCH_LONG:-3600}
if [ "${1:-}" = --smoke ]; then
    smoke=--smoke live='3 1'
    shift
fi
if [ $# != 3 ]; then
    echo "usage: bench_table.sh [--smoke] FOLDER WEIGHTS SPEECH" >&2
    exit 2
fi
folder=$1
rows=$(mktemp) || exit 1
trap 'rm -f "$rows"' EXIT
failed=0

# part PROGRAM ARGUMENT ...: its rows; whatever is no row is a fault
part() {
    program=$1
    shift
    "$folder/$program" "$@" >"$rows" || { echo "bench_table: $program failed" >&2; failed=1; }
    cat "$rows"
    if [ ! -s "$rows" ] || grep -qv '^| [^|]* | [^|]* | [^|]* |$' "$rows"; then
        echo "bench_table: $program printed other things than rows of three cells" >&2
        failed=1
    fi
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores"
echo
echo '| what | setting | measured |'
echo '|---|---|---|'
# shellcheck disable=SC2086
part bench_codec $smoke --long "$long" "$2"
# shellcheck disable=SC2086
part bench_elements $smoke "$3"
part bench_live --pairs "${live% *}" --seconds "${live#* }" "$2"
exit $failed
