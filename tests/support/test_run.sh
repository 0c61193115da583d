#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_run.sh TREE - what tests/run.sh runs, by a meson that only notes how it is called: the fast
# tests, or with --all every test and the sanitizers; and how it counts and ends.
set -u
top=$1
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" || exit 1
for tool in sh env dirname basename mkdir rm cat sed tail tee cut awk tr mktemp date grep; do
    ln -s "$(command -v $tool)" "$dir/bin/" || exit 1
done
# Nothing may seem to be missing, or run.sh would install it; but the gates' tools are.
for tool in cc c++ ninja pkg-config dpkg-architecture gst-launch-1.0 gst-discoverer-1.0 \
    gst-inspect-1.0 mpirun; do
    printf '#!/bin/sh\nexit 0\n' >"$dir/bin/$tool" && chmod +x "$dir/bin/$tool" || exit 1
done
cat >"$dir/bin/meson" <<'END'
#!/bin/sh
echo "$*" >>"$NOTES"
case $1 in
setup) mkdir -p "$2" && : >"$2/build.ninja" ;;
test) printf 'Ok:                 40\nFail:               %s\nSkipped:            2\n' "$FAIL" ;;
esac
END
chmod +x "$dir/bin/meson"

# runs STATUS FAIL LAST CALLS [option ...]: run.sh ends so, with this last line, and has called
# meson's tests so often
runs() {
    status=$1 fail=$2 last=$3 calls=$4
    shift 4
    what="run${*:+ $*}"
    rm -rf "$dir/build" "$dir/build-asan" "$dir/notes"
    : >"$dir/notes"
    text=$(PATH=$dir/bin NOTES=$dir/notes FAIL=$fail CI='' TELUCODEC_BUILD=$dir/build \
        "$dir/bin/sh" "$top/tests/run.sh" "$@" 2>&1)
    got=$?
    [ $got = "$status" ] || { echo "$what: status $got, expected $status: $text"; failed=1; }
    case $(echo "$text" | tail -1) in
    *"$last"*) ;;
    *) echo "$what: the last line has no \"$last\": $text"; failed=1 ;;
    esac
    got=$(grep -c '^test' "$dir/notes")
    [ "$got" = "$calls" ] || { echo "$what: $got runs of tests, expected $calls"; failed=1; }
}
# notes COUNT PATTERN: so many calls of meson match
notes() {
    got=$(grep -c -- "$2" "$dir/notes")
    [ "$got" = "$1" ] || { echo "run: $got calls of \"$2\", expected $1"; failed=1; }
}

runs 0 0 '40 passed, 0 failed, 2 skipped' 1
notes 1 '^test.*--no-suite slow'
notes 0 'b_sanitize'
runs 1 3 '40 passed, 3 failed, 2 skipped' 1
runs 0 0 '80 passed, 0 failed, ' 2 --all
notes 1 '^test.*--no-suite slow'
notes 1 '^setup.*b_sanitize=address,undefined'
notes 1 '^test.*build-asan.*--timeout-multiplier'
runs 2 0 'usage: sh tests/run.sh' 0 --every
runs 2 0 'usage: sh tests/run.sh' 0 --all twice
[ $failed = 0 ] && echo "run: the fast tests, and with --all every one"
exit $failed
