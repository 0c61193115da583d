#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_nvcc.sh EXCEPTIONS [LOG ...] - what ptxas said of each kernel for each architecture:
# no warning and no register spill. Prints registers, shared memory and spills, the worst of
# all architectures. EXCEPTIONS: lines "kernel reason", # for comments.
set -u
exceptions=$1
shift
[ $# -gt 0 ] || { echo "nvcc: there is no nvcc here, so nothing was compiled by it"; exit 77; }
command -v c++filt >/dev/null || { echo "nvcc: c++filt is missing"; exit 77; }

cat "$@" | grep -iE 'warning|error|falling back|performance loss' && {
    echo "nvcc: that is not to be said"
    exit 1
}
cat "$@" | c++filt | awk -v exceptions="$exceptions" '
    BEGIN {
        while ((got = (getline line < exceptions)) > 0)
            if (line !~ /^#/ && line != "") {
                name = line
                sub(/ .*/, "", name)
                if (name == line) {
                    print "nvcc: " exceptions ": " name ": without a reason"
                    bad = 1
                }
                may[name] = 1
            }
        if (got < 0) {
            print "nvcc: cannot read " exceptions
            exit bad = 1
        }
    }
    function plain(s) {        # void name<...>(...) [clone]: name
        sub(/\(.*/, "", s)
        sub(/<.*/, "", s)
        sub(/.* /, "", s)
        return s
    }
    /Compiling entry function/ {
        split($0, part, "\047")
        full = part[2]
        kernel = plain(full)
        arch = part[4]
        archs[arch] = 1
        known[kernel] = 1
    }
    /spill stores/ {
        spill = $5 + $9
        if (spill > spills[kernel]) spills[kernel] = spill
        if (spill) where[kernel] = where[kernel] " " arch
    }
    /Used [0-9]+ registers/ {
        seen++
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^registers/ && $i > regs[kernel]) regs[kernel] = $i
            if ($(i + 2) ~ /^smem/ && $i > smem[kernel]) smem[kernel] = $i
        }
    }
    END {
        if (bad) exit 1
        printf "%-32s %9s %13s %11s\n", "kernel", "registers", "shared, bytes", "spilt, bytes"
        for (k in known) {
            n++
            printf "%-32s %9d %13d %11d%s\n", k, regs[k], smem[k], spills[k],
                where[k] | "sort"
            if (spills[k] && !may[k]) bad = 1
        }
        close("sort")
        for (a in archs) all = all " " a
        for (k in may)
            if (!known[k] || !spills[k]) {
                print "nvcc: " exceptions ": " k " does not spill"
                bad = 1
            }
        printf "nvcc: %d kernels, %d compilations:%s\n", n, seen, all
        exit bad || !seen
    }'
