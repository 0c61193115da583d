# SPDX-License-Identifier: LGPL-2.1-or-later
# gates.sh - sourced by tests/run.sh --all: checks that need more tools than the tests. Each
# counts as one test in $ok, $failed or $skipped; one whose tool is missing is skipped. A gate
# keeps its build folder, which is named after $plain. gcc's -Werror is run.sh's own.

# gate NAME TOOL FUNCTION: also prints the lines "lines: ..." that the function prints
gate() {
    if ! command -v "$2" >/dev/null 2>&1; then
        echo "gate $1: skipped, no $2"
        skipped=$((skipped + 1))
    elif "$3" >"$plain.gate" 2>&1; then
        took "gate $1: ok"
        grep '^lines: ' "$plain.gate"
        ok=$((ok + 1))
    else
        tail -40 "$plain.gate"
        took "gate $1: failed"
        failed=$((failed + 1))
    fi
}

gate_clang() {
    [ -f "$plain-clang/build.ninja" ] ||
        CC=clang CXX=clang++ meson setup "$plain-clang" "$top" --werror -Doptimization=0 \
            -Ddebug=false -Dcuda=disabled || return 1
    ninja -C "$plain-clang"
}

gate_cppcheck() {
    (cd "$top" && cppcheck --quiet --std=c11 --enable=warning,portability --error-exitcode=1 \
        --suppress=shiftNegativeLHS --suppress=invalidPrintfArgType_uint \
        --suppress=nullPointerRedundantCheck --library=gtk -Ikernels -Ikernels/ops \
        -Ikernels/codec -Ikernels/engine -Igst -Itrainer/data kernels gst)
}

gate_tidy() {
    off=
    for check in easily-swappable-parameters narrowing-conversions reserved-identifier \
        implicit-widening-of-multiplication-result assignment-in-if-condition \
        macro-parentheses suspicious-string-compare not-null-terminated-result \
        sizeof-expression; do
        off=$off,-bugprone-$check
    done
    find "$top/kernels" "$top/gst" -name '*.c' | xargs clang-tidy -p "$plain-clang" --quiet \
        "--checks=-*,bugprone-*$off" '--warnings-as-errors=*'
}

# gate_tests FOLDER TEST ...
gate_tests() {
    folder=$1
    shift
    meson test -C "$folder" --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@"
}

# gate_setup FOLDER OPTION ...: for tests of the codec and of the elements
gate_setup() {
    folder=$1
    shift
    [ -f "$folder/build.ninja" ] ||
        CC=gcc CXX=g++ meson setup "$folder" "$top" -Dcuda=disabled -Dtrainer=disabled "$@"
}

# ThreadSanitizer knows the engine's pthreads, and GLib's locks by tests/gst/tsan_locks.c, but not
# GStreamer's atomic numbers. The elements' runs therefore fail only on a race within kernels/
# and the elements.
gate_tsan() {
    gate_setup "$plain-tsan" -Dbuildtype=debugoptimized -Db_sanitize=thread \
        -Db_lundef=false || return 1
    ninja -C "$plain-tsan" tests/engine/test_batch tests/engine/test_failure \
        tests/engine/test_pass tests/engine/test_module tests/gst/test_gst_batch \
        tests/gst/test_gst_silence tests/gst/test_gst_threads \
        tests/fake/libtelucodec-cuda.so gst/libgsttelucodec.so || return 1
    TSAN_OPTIONS=halt_on_error=0 gate_tests "$plain-tsan" batch failure pass module ||
        return 1
    rm -f "$plain-tsan/race."*
    TSAN_OPTIONS="halt_on_error=0 exitcode=0 log_path='$plain-tsan/race'" \
        G_SLICE=always-malloc \
        gate_tests "$plain-tsan" fake_batch gst_silence gst_threads fake_threads || return 1
    cat "$plain-tsan/race."* /dev/null | own_races
}

# own_races <REPORT: prints each warning whose two accesses are both made by kernels/ or by the
# elements, directly or in a function of libc; returns 1 when there is one
own_races() {
    awk '
    /^WARNING: / { text = ""; ours = 0; access = 0 }
    { text = text $0 "\n" }
    /^  [A-Z]/ { access = / of size /; found = 0 }
    access && !found && /^    #/ && !/libsanitizer/ {
        found = 1
        if ($3 ~ /(^|\/)(kernels\/|gst\/gsttelucodec)/) ours++
    }
    /^SUMMARY: / && ours > 1 { printf "%s", text; bad = 1 }
    END { exit bad }'
}

# Lines of kernels/ and gst/ that the fast tests run.
gate_coverage() {
    gate_setup "$plain-cov" -Db_coverage=true -Doptimization=1 || return 1
    set -- gst/libgsttelucodec.so tests/ops/check tests/ops/grad_ops tests/engine/test_module \
        tests/fake/libtelucodec-cuda.so
    for name in range refine packet broken weights golden independent tlc json; do
        set -- "$@" "tests/codec/test_$name"
    done
    for name in enc dec mux parse heads pay loss rtp batch; do
        set -- "$@" "tests/gst/test_gst_$name"
    done
    ninja -C "$plain-cov" "$@" || return 1
    find "$plain-cov" -name '*.gcda' -exec rm -f {} +
    gate_tests "$plain-cov" check grad_ops range refine packet broken weights golden independent \
        tlc json module gst_enc gst_dec gst_mux gst_parse gst_heads gst_pay gst_loss gst_rtp \
        fake_batch || return 1
    gcovr -r "$top" --filter "$top/kernels/" --filter "$top/gst/" --print-summary \
        -o "$plain-cov/coverage.txt" "$plain-cov" >"$plain-cov/summary.txt" || return 1
    cat "$plain-cov/coverage.txt" "$plain-cov/summary.txt"
    grep -q '^lines: [0-9.]*[1-9][0-9.]*%' "$plain-cov/summary.txt"
}

gate clang-werror clang gate_clang
gate cppcheck cppcheck gate_cppcheck
gate clang-tidy clang-tidy gate_tidy
gate thread-sanitizer gcc gate_tsan
gate coverage gcovr gate_coverage
