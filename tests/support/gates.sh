# SPDX-License-Identifier: LGPL-2.1-or-later
# gates.sh - sourced by tests/run.sh in CI: checks that need more tools than the tests. Each
# counts as one test in $ok, $failed or $skipped; one whose tool is missing is skipped.

# gate NAME TOOL FUNCTION
gate() {
    if ! command -v "$2" >/dev/null 2>&1; then
        echo "gate $1: skipped, no $2"
        skipped=$((skipped + 1))
    elif "$3" >"$plain.gate" 2>&1; then
        echo "gate $1: ok"
        ok=$((ok + 1))
    else
        tail -40 "$plain.gate"
        echo "gate $1: failed"
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

gate clang-werror clang gate_clang
gate cppcheck cppcheck gate_cppcheck
gate clang-tidy clang-tidy gate_tidy
