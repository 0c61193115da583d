#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gpu.sh - builds the CUDA backend on a machine with an NVIDIA GPU, checks it against the
# CPU, measures it, and prints one Markdown table. No network, nothing is installed.
#
#   sh tests/gpu.sh [--only PHASE,...] [--quick] [--minutes N] [--out FOLDER] [--debs FOLDER]
#   sh tests/gpu.sh --fetch FOLDER     with a network: the packages for --debs
#   sh tests/gpu.sh --debs FOLDER --run COMMAND ...     builds, then runs that
#   sh tests/gpu.sh --built ...        nothing is built: BUILD was, for this card, elsewhere
#
# PHASE: check agree stream batch window train ops count elements torch sanitize; by default
# all.
# FOLDER of --debs: GStreamer, GLib and OpenBLAS as Debian packages, for a
# machine without them; only the plugin, the trainer and their tests need those.
# --out: folder of logs and table.md (default: BUILD/gpu). --quick: half of each time limit.
# --minutes: of the whole run, 9 by default. The build folder is TELUCODEC_BUILD, or
# build-gpu; it is used again.
#
# Exit status: 0, 1 when a phase failed, 77 when there is no GPU or no nvcc. Each phase
# has a time limit, and what it measured by then is kept.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/support/debs.sh"
build=${TELUCODEC_BUILD:-$top/build-gpu}
out='' debs='' only='' command='' built='' builders='meson ninja' quick=1 minutes=9

say() { echo "gpu.sh: $*" >&2; }
usage() { sed -n '3,24s/^# \{0,1\}//p' "$0" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
    --only) only=,${2:?},; shift ;;
    --out) out=${2:?}; shift ;;
    --debs) debs=${2:?}; shift ;;
    --fetch) debs_fetch "${2:?}"; exit ;;
    --quick) quick=2 ;;
    --built) built=1 builders='' ;;
    --minutes) minutes=${2:?}; shift ;;
    --run) shift; command=$1; break ;;
    *) usage ;;
    esac
    shift
done

# --- Tools and GPUs of this machine ---------------------------------------------

skip() { say "$*: nothing to do here"; exit 77; }

PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin
command -v nvcc >/dev/null 2>&1 ||
    skip "no nvcc on the PATH or in ${CUDA_HOME:-/usr/local/cuda}/bin"
cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
before=${LD_LIBRARY_PATH:-}            # PyTorch brings CUDA libraries of its own
export LD_LIBRARY_PATH="${before:+$before:}$cuda/lib64"
for tool in gcc g++ python3 $builders; do
    command -v "$tool" >/dev/null 2>&1 || skip "no $tool"
done
gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
name=$(gpu name)
[ -n "$name" ] || skip "nvidia-smi finds no GPU"
arch=$(gpu compute_cap | tr -d .)
nvcc=$(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')

out=${out:-$build/gpu}
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
table=$out/table.md
began=$(date +%s)

row() {
    echo "| $1 | $2 | $3 |" >>"$table"
    say "$1: $2: $3"
}
fail() { row "$1" "$2" "failed: $3"; }

# aside COMMAND ...: beside others, where nothing is timed; its rows stand where `together` is
asides=0
aside() {
    asides=$((asides + 1))
    (
        table=$out/aside-$asides.md
        : >"$table"
        "$@"
    ) &
}
together() {
    wait
    i=0
    while [ $i -lt $asides ]; do
        i=$((i + 1))
        cat "$out/aside-$i.md" >>"$table"
    done
    asides=0
}

{
    echo "| what | setting | result |"
    echo "|---|---|---|"
} >"$table"
trap 'cat "$table"' EXIT
trap 'exit 1' INT TERM
card="$name, compute $(gpu compute_cap), $(gpu memory.total), driver $(gpu driver_version)"
row "machine" "$(date -u +%Y-%m-%d)" "$card, CUDA $nvcc, $(nproc) CPU cores"

# --- Building -------------------------------------------------------------------

wanted() {
    [ -z "$only" ] && return 0
    case $only in *,"$1",*) return 0 ;; esac
    return 1
}

# limited SECONDS LOG COMMAND ...: 124 when time was up, its own or that of all
limited() {
    limit=$(($1 / quick))
    left=$((began + 60 * minutes - $(date +%s)))
    log=$out/$2.log
    shift 2
    [ "$limit" -le "$left" ] || limit=$left
    if [ "$limit" -lt 3 ]; then
        limit=0
        echo "not begun: no time left of $minutes minutes" >"$log"
        return 124
    fi
    timeout -k 5 "$limit" "$@" >"$log" 2>&1
}

have_target() { grep -q "^$1: " "$out/targets.txt"; }

gst=disabled
if [ -n "$debs" ]; then
    debs_use "$debs" "$build.root" || exit 1
    gst=enabled
elif pkg-config --exists gstreamer-1.0 openblas 2>/dev/null; then
    gst=enabled
fi

if [ -z "$built" ]; then
    if [ ! -f "$build/build.ninja" ]; then
        meson setup "$build" "$top" -Dbuildtype=release -Dgst=$gst -Dmpi=disabled \
            -Dcuda=enabled -Dcuda-arch="$arch" >"$out/setup.log" 2>&1 ||
            { tail -20 "$out/setup.log" >&2; fail "build" "meson setup" "see setup.log"; exit 1; }
    fi
    ninja -C "$build" -t targets all >"$out/targets.txt" 2>/dev/null
    targets=
    for t in kernels/module/libtelucodec-cuda.so tests/ops/check tests/bench/bench_gpu \
        tests/engine/test_engine tests/engine/test_device_vectors tests/codec/test_golden \
        tests/trainer/test_loss_cuda tests/trainer/test_train_cuda tests/trainer/test_train_life \
        tests/gst/test_gst_device tests/bench/bench_window trainer/telucodec-train \
        gst/libgsttelucodec.so gst/program/telucodec; do
        have_target "$t" && targets="$targets $t"
    done
    t0=$(date +%s)
    # shellcheck disable=SC2086
    if limited 360 build ninja -C "$build" -k 0 $targets; then
        row "build" "sm_$arch, $(echo "$targets" | wc -w) targets" "$(($(date +%s) - t0)) s"
    else
        tail -30 "$log" >&2
        fail "build" "sm_$arch" "see build.log"
    fi
fi
module=$build/kernels/module/libtelucodec-cuda.so
[ -f "$module" ] || { fail "build" "$module" "was not made"; exit 1; }
export TELUCODEC_BACKEND_PATH="$build/kernels/module"
export TELUCODEC_TEST_GOLDEN="$top/tests/golden"
weights=$top/trainer/models/telucodec-te-16k.safetensors
export TELUCODEC_TEST_MODEL="$weights" TELUCODEC_MODEL="$weights"
export TELUCODEC_TEST_CLIP="$top/gst/demo.flac"

if [ -n "$command" ]; then
    export GST_PLUGIN_PATH="$build/gst"
    trap - EXIT
    "$@"
    exit
fi

# --- Right ----------------------------------------------------------------------

# verdict WHAT SETTING STATUS: a row from the end of a log
verdict() {
    last=$(grep -v '^ *$' "$log" | tail -1 | tr '|' '/' | cut -c1-160)
    case $3 in
    0) row "$1" "$2" "$last" ;;
    77) row "$1" "$2" "skipped: $last" ;;
    124 | 137) fail "$1" "$2" "not done after $limit s" ;;
    *)
        tail -15 "$log" >&2
        fail "$1" "$2" "status $3: $last"
        ;;
    esac
}

# agrees TEST NEEDS [COMMAND ...]: the test by itself, or a command that runs it
agrees() {
    test=$1 needs=$2
    shift 2
    [ $# -gt 0 ] || set -- "$build/tests/$test"
    if [ -x "$build/tests/$test" ]; then
        limited 120 "${test##*/}" "$@"
        verdict "GPU against CPU" "${test##*/}" $?
    else
        row "GPU against CPU" "$test" "not built: no $needs"
    fi
}

if wanted check; then
    limited 90 check "$build/tests/ops/check" --module "$module"
    verdict "ops against plain C" "checker" $?
    limited 60 check-bench "$build/tests/ops/check" --module "$module" --bench
    verdict "ops against plain C" "with --bench, see check-bench.log" $?
fi

if wanted agree; then
    for t in engine/test_engine codec/test_golden trainer/test_loss_cuda \
        trainer/test_train_cuda trainer/test_train_life; do
        aside agrees "$t" "GLib or OpenBLAS"
    done
    aside agrees engine/test_device_vectors "C compiler" \
        "$build/tests/engine/test_device_vectors" "$top/tests/golden/vectors" \
        tiny="$top/tests/golden/tiny.safetensors" te="$weights"
    aside agrees gst/test_gst_device GStreamer env GST_PLUGIN_PATH="$build/gst" \
        GST_REGISTRY="$out/registry.bin" TELUCODEC_MODEL="$top/tests/golden/tiny.safetensors" \
        "$build/tests/gst/test_gst_device"
    together
fi

# --- Fast -----------------------------------------------------------------------

# measured WHAT SETTING STATUS PROGRAM: a log's rows, as far as it came
measured() {
    grep '^|' "$log" >>"$table"
    grep '^|' "$log" >&2
    case $3 in
    0) ;;
    124 | 137) fail "$1" "$2" "not done after $limit s" ;;
    *) fail "$1" "$2" "status $3: $(grep "$4:" "$log" | tail -1)" ;;
    esac
}

bench() { # PHASE SECONDS PART [OPTION ...]: its rows, as far as it came
    phase=$1 seconds=$2 part=$3
    shift 3
    limited "$seconds" "bench-$phase" "$build/tests/bench/bench_gpu" --module "$module" \
        --weights "$weights" "$@" "$part"
    measured "benchmark" "$part" $? bench_gpu
}

wanted stream && bench stream 60 one
wanted batch && bench batch 150 streams
if wanted window; then
    if [ -x "$build/tests/bench/bench_window" ]; then
        limited 60 bench-window "$build/tests/bench/bench_window" "$weights"
        measured "benchmark" "window" $? bench_window
    else
        row "batch-window" "" "not built: no GLib"
    fi
fi
wanted train && bench train 90 train

if wanted ops; then
    copy=0 sgemm=0
    if limited 60 card-build nvcc -arch="sm_$arch" -O2 -I "$top/kernels" \
        -I "$top/kernels/ops" -I "$top/kernels/cuda" \
        "$top/tests/bench/bench_device.cu" -lcublas -o "$out/bench_device" &&
        limited 60 card "$out/bench_device"; then
        copy=$(sed -n 's/^copy //p' "$log")
        sgemm=$(sed -n 's/^sgemm //p' "$log")
        row "card: copy bandwidth" "4 GiB within its memory, read + written" \
            "$(awk '/^copy/ { printf "%.0f GB/s", $2 / 1e9 }' "$log")"
        row "card: matrix rate, cuBLAS 8192^3" "fp32, bf16" \
            "$(awk '/^sgemm/ { printf "%.1f", $2 / 1e12 }
                    /^bf16/ { printf ", %.0f TFLOP/s", $2 / 1e12 }' "$log")"
    else
        tail -5 "$log" >&2
        fail "card: copy bandwidth and matrix rate" "" "see ${log##*/}"
    fi
    bench ops 90 ops --copy "$copy" --sgemm "$sgemm"
fi

# Per packet: two runs that differ in nothing but 32 packets more of each stream, there
# and back. The first 64 packets of both are for graphs and workspaces.
if wanted count; then
    if limited 60 count-build gcc -shared -fPIC -O2 -I "$cuda/include" \
        "$top/tests/bench/count_calls.c" -o "$out/count_calls.so"; then
        for n in 1 1024; do
            for packets in 32 64; do
                limited 60 "count-$n-$packets" env LD_PRELOAD="$out/count_calls.so" \
                    TELUCODEC_COUNT="$out/calls-$n-$packets.txt" "$build/tests/bench/bench_gpu" \
                    --module "$module" --weights "$weights" --batch $n --warm 64 \
                    --packets $packets count || fail "launches" "batches of $n" "see ${log##*/}"
            done
            calls=$(paste "$out/calls-$n-32.txt" "$out/calls-$n-64.txt" 2>/dev/null |
                awk -v n=$n '{ d[$1] = ($4 - $2) / 32; all += $4 }
                END { if (!all) exit 1
                    printf "%.4g launches of kernels + %.4g cuBLAS calls + %.4g graphs of %.4g " \
                        "kernels, %.4g waits; copied to the device %.0f bytes, back %.0f",
                        d["launches"], d["library"], d["graphs"], d["nodes"], d["waits"],
                        d["to"] / n, d["from"] / n }')
            row "per packet of all streams, encode + decode; bytes per stream" "batches of $n" \
                "${calls:-not counted: the CUDA runtime is linked statically}"
        done
    else
        fail "launches" "count_calls.c" "see ${log##*/}"
    fi
    # The same difference, of what the profiler reads in the card.
    if command -v ncu >/dev/null 2>&1; then
        for n in 1 1024; do
            for packets in 1 3; do
                limited 60 "ncu-$n-$packets" ncu --csv --clock-control none --cache-control none \
                    --metrics dram__bytes_read.sum,dram__bytes_write.sum --print-units base \
                    "$build/tests/bench/bench_gpu" --module "$module" --weights "$weights" \
                    --batch $n --warm 2 --packets $packets count
            done
            moved=$(python3 "$top/tests/bench/memory_traffic.py" "$out/ncu-$n-1.log" \
                "$out/ncu-$n-3.log" 2 $n)
            row "device memory, encode + decode" "batches of $n" \
                "${moved:-not read: see ncu-$n-1.log}"
        done
    fi
fi

# --- The elements ---------------------------------------------------------------

if wanted elements; then
    if [ -f "$build/gst/libgsttelucodec.so" ]; then
        export GST_PLUGIN_PATH="$build/gst" GST_REGISTRY="$out/registry.bin"
        launch() { limited 30 "$1" gst-launch-1.0 -q $2; }
        source="filesrc location=$out/before.wav ! wavparse"
        for way in "cuda cpu" "cpu cuda"; do
            enc=${way% *} dec=${way#* }
            launch before "filesrc location=$TELUCODEC_TEST_CLIP ! decodebin ! audioconvert ! \
                audioresample ! audio/x-raw,format=S16LE,rate=16000,channels=1 ! wavenc ! \
                filesink location=$out/before.wav" &&
                launch "encode-$enc" "$source ! telucodecenc backend=$enc ! telucodecmux ! \
                    filesink location=$out/$enc.tlc" &&
                launch "decode-$dec" "filesrc location=$out/$enc.tlc ! telucodecparse ! \
                    telucodecdec backend=$dec ! audio/x-raw,format=S16LE ! wavenc ! \
                    filesink location=$out/after.wav" &&
                limited 30 "compare-$enc" "$build/gst/program/telucodec" compare "$out/before.wav" \
                    "$out/after.wav"
            status=$?
            if [ $status = 0 ]; then
                row "elements" "encoded with backend=$enc, decoded with $dec" \
                    "$(sed -n 's/^SNR  *\([^ ]*\).*/SNR \1 dB/p' "$log")"
            else
                fail "elements" "$enc, $dec" "see ${log##*/}"
            fi
        done
    else
        row "elements" "" "not built: no GStreamer"
    fi
fi

# --- Beside PyTorch, and under the sanitizer: as long as there is time -----------

if wanted torch; then
    limited 200 torch env LD_LIBRARY_PATH="$before" python3 "$top/tests/bench/bench_torch.py"
    status=$?
    if [ $status = 77 ]; then
        row "PyTorch" "" "skipped: $(tail -1 "$log")"
    else
        measured "PyTorch" "" $status bench_torch
    fi
fi

# checked TOOL WHAT COMMAND ...: a clean summary counts, also when time was up after it
checked() {
    tool=$1 what=$2
    shift 2
    limited 60 "$tool-$what" compute-sanitizer --tool "$tool" --error-exitcode 9 \
        --target-processes all "$@"
    status=$?
    summary=$(grep -h 'ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -1 | sed 's/=* *//')
    faults=$(grep -c '^========= \(Invalid\|Error\|Warning\|Uninit\|Barrier\|Program hit\)' "$log")
    case $status in
    0) row "compute-sanitizer $tool" "$what" "${summary:-done}" ;;
    124 | 137)
        if [ "$faults" = 0 ]; then
            row "compute-sanitizer $tool" "$what" "no fault in the first $limit s"
        else
            fail "compute-sanitizer $tool" "$what" "$faults faults in $limit s"
        fi ;;
    *)
        grep '^=========' "$log" | head -20 >&2
        fail "compute-sanitizer $tool" "$what" "${summary:-status $status}"
        ;;
    esac
}

if wanted sanitize; then
    if command -v compute-sanitizer >/dev/null 2>&1; then
        small="$build/tests/bench/bench_gpu --module $module --smoke --warm 1 --packets 3"
        for tool in memcheck racecheck; do
            # shellcheck disable=SC2086
            {
                aside checked $tool check "$build/tests/ops/check" --module "$module"
                aside checked $tool engine $small --batch 3 count
                aside checked $tool training $small train
            }
        done
        [ -x "$build/tests/engine/test_engine" ] &&
            aside checked memcheck test_engine "$build/tests/engine/test_engine"
        together
    else
        row "compute-sanitizer" "" "not on this machine"
    fi
fi

failures=$(grep -c '| failed' "$table")
row "this run" "" "$(($(date +%s) - began)) s, $failures failures"
[ $failures = 0 ]
