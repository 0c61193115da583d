# SPDX-License-Identifier: LGPL-2.1-or-later
# telucodec.bash - completes commands, options and file names of telucodec in bash.

_telucodec()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local program=${COMP_WORDS[0]}

    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "encode decode info play compare bench models train --help --version" \
            -- "$word"))
        return
    fi
    # bash splits a word at "=".
    if [ "$word" = = ]; then
        word=
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case $before in
    --tune) COMPREPLY=($(compgen -W "perceptual snr" -- "$word")); return ;;
    --bitrate-type) COMPREPLY=($(compgen -W "constrained-vbr vbr cbr" -- "$word")); return ;;
    --backend) COMPREPLY=($(compgen -W "auto cpu cuda" -- "$word")); return ;;
    -b | --bitrate) COMPREPLY=($(compgen -W "3k 6k 9k 12k 16k 24k 32k" -- "$word")); return ;;
    esac
    case $word in
    -*)
        COMPREPLY=($(compgen -W "$("$program" "$command" --help 2>/dev/null |
            sed -n 's/^  \(-., \)\{0,1\}\(--[a-z_-]*\).*/\2/p')" -- "$word"))
        return
        ;;
    esac
    case $command in
    models) COMPREPLY=($(compgen -W "add" -- "$word") $(compgen -f -- "$word")) ;;
    decode | info) COMPREPLY=($(compgen -f -X '!*.tlc' -- "$word") $(compgen -d -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
}
complete -o filenames -F _telucodec telucodec
