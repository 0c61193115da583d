#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_demo.sh TREE BUILD - the README's first command, in a build that exists: it
# prints its table and writes its files, and the coded file is a good one. In a new folder it
# builds only what it needs, and tests/run.sh afterwards builds everything.
set -u
top=$1
failed=0
bad() { echo "demo: $*"; failed=1; }

text=$(TELUCODEC_BUILD=$2 sh "$top/gst/demo.sh" 2>&1) || { echo "$text"; exit 1; }
echo "$text"
for f in before.wav speech.tlc after.wav snr.wav spectrogram.png index.html; do
    [ -s "$2/demo/$f" ] || bad "$f was not written"
done
# The page has a player for each sound, and figures that fit the bitrates.
players=$(sed -n 's/.*src="\([^"]*\.wav\)".*/\1/p' "$2/demo/index.html")
wanted='before.wav 3.wav 6.wav 12.wav 16.wav'
if gst-inspect-1.0 --exists opusenc && gst-inspect-1.0 --exists oggmux; then
    wanted="$wanted opus-6.wav opus-12.wav opus-16.wav"
fi
[ "$(echo $players)" = "$wanted" ] || bad "players: $players, expected $wanted"
for f in $players; do
    [ -s "$2/demo/$f" ] || bad "the page's $f was not written"
done
sed -n 's|.*TeluCodec, \([0-9]*\) kbit/s</td><td>\([^<]*\)</td><td>\([^<]*\)<.*|\1 \2 \3|p' \
    "$2/demo/index.html" >"$2/demo/rows.txt"
awk '{
    if ($2 < 0.9 * $1 || $2 > 1.1 * $1) { print "demo: page: " $2 " kbit/s at " $1; bad = 1 }
    if (NR > 1 && !($3 > last + 2)) { print "demo: page: SNR " $3 " after " last; bad = 1 }
    last = $3
} END { if (NR != 4) print "demo: page: " NR " rows"; exit bad || NR != 4 }' "$2/demo/rows.txt" ||
    failed=1
number() { echo "$text" | sed -n "s/^ *$1  *\([0-9.]*\).*/\1/p"; }
awk -v p="$(number 'SNR, tune=perceptual')" -v s="$(number 'SNR, tune=snr')" \
    -v bytes="$(number '.tlc file')" 'BEGIN {
    if (!(s >= 26)) { print "demo: SNR " s " dB, expected 26 or more"; bad = 1 }
    if (!(p >= 20)) { print "demo: SNR " p " dB, tuned for the ear, expected 20 or more"; bad = 1 }
    if (!(bytes > 18000 && bytes < 24500)) {
        print "demo: " bytes " bytes for 11 s at 16 kbit/s"; bad = 1 }
    exit bad }' || failed=1

text=$(TELUCODEC_BUILD=$2 sh "$top/gst/demo.sh" "$2/no such file" 2>&1) &&
    bad "a file that is not there was no error"
case $text in
*"no such file"*) ;;
*) bad "the error does not name the file: $text" ;;
esac

# Half a second of AIFF, which GStreamer's good plugins do not read.
{
    printf 'FORM\0\0\037\156AIFFCOMM\0\0\0\022\0\001\0\0\037\100\0\010\100\014\372\0\0\0\0\0\0\0'
    printf 'SSND\0\0\037\110\0\0\0\0\0\0\0\0'
    head -c 8000 "$top/gst/demo.flac"
} >"$2/a.aiff"
text=$(TELUCODEC_BUILD=$2 sh "$top/gst/demo.sh" "$2/a.aiff" 2>&1) || bad "AIFF: $text"
[ "$(number length)" = 0.50 ] || bad "AIFF: $(number length) s, expected 0.50: $text"
rm "$2/a.aiff"

# A tree that cannot be written is built in the cache, and that is said. Root can write all.
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
mkdir -p "$dir/tree/tests" "$dir/cache" "$dir/given"
cp "$top/tests/setup.sh" "$dir/tree/tests/"
chmod 755 "$dir"
chmod 777 "$dir/cache"
chmod 555 "$dir/tree" "$dir/tree/tests" "$dir/given"
as=
[ "$(id -u)" = 0 ] && as='setpriv --reuid 65534 --regid 65534 --clear-groups'
# chosen [VARIABLE=VALUE ...]: the build folder that setup.sh takes, and its message
chosen() {
    $as env -u TELUCODEC_BUILD "$@" sh -c '. "$0"; echo "=$build"' "$dir/tree/tests/setup.sh" 2>&1
}
if $as true 2>/dev/null; then
    text=$(chosen XDG_CACHE_HOME="$dir/cache")
    case $text in
    *"$dir/tree cannot be written: building in $dir/cache/telucodec/build"*"=$dir/cache/"*) ;;
    *) bad "a tree that cannot be written: $text" ;;
    esac
    text=$(chosen XDG_CACHE_HOME=/dev/null TMPDIR="$dir/cache")
    case $text in
    *"building in $dir/cache/tmp."*) ;;
    *) bad "neither tree nor cache can be written: $text" ;;
    esac
    text=$(chosen TELUCODEC_BUILD="$dir/given") && bad "a folder that cannot be written: $text"
    case $text in
    *"TELUCODEC_BUILD is $dir/given, which cannot be written"*) ;;
    *) bad "a folder that cannot be written: $text" ;;
    esac
    chmod 777 "$dir/tree"
    [ "$(chosen XDG_CACHE_HOME="$dir/cache")" = "=$dir/tree/build" ] ||
        bad "a tree that can be written is not built in"
else
    echo "demo: no setpriv: trees that cannot be written are not tried"
fi

# A ninja that notes what it is asked for and builds nothing; a GPU, and none.
mkdir "$dir/bin" || exit 1
cat >"$dir/bin/ninja" <<EOF
#!/bin/sh
case "\$*" in
*--version* | *-t\ *) exec "$(command -v ninja)" "\$@" ;;
esac
shift 2
echo "\$*" >"$dir/asked"
EOF
# shellcheck disable=SC2016
printf '#!/bin/sh\n[ -n "$GPU" ] && echo "$GPU"\n' >"$dir/bin/nvidia-smi"
printf '#!/bin/sh\nexit 1\n' >"$dir/bin/nvcc"
chmod +x "$dir/bin/ninja" "$dir/bin/nvidia-smi" "$dir/bin/nvcc"
export PATH="$dir/bin:$PATH"

# asks FOLDER FUNCTION OPTIONS TARGETS: the function of setup.sh passes these to meson and ninja
asks() {
    : >"$dir/asked"
    said=$(TELUCODEC_BUILD=$dir/$1 sh -c '. "$0"; "$1"' "$top/tests/setup.sh" "$2" 2>&1) ||
        bad "$2: $said"
    options=$(meson introspect --buildoptions "$dir/$1" | tr '{' '\n' |
        sed -n 's/.*"name": "\(cuda[a-z-]*\)", "value": "\([^"]*\)".*/\1=\2/p' | LC_ALL=C sort |
        tr '\n' ' ')
    [ "$options" = "$3 " ] || bad "$2: options $options, expected $3"
    targets=$(cat "$dir/asked")
    [ "$targets" = "$4" ] || bad "$2: built \"$targets\", expected \"$4\""
}
two='gst/libgsttelucodec.so gst/program/telucodec'
every=$(sed -n "/'cuda-arch'/s/.*value: '\([^']*\)'.*/\1/p" "$top/meson_options.txt")
export GPU=
asks none build_demo "cuda-arch=$every cuda=disabled" "$two"
GPU=9.0
if command -v c++ >/dev/null; then
    asks one build_demo "cuda-arch=90 cuda=auto" "$two kernels/module/libtelucodec-cuda.so"
fi
asks none build_tree "cuda-arch=$every cuda=auto" ''
asks none build_demo "cuda-arch=$every cuda=auto" "$two"
exit $failed
