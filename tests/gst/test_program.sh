#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test_program.sh TELUCODEC CLIP TRAINER SOURCE - the program telucodec from its command line: each
# command on small files, folders with bad files among good ones, pipes, what it refuses, what
# an interrupt leaves, exit codes. TRAINER: yes when telucodec-train is built.
set -u
program=$1 clip=$2 trainer=$3 source=$4
failed=0
bad() { echo "program: $*"; failed=1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# run CODE WORDS COMMAND ...: the program ends with CODE and says WORDS (a pattern)
run() {
    code=$1 words=$2
    shift 2
    "$program" "$@" >said 2>&1 </dev/null
    got=$?
    [ $got = "$code" ] || bad "telucodec $*: exit code $got, expected $code:" "$(cat said)"
    [ -z "$words" ] || grep -q -e "$words" said ||
        bad "telucodec $*: does not say \"$words\":" "$(cat said)"
}
# samples FILE: of a WAV of 16 bits, mono, by the size of its data
samples() { echo $(($(od -An -tu4 -j40 -N4 "$1") / 2)); }
same() { [ "$1" = "$2" ] || bad "$3: $1, expected $2"; }
mono='audioconvert ! audio/x-raw,format=S16LE,rate=16000,channels=1'
three='audioconvert mix-matrix="<<1.0>,<0.5>,<0.2>>" !'
three="$three audio/x-raw,channels=3,channel-mask=(bitmask)0x7"
# parsed WHAT: the file "said" is JSON, where something can tell
parsed() {
    if command -v python3 >/dev/null; then
        python3 -m json.tool said >/dev/null || bad "$1: no JSON: $(cat said)"
    elif command -v jq >/dev/null; then
        jq . said >/dev/null || bad "$1: no JSON: $(cat said)"
    else
        echo "program: neither python3 nor jq: JSON not parsed"
    fi
}
# leftovers FOLDER: no half file stands there
leftovers() {
    [ -z "$(find "$1" -name '.telucodec*')" ] || bad "half files:" "$(find "$1" -name '.tel*')"
}

# --- There and back ---
mkdir -p in/deep/er
run 0 '' play "$clip" --sink "$mono ! wavenc ! filesink location=in/a.wav"
n=$(samples in/a.wav)
[ "$n" -gt 100000 ] || bad "play wrote $n samples"
run 0 'a.wav -> out/a.tlc: ' encode in/a.wav -o out/a.tlc
same "$(head -c 4 out/a.tlc)" TeLC "first bytes of a.tlc"
run 0 '' decode out/a.tlc
same "$(samples out/a.wav)" "$n" "samples there and back"
run 0 '' decode out/a.tlc -o out/a.flac
same "$(head -c 4 out/a.flac)" fLaC "first bytes of a.flac"
size=$(wc -c <out/a.tlc)
run 0 '' encode in/a.wav -b 6k --tune snr -o out/small.tlc
[ "$(wc -c <out/small.tlc)" -lt $((size / 2)) ] || bad "6k is no smaller than 16k"

# --- A pipe is a file ---
"$program" encode - <in/a.wav 2>said | cat >pipe.tlc
"$program" decode - <pipe.tlc 2>>said | cat >pipe.wav
same "$(cat said)" '' "said in a pipe"
tail -c +45 pipe.wav >pipe.raw
tail -c +45 out/a.wav >file.raw
cmp pipe.raw file.raw || bad "a pipe gives another sound than a file"
run 0 '"seconds": 1' compare --json out/a.wav pipe.wav

# --- A folder, with a bad file among good ones ---
cp in/a.wav in/deep/er/b.WAV
run 0 '' play in/a.wav --sink "$three ! wavenc ! filesink location=in/deep/three.wav"
# 8 bits, 8001 samples: an odd number of bytes
{
    printf 'RIFF\146\037\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\200\076\0\0\001\0\010\0'
    printf 'data\101\037\0\0'
    head -c 8002 "$clip"
} >in/deep/odd.wav
head -c 3000 "$clip" | tail -c 2000 >in/deep/junk.wav
echo 'a transcript' >in/a.txt
run 1 'deep/junk.wav: no kind of sound file' encode -r in -o packed -j 2
grep -q '\*\*\* 1 of 5 files, 20 %, were left out' said || bad "the sum is not said:" "$(cat said)"
same "$(find packed -type f | LC_ALL=C sort | tr '\n' ' ')" \
    "packed/a.tlc packed/deep/er/b.tlc packed/deep/odd.tlc packed/deep/three.tlc " "the tree"
cmp packed/a.tlc out/a.tlc || bad "a folder gives other bytes than a file"
leftovers .
run 0 '"samples": 8001,' info --json packed/deep/odd.tlc
run 1 'a.wav: done before' encode -r in -o packed
same "$(grep -c 'done before$' said)" 4 "files done before"
rm in/deep/junk.wav
touch -d '2001-01-01' packed/a.tlc
run 1 'packed/a.tlc is older than its source: -u' encode -r in -o packed
run 0 '1 files: .*' encode -r -u in -o packed
head -c 1000 out/a.tlc >packed/deep/er/b.tlc
run 1 'b.tlc is there but not whole: -u' encode -r in -o packed
run 0 'b.WAV -> packed/deep/er/b.tlc' encode -r -u in -o packed
cmp packed/deep/er/b.tlc out/a.tlc || bad "-u did not write b.tlc again"
run 0 '4 files: ' decode -r packed -o back
same "$(samples back/deep/er/b.wav)" "$n" "samples of a folder's file"
same "$(samples back/deep/three.wav)" "$n" "samples of a file of three channels"
cmp back/deep/er/b.wav out/a.wav || bad "a folder gives another sound than a file"

# --- Files of a folder share passes: packets side by side, and the same bytes ---
mkdir many
for i in 1 2 3 4; do cp in/a.wav many/$i.wav; done
GST_DEBUG='*:4' GST_DEBUG_NO_COLOR=1 "$program" encode -q -j 4 -r many -o four 2>log
sed -n 's/.*streams side by side, \([0-9]*\) packets in \([0-9]*\) passes/\1 \2/p' log |
    awk '$1 > 2 * $2 { shared = 1 } END { exit !shared }' ||
    bad "encode -r: four files do not share passes:" "$(grep 'side by side' log)"
cmp four/4.tlc out/a.tlc || bad "files that share passes have other bytes"
run 0 '4 files were done before' decode -r packed -o back

# --- Short and odd sounds ---
for few in 0 1 79 321; do
    {
        printf 'RIFF\0\0\0\020WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\200\076\0\0'
        printf '\001\0\010\0data'
        printf "\\$(printf %o $((few % 256)))\\$(printf %o $((few / 256)))\\0\\0"
        head -c $((few + few % 2)) "$clip"
    } >few.wav
    run 0 '' encode -f few.wav -o few.tlc
    run 0 "\"samples\": $few," info --json few.tlc
    run 0 '' decode -f few.tlc -o few.out.wav
    grep -q GStreamer said && bad "$few samples:" "$(cat said)"
    same "$(samples few.out.wav)" "$few" "samples of a short file"
    [ "$few" -gt 0 ] || cp few.tlc none.tlc
done
"$program" decode none.tlc -o - | cat >none.wav
same "$(od -An -tx1 none.wav | tr -d ' \n')" "$(printf '%s' 524946462400000057415645666d7420 \
    1000000001000100803e0000007d0000 020010006461746100000000)" "a WAV of no samples in a pipe"
mkdir odd
cp in/a.wav "odd/$(printf '\377 "q"\n\033[1m').wav"
cp in/a.wav odd/-f.wav
run 0 '2 files: ' encode -r odd
grep -q "$(printf '\033')" said && bad "a file name gets to the terminal as it is"
run 0 '"file"' info --json -r odd
parsed "info of odd names"
: >empty.wav
run 1 'empty.wav: ' encode empty.wav
loud='volume volume=10 ! volume volume=10 ! volume volume=10'
run 0 '' play in/a.wav --sink "audioconvert ! audio/x-raw,format=F32LE ! $loud ! wavenc ! \
    filesink location=scaled.wav"
run 1 'scaled.wav: its samples reach [0-9.]*, expected 1 at full scale' encode scaled.wav
[ -e scaled.tlc ] && bad "samples scaled to integers were encoded"

# An original beside its .tlc outlives -u.
mkdir place
cp in/a.wav place/
touch -d '2001-01-01' place/a.wav
run 0 '' encode -r place
run 1 'place/a.wav is older than it, perhaps its original: -f' decode -r -u place
cmp place/a.wav in/a.wav || bad "decode -u overwrote the original"

# --- On a terminal: a bar, no line for each file, a sum that stands out ---
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    mkdir few
    cp in/a.wav few/1.wav
    cp in/a.wav few/2.wav
    : >few/3.wav
    TERM=xterm script -qec "$program encode -r few -o tty -j 1" /dev/null </dev/null >said 2>&1
    same $? 1 "exit code on a terminal"
    grep -q '\[#*\.*\] *[0-9]* %  [0-3] of 3 files' said || bad "no bar:" "$(cat said)"
    grep -q -e '->' said && bad "lines on a terminal:" "$(cat said)"
    grep -q "$(printf '\033')\[1;7m 1 of 3 files, 33 %, were left out" said ||
        bad "no sum that stands out:" "$(cat said)"
    # A window that closes with the program stays open after an error, until Enter.
    for wait in '' --wait; do
        rm -f typed
        { sleep 1; : >typed; echo; } | script -qec \
            "$program play $wait nowhere.wav; [ -e typed ] && echo late" /dev/null >said 2>&1
        same "$(grep -c late said)" "$(echo "$wait" | grep -c wait)" "play $wait that waits"
        same "$(grep -c 'Enter ends' said)" "$(echo "$wait" | grep -c wait)" "play $wait saying so"
    done
else
    echo "program: no script: no terminal tried"
fi

# --- Nothing is overwritten unasked ---
cp out/a.tlc keep.tlc
run 1 'keep.tlc is there already: -f' encode in/a.wav -b 3k -o keep.tlc
cmp keep.tlc out/a.tlc || bad "keep.tlc was overwritten"
run 0 '' encode in/a.wav -f -b 3k -o keep.tlc
cmp -s keep.tlc out/a.tlc && bad "-f did not overwrite keep.tlc"
run 1 'overwrite itself' encode in/a.wav -f -o in/a.wav
run 1 'as in/a.wav does' encode in/a.wav in/a.wav -o two
run 1 'cannot be written: Not a directory' encode in/a.wav -o in/a.txt/x.tlc
run 1 'is a folder: -r' encode in
run 1 'nowhere.wav: cannot be read: No such file' encode nowhere.wav

# --- Devices, pipes and links are written, not replaced ---
mkfifo sink.fifo
cat sink.fifo >through.tlc &
run 0 '' encode in/a.wav -o sink.fifo
wait $!
[ -p sink.fifo ] || bad "a named pipe was replaced"
run 0 '"samples"' info --json through.tlc
ln -s keep.tlc link.tlc
run 0 '' encode in/a.wav -f -o link.tlc
[ -L link.tlc ] && cmp keep.tlc out/a.tlc || bad "a link was replaced, or its file not written"
if [ -e /dev/full ]; then
    run 1 'a.wav: ' encode in/a.wav -o /dev/full
    [ -c /dev/full ] || bad "/dev/full was replaced"
fi
"$program" decode out/a.tlc -o - 2>said | head -c 100 >head.wav
same "$(wc -c <head.wav)" 100 "bytes of a pipe that closes early"
leftovers .

# --- An interrupt leaves the old file, or none ---
interrupt() {
    mkfifo fifo
    cp out/a.tlc old.tlc
    (head -c 300000 in/a.wav; exec sleep 60) >fifo &
    feeder=$!
    # A background process of a shell ignores SIGINT.
    env --default-signal=INT "$program" encode - -f -o old.tlc <fifo >said 2>&1 &
    pid=$!
    tries=0
    until [ -n "$(find . -maxdepth 1 -name '.telucodec*')" ] || [ $tries = 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    sleep 0.3
    kill "-$1" $pid
    wait $pid
    same $? 130 "exit code after SIG$1"
    kill $feeder 2>/dev/null
    wait $feeder 2>/dev/null
    rm -f fifo
    grep -q 'stopped: 1 of 1 files are not done' said || bad "SIG$1:" "$(cat said)"
    leftovers .
    cmp old.tlc out/a.tlc || bad "SIG$1: the old file is gone"
}
if env --default-signal=INT true 2>/dev/null; then
    interrupt INT
    interrupt TERM
else
    echo "program: env cannot reset signals: no interrupt"
fi

# --- Damage is told ---
{
    head -c 5000 out/a.tlc
    printf 'these bytes are damaged'
    tail -c +5024 out/a.tlc
} >damaged.tlc
run 0 'damage     none' info out/a.tlc
grep -q 'tag  *comment: Processed by SoX' said || bad "the comment of the WAV is lost"
grep -q 'weights    [0-9a-f]*, tiny$' said || bad "the weights are not known here"
run 1 'is damaged at byte' info damaged.tlc
run 1 '"damage": \["The stream is damaged at byte' info --json damaged.tlc
parsed "info of a damaged file"
run 1 'damaged.tlc: damaged, but damaged.wav was written' decode damaged.tlc
same "$(samples damaged.wav)" "$n" "samples of a damaged file"
head -c 4000 out/a.tlc >cut.tlc
run 1 'Its last page is missing' info cut.tlc
run 1 'not a .tlc file' info in/a.wav
run 1 'not a .tlc file' decode in/a.wav -o x.wav
[ -e x.wav ] && bad "a failed decode left a file"
"$program" info --json out/a.tlc in/a.wav >said 2>/dev/null
parsed "info of two files"
grep -q "\"samples\": $n," said || bad "info: other samples than $n:" "$(cat said)"

# --- A machine without a sound device ---
export GST_PLUGIN_FEATURE_RANK=alsasink:0,pulsesink:0,pipewiresink:0,osssink:0,oss4sink:0,\
jackaudiosink:0,openalsink:0
run 1 'no sound device is found here: --sink names another' play --wait in/a.wav
gst-inspect-1.0 --exists alsasink || grep -q 'package gstreamer1.0-alsa' said ||
    bad "no package is named:" "$(cat said)"
unset GST_PLUGIN_FEATURE_RANK

# --- compare, bench, train ---
run 0 '^SNR  *[1-9][0-9][0-9]\.' compare in/a.wav in/a.wav -o same.png
same "$(head -c 4 same.png | tail -c 3)" PNG "first bytes of the picture"
same "$(grep -c '^band  *' said)" 6 "bands"
grep -q '^LSD  *0.00 dB' said || bad "LSD of equal sounds:" "$(cat said)"
run 1 'same.png is there already' compare in/a.wav in/a.wav -o same.png
if [ -e /dev/full ]; then
    run 1 '/dev/full cannot be written: ' compare in/a.wav in/a.wav -f -o /dev/full
    [ -c /dev/full ] || bad "/dev/full was replaced by a picture"
fi
# wave FILE TWO_BYTES: half a second of a wave of 8 bits
wave() {
    {
        printf 'RIFF\144\037\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\200\076\0\0'
        printf '\001\0\010\0data\100\037\0\0'
        printf "$2%.0s" $(seq 4000)
    } >"$1"
}
wave loud.wav '\215\163'                # 13 of 128: -19.9 dBFS
wave quiet.wav '\201\177'               # 1 of 128: -42.1 dBFS
run 0 '^level  *-19.87 dBFS in, -42.14 dBFS out' compare loud.wav quiet.wav -o levels.png
gst-launch-1.0 -q filesrc location=levels.png ! pngdec ! videoconvert ! video/x-raw,format=RGB ! \
    filesink location=levels.rgb || bad "levels.png cannot be read"
# drawn ROW COLOUR: pixels of that colour in a row of the picture, which is 1196 wide
drawn() {
    tail -c +$(($1 * 1196 * 3 + 1)) levels.rgb | head -c $((1196 * 3)) | od -An -v -tx1 -w3 |
        grep -c "$2"
}
# The panel of levels begins at row 1000 and has 128 for 80 dB.
for at in 1032=28.14.dc 1067=e6.6e.14; do
    many=$(drawn "${at%=*}" "${at#*=}")
    [ "$many" -ge 990 ] || bad "level: $many pixels of $at, expected 990 or more"
done
same "$(drawn 1040 '28.14.dc\|e6.6e.14')" 0 "pixels between the levels"
run 0 '^SNR  *-*[0-9][0-9]*\.[0-9]* dB' compare in/a.wav out/a.tlc
run 0 '' compare --json in/a.wav out/a.tlc
parsed compare
run 0 '^decode  *[1-9][0-9.]* times real time' bench --seconds 1
run 0 '' bench --json --seconds 1
parsed bench
if [ "$trainer" = yes ]; then
    run 0 'learning-rate' train --help
    run 1 'data_dir is missing' train
fi

# --- Weights ---
# other FILE BYTE: FILE becomes other weights: one byte of a bias is another
other() {
    n=$(($(od -An -tu8 -N8 "$TELUCODEC_MODEL")))
    # The id leaves out the post-network, whose tensors come last.
    own=$(head -c $((8 + n)) "$TELUCODEC_MODEL" | tail -c +9 |
        sed -n 's/.*"post.in.w": *{[^}]*"data_offsets": *\[\([0-9]*\).*/\1/p')
    tail -c +$((9 + n)) "$TELUCODEC_MODEL" >data
    printf "$2" | dd of=data bs=1 seek=30723 conv=notrunc 2>/dev/null
    old=$(tail -c +$((9 + n)) "$TELUCODEC_MODEL" | head -c "$own" | sha256sum | cut -c 1-64)
    {
        head -c $((8 + n)) "$TELUCODEC_MODEL" |
            LC_ALL=C sed "s/$old/$(head -c "$own" data | sha256sum | cut -c 1-64)/"
        cat data
    } >"$1"
}
mkdir -p "$dir/weights" "$dir/more" versions
cp "$TELUCODEC_MODEL" weights/one.safetensors
other weights/two.safetensors '\077'
other more/three.safetensors '\277'
unset TELUCODEC_MODEL
export TELUCODEC_MODEL_PATH="$dir/weights:$dir/more" XDG_DATA_HOME="$dir/share"
for name in one two three; do
    run 0 '' encode -m $name in/a.wav -o versions/$name.tlc
    run 0 '' decode -m */$name.safetensors versions/$name.tlc -o $name.wav
    run 0 "weights    [0-9a-f]*, $name\$" info versions/$name.tlc
done
cmp -s one.wav two.wav && bad "two weights give one sound"
run 0 '3 files: ' decode -r versions -o heard
for name in one two three; do
    cmp $name.wav heard/$name.wav || bad "$name.tlc was not decoded with its own weights"
    run 0 '' play versions/$name.tlc --sink "$mono ! wavenc ! filesink location=played.wav"
    same "$(samples played.wav)" "$(samples $name.wav)" "samples of $name.tlc as played"
    run 0 '^SNR  ' compare $name.wav versions/$name.tlc
done
run 0 '^three$' models
run 0 '^  language   not told$' models
run 0 '"name": "two".*"language": null' models --json
parsed models
id=$(sed -n 's/.*"name": "three", "id": "\([0-9a-f]*\)".*/\1/p' said)
run 0 '' encode -m "$(echo "$id" | cut -c 1-10)" in/a.wav -o short.tlc
cmp short.tlc versions/three.tlc || bad "weights are not found by the head of their id"
mv more/three.safetensors three
places="$dir/weights, $dir/more, $dir/share"
run 1 "the weights $id, named three, which are not installed: looked in $places" \
    decode versions/three.tlc
run 1 'not installed' play versions/three.tlc --sink fakesink
run 0 'not installed here: it cannot be decoded' info versions/three.tlc
old=a90700a108090fbfa016c23294cdb7ac51a349ea4ce08c8d31594e37741727d1
run 0 '' play in/a.wav --sink "$mono ! telucodecenc model-path=$dir/weights/one.safetensors ! \
    capssetter caps=audio/x-telucodec,model-id=(string)$old ! telucodecmux ! \
    filesink location=old.tlc"
run 0 'telucodec-te-16k of TeluCodec 0.3: this version cannot decode it' info old.tlc
run 1 'telucodec-te-16k of TeluCodec 0.3, whose packets' decode old.tlc
run 0 "share/telucodec/three.safetensors" models add three
run 1 'is there already: -f' models add three
run 0 'share/telucodec/zero.safetensors' models add three zero
run 0 '^zero (the same as weights above)' models
run 2 'the name is ../x, expected one without /' models add three ../x
run 0 '' decode versions/three.tlc -f
cmp three.wav versions/three.wav || bad "weights that were added are not used"
run 1 'a.txt' models add in/a.txt
run 2 '-m is four, neither a file nor the name' encode -m four in/a.wav -o four.tlc
export TELUCODEC_MODEL="$dir/weights/one.safetensors"

# --- Wrong command lines ---
run 0 'telucodec encode speech.mp3' --help
run 0 '^telucodec [0-9]*\.' --version
run 2 'no command sing' sing
run 2 'no file is named' encode
run 2 '-b is 6x, expected 500 to 64000' encode -b 6x in/a.wav
run 2 '-b is 100k, expected 500 to 64000' encode -b 100k in/a.wav
run 2 '--tune is loud, expected one of perceptual, snr' encode --tune loud in/a.wav
run 2 'x.mp3, expected a name' decode out/a.tlc -o x.mp3
run 2 'takes one file: 2 are named' encode in/a.wav in/a.txt -o -
run 2 'nonsense' info --nonsense
run 2 'expected two files' compare in/a.wav
run 2 'expected 0.1 to 3600' bench --seconds nan
run 1 'no element "nosuchsink"' play out/a.tlc --sink nosuchsink
for command in encode decode info play compare bench models; do
    run 0 "telucodec $command" $command --help
    [ "$(wc -l <said)" -le 35 ] || bad "telucodec $command --help is longer than a screen"
done

# --- Manual and completion name every option ---
for command in encode decode info play compare bench models; do
    "$program" $command --help >said
    for option in $(sed -n 's/^  \(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' said); do
        [ "$option" = help ] || tr -d '\\' <"$source/telucodec.1" | grep -q -e "--$option" ||
            bad "telucodec.1 does not name --$option of $command"
    done
done
if command -v bash >/dev/null; then
    # complete WORDS: the candidates for the last of them
    complete() {
        bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _telucodec
            printf "%s " "${COMPREPLY[@]}"' "$source/telucodec.bash" "$program" "$@"
    }
    same "$(complete en)" "encode " "completion of a command"
    same "$(complete encode --rec)" "--recursive " "completion of an option"
    same "$(complete encode --tune s)" "snr " "completion of a value"
    same "$(complete encode --tune = s)" "snr " "completion of a value behind ="
    same "$(complete info out/a)" "out/a.tlc " "completion of a file"
else
    echo "program: no bash: completion not tried"
fi
exit $failed
