#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_openers.sh TREE [list] - comments begin with their subject: no sentence of a comment
# opens with a headless clause ("who runs it ...", "what a block knows") or with "Of ...",
# and no comment uses the phrases below. openers.allow holds the exceptions, as PATH:TEXT
# with the first words of the sentence; one that no comment has any more is a fault too.
# list: prints the exceptions that the tree needs. Then plants faults and expects them.
set -u
top=$1
allow=$1/tests/support/openers.allow

# First words, and phrases anywhere, in lower case. "of" counts when it begins a sentence.
openers='who|whose|whom|what|where|whither|whence|that which|those who|he who|that it'
phrases='by chance|that it may|that they may|those who|he who|that there be|as it is heard'

# found TREE: PATH:LINE:first words of each sentence that breaks the rule
found() (
    cd "$1" || exit 1
    files=$(find gst kernels trainer tests .ci -type f \( -name '*.[ch]' -o -name '*.cu' \
        -o -name '*.cuh' -o -name '*.cpp' -o -name '*.sh' -o -name '*.py' -o -name meson.build \
        -o -path .ci/run \) | sort)
    # shellcheck disable=SC2086
    awk -v openers="$openers" -v phrases="$phrases" '
    function sentence(text, line,    low) {
        gsub(/^[ -]+|[ -]+$/, "", text)
        low = tolower(text) " "
        gsub(/ +/, " ", low)
        if (text ~ /^Of / || low ~ ("^(" openers ")[ ,]") ||
            low ~ ("(^|[ (])(" phrases ")[ .,;:)]"))
            print path ":" line ":" short(text)
    }
    function short(text) {
        text = substr(text, 1, 60)
        sub(/ +$/, "", text)
        return text
    }
    # a comment whole: each of its sentences, and what follows "name.c - " at a head
    function comment(    part, n, i) {
        gsub(/[ ]+/, " ", text)
        sub(/^ *[A-Za-z0-9_.]+\.(c|h|cu|cuh|cpp|sh|py)( [A-Z\[][^-]*)? - /, "", text)
        n = split(text, part, /[.:;?!] +/)
        for (i = 1; i <= n; i++) sentence(part[i], begun)
        text = ""
    }
    FNR == 1 {
        if (text != "") comment()
        path = FILENAME
        hash = path ~ /\.(sh|py)$|meson\.build$|\.ci\/run$/
        inside = 0
    }
    hash {
        if (match($0, /^[ ]*# /)) {
            if (text == "") begun = FNR
            text = text " " substr($0, RLENGTH + 1)
            next
        }
        if (text != "") comment()
        if (match($0, /[^ ] +# /)) {
            begun = FNR
            text = substr($0, RSTART + RLENGTH)
            comment()
        }
        next
    }
    {
        rest = $0
        while (rest != "") {
            if (!inside) {
                if (!(at = index(rest, "/*"))) break
                rest = substr(rest, at + 2)
                inside = 1
                begun = FNR
            } else
                sub(/^[ ]*\*( |$)/, "", rest)
            if (at = index(rest, "*/")) {
                text = text " " substr(rest, 1, at - 1)
                rest = substr(rest, at + 2)
                inside = 0
                comment()
            } else {
                text = text " " rest
                break
            }
        }
    }
    END { if (text != "") comment() }' $files
)

# judge TREE ALLOWED: each fault; 1 when there is one
judge() {
    found "$1" | awk -v allowed="$2" '
    BEGIN {
        while ((got = (getline line < allowed)) > 0)
            if (line != "" && line !~ /^#/) may[line] = 1
        if (got < 0) { print "openers: cannot read " allowed; bad = 1 }
    }
    {
        key = $0
        match(key, /:[0-9]+:/)
        key = substr(key, 1, RSTART) substr(key, RSTART + RLENGTH)
        n++
        if (key in may) used[key] = 1
        else { print "openers: " $0; bad = 1 }
    }
    END {
        for (key in may) {
            allowed_count++
            if (!(key in used)) { print "openers: no longer there: " key; bad = 1 }
        }
        if (!bad) print "openers: " n + 0 " allowed"
        exit bad
    }'
}

if [ "${2:-}" = list ]; then
    found "$top" | sed 's/:[0-9]*:/:/' | LC_ALL=C sort -u
    exit
fi
failed=0
judge "$top" "$allow" || failed=1

# --- Planted faults, each of which must be found ---
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/gst" "$dir/kernels" "$dir/trainer" "$dir/tests" "$dir/.ci"
# planted FILE FAULT ALLOWED LINE ...: the fault is found in a file of these lines
planted() {
    file=$dir/gst/$1 fault=$2
    printf '%s\n' "$3" >"$dir/allow"
    shift 3
    printf '%s\n' "$@" >"$file"
    if judge "$dir" "$dir/allow" >"$dir/said" || ! grep -q "$fault" "$dir/said"; then
        echo "openers: planted: $*: not found as \"$fault\", but:"
        cat "$dir/said"
        failed=1
    fi
    rm "$file"
}
planted a.c 'a.c:1:What a block' '' '/* What a block knows. */'
planted a.c 'a.c:1:who finds' '' '/* A rule: who finds it' ' * idle runs it. */'
planted a.c 'a.c:2:Of few rows' '' 'int a;' 'int b;  /* One has a block. Of few rows each. */'
planted a.cu 'a.cu:1:signs' '' '/* a.cu - signs by' ' * chance. */'
planted a.sh 'a.sh:1:Where' '' '# Where it lacks memory'
planted a.py 'a.py:1:kept' '' 'x = 1  ''# kept that it may stay'
planted a.c 'no longer there: gst/a.c:What' 'gst/a.c:What it was' '/* It is. */'
# An allowed one is no fault, nor is a word that only begins so.
printf '/* What it was. Office: whatever. */\n' >"$dir/gst/a.c"
echo 'gst/a.c:What it was' >"$dir/allow"
judge "$dir" "$dir/allow" >/dev/null || { echo "openers: an allowed one was found"; failed=1; }
exit $failed
