#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_style.sh TREE - the style of the tree, and its check: each rule here is checked below.
#
# Every file: an SPDX line at its head, no tab, no trailing blank, a newline at the end, no
# left-over marker; 100 columns at most, but for a gst-launch-1.0 line that is to be pasted.
# C, C++ and CUDA:
#   - indentation of 4 spaces; of 2 in files of GStreamer's style (gst/, tests/gst/, tlc, packing,
#     pcm)
#   - the brace of a function on its own line, that of if, else, for, while, do and switch
#     on the same line: "} else {"
#   - a space after if, for, while, switch and return, after "," and ";", round "==", "!=",
#     "<=", ">=", "&&", "||" and "+=" and its like; none inside parentheses, none before ";"
#   - "name(x)", in GStreamer's style "name (x)"; "char *x", never "char* x"
#   - comments between /* and */, never after //; no two empty lines in a row
# Then plants one fault of each kind and expects to find it.
set -u
cd "$1" || exit 1

# lines FILE ...: finds the faults that one line shows
lines() {
    awk '
    function report(text) { print "style: " FILENAME ":" FNR ": " text; bad = 1 }
    FNR == 1 { spdx = 0 }
    FNR <= 3 && /SPDX-License-Identifier: LGPL-2.1-or-later/ { spdx = 1 }
    FNR == 3 && !spdx && FILENAME !~ /\.md$/ { report("no SPDX line at its head") }
    /\t/ { report("a tab") }
    / $/ { report("a trailing blank") }
    length($0) > 100 && !/gst-launch-1.0/ && FILENAME !~ /\.md$|options/ {
        report("over 100 columns") }
    /(^|[^A-Za-z0-9_])(T[O]DO|F[I]XME|X[X]X)([^A-Za-z0-9_]|$)/ { report("a left-over marker") }
    END { exit bad }' "$@"
}

# code FILE ...: the rules of C, C++ and CUDA
code() {
    awk '
    function report(text) { print "style: " FILENAME ":" FNR ": " text; bad = 1 }
    # the line without comments, its strings empty
    function code_of(s,    out, c, d, i, n) {
        n = length(s)
        quote = out = ""
        for (i = 1; i <= n; i++) {
            c = substr(s, i, 1)
            d = substr(s, i, 2)
            if (in_comment) {
                if (d == "*/") { in_comment = 0; i++ }
            } else if (quote != "") {
                if (c == "\\") i++
                else if (c == quote) { quote = ""; out = out c }
            } else if (d == "/*") { in_comment = 1; i++ }
            else if (d == "//") { report("a // comment"); break }
            else {
                # a digit before it: C++ groups digits so
                if (c == "\"" || (c == "\047" && out !~ /[0-9a-fA-F]$/)) quote = c
                out = out c
            }
        }
        sub(/[ \t]+$/, "", out)
        return out
    }
    FNR == 1 {
        in_comment = depth = in_macro = empty = 0
        prev = ""
        gst = FILENAME ~ /^(gst|tests\/gst)\/|\/(tlc|packing|pcm)\.[ch]$/
        step = gst ? 2 : 4
    }
    {
        if ($0 == "" && empty) report("two empty lines")
        empty = $0 == ""
        after_comment = in_comment
        s = code_of($0)
        macro = in_macro
        in_macro = s ~ /\\$/ && (macro || s ~ /^[ ]*#/)
        if (s == "" || s ~ /^[ ]*#/) next
        if (s ~ /(^|[^A-Za-z0-9_])(if|for|while|switch|return)\(/)
            report("no space after if, for, while, switch or return")
        if (s ~ /\( / || s ~ /[^ ;] \)/) report("a space inside parentheses")
        if (s ~ /[^ (;] +;/) report("a space before ;")
        if (s ~ /;[^ ;)\\]/) report("no space after ;")
        if (s ~ /,[^ \047"\\.]/) report("no space after ,")
        if (s ~ /[A-Za-z0-9_]\* [A-Za-z_]/) report("the star belongs to the name")
        if (s ~ /[A-Za-z0-9_)\]](==|!=|<=|>=|&&|\|\||[-+*\/|&]=)[^ ]/ && s !~ /operator/)
            report("no space round an operator")
        if (s ~ /(^|[^A-Za-z0-9_])(if|for|while|switch) \(.*\)\{$|}else|else\{/)
            report("no space before a brace")
        if (s ~ /^ *else/ && prev ~ /}$/) report("else belongs behind its brace")
        if (s ~ /^ *\{$/ && prev ~ /^ *(} )?(if|else|for|while|switch|do)( .*\))?$/)
            report("a control brace on its own line")
        if (s ~ /^[A-Za-z_].*\) *(const )?\{$/ && s !~ /=/)
            report("a function brace on the same line")
        if (!gst && s ~ /[A-Za-z0-9_] \(/ && calls(s)) report("a space before a call")
        if (gst && !macro && s ~ /(^|[ (!])[a-z][a-z0-9_]*\(/)
            report("no space before a call")
        match(s, /^ */)
        if (RLENGTH % step && !macro && !after_comment && !depth && prev ~ /[;{}]$/)
            report("indented by " RLENGTH)
        t = s
        depth += gsub(/[(\[]/, "", t) - gsub(/[)\]]/, "", t)
        prev = s
    }
    # a name that is no keyword and no type, before " ("
    function calls(s,    word) {
        while (match(s, /[A-Za-z_][A-Za-z0-9_]* \([^*&]/)) {
            word = substr(s, RSTART, RLENGTH - 3)
            s = substr(s, RSTART + RLENGTH - 1)
            if (word !~ /^(if|for|while|switch|return|case|sizeof|else|do|and|void|int|float)$/ &&
                word !~ /^(char|double|unsigned|const|bool|long|defined|constexpr|new)$/ &&
                word !~ /_t$|^_/)
                return 1
        }
        return 0
    }
    END { exit bad }' "$@"
}

sources=$(find gst kernels trainer tests -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' \
    -o -name '*.cuh' -o -name '*.cpp' \) | sort)
files=$(find gst kernels trainer tests .ci -type f \( -name '*.sh' -o -name '*.py' \
    -o -name meson.build -o -path .ci/run \) | sort)
pages=$(find README.md gst kernels trainer tests -name '*.md' | sort)
if [ -z "$sources" ] || [ -z "$files" ]; then
    echo "style: no sources below $1"
    exit 1
fi
failed=0
# shellcheck disable=SC2086
{
    code $sources || failed=1
    lines $sources $files $pages meson.build meson_options.txt || failed=1
}
for f in $sources $files $pages meson.build meson_options.txt; do
    [ -z "$(tail -c 1 "$f")" ] || { echo "style: $f: no newline at its end"; failed=1; }
done

# --- Planted faults, each of which must be found ---
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
# planted CHECK MESSAGE LINE ...: a file of these lines is found for that reason
planted() {
    check=$1 message=$2
    shift 2
    n=$((n + 1))
    printf '%s\n' "$@" >"$dir/$file"
    if (cd "$dir" && "$check" "$file") >"$dir/said" || ! grep -q "$message" "$dir/said"; then
        echo "style: planted: $*: not found as \"$message\", but:"
        cat "$dir/said"
        failed=1
    fi
}
file=a.c
tab=$(printf '\t')
planted lines 'no SPDX line' 'int a;' 'int b;' 'int c;'
planted lines 'a tab' "int${tab}a;"
planted lines 'a trailing blank' 'int a; '
planted lines 'over 100' "int a; /* $(printf '%090d' 0) */"
planted lines 'a left-over marker' "/* TO""DO */"
planted code 'indented by 2' 'int f(void)' '{' '  return 1;' '}'
planted code 'a // comment' 'int a; // one'
planted code 'no space after if' '    if(a)'
planted code 'no space after if' '    return(a);'
planted code 'inside parentheses' '    f( a);'
planted code 'inside parentheses' '    f(a );'
planted code 'a space before ;' '    f(a) ;'
planted code 'no space after ;' '    f(a);g(b);'
planted code 'no space after ,' '    f(a,b);'
planted code 'the star' 'int f(char* a);'
planted code 'round an operator' '    if (a==b)'
planted code 'round an operator' '    a+=b;'
planted code 'no space before a brace' '    if (a){'
planted code 'no space before a brace' '    } else{'
planted code 'else belongs' '    }' '    else'
planted code 'a control brace' '    if (a)' '    {'
planted code 'a control brace' '    else' '    {'
planted code 'a function brace' 'int f(void) {'
planted code 'a space before a call' '    f (a);'
planted code 'two empty lines' 'int a;' '' '' 'int b;'
mkdir "$dir/gst"
file=gst/a.c
planted code 'no space before a call' '  f(a);'
planted code 'indented by 3' '  f (a);' '   f (b);'
[ $failed = 0 ] &&
    echo "style: $(echo "$sources" "$files" | wc -w) files are clean; $n planted faults found"
exit $failed
