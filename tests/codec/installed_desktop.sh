# SPDX-License-Identifier: LGPL-2.1-or-later
# installed_desktop.sh - sourced by test_install.sh: a desktop whose data folder is that of the
# install knows a .tlc file by its name and by its first bytes, and starts the program for it.

share=$root/share
metainfo=$share/metainfo/io.github.telucodec.telucodec.metainfo.xml
# without TOOL WHAT: says that a check is left out, unless the tool is there
without() { ! command -v "$1" >/dev/null || return 1; echo "install: no $1: $2 left out"; }

without xmllint "well-formed XML" ||
    xmllint --noout "$share/mime/packages/telucodec.xml" "$metainfo" ||
    fail "an XML file is not well formed"
without appstreamcli "the check of the metainfo file" ||
    said=$(appstreamcli validate --no-net "$metainfo") ||
    fail "appstreamcli: $said"
if ! without desktop-file-validate "the check of the desktop entry"; then
    said=$(desktop-file-validate "$share/applications/telucodec.desktop")
    [ -z "$said" ] || fail "desktop-file-validate: $said"
fi

# kind_of FILE: the media type that a desktop sees
kind_of() {
    XDG_DATA_HOME=$dir/none XDG_DATA_DIRS=$share gio info -a standard::content-type "$1" |
        sed -n 's/.*content-type: //p'
}
if ! without update-mime-database "the media type" && ! without gio "the media type"; then
    update-mime-database "$share/mime" 2>"$dir/log" || { cat "$dir/log"; fail "mime database"; }
    cp "$here/../golden/tiny.tlc" "$dir/by-bytes" || exit 1
    printf 'nothing known' >"$dir/by-name.tlc"
    printf 'TeLC, but of version "' >"$dir/by-neither"
    for f in by-bytes by-name.tlc; do
        [ "$(kind_of "$dir/$f")" = audio/x-telucodec ] || fail "$f is $(kind_of "$dir/$f")"
    done
    [ "$(kind_of "$dir/by-neither")" != audio/x-telucodec ] || fail "by-neither counts as .tlc"
fi
if ! without update-desktop-database "the desktop entry" && ! without gio "the desktop entry"; then
    update-desktop-database "$share/applications" || fail "update-desktop-database"
    said=$(PATH=$root/bin:$PATH XDG_DATA_HOME=$dir/none XDG_CONFIG_HOME=$dir/none \
        XDG_DATA_DIRS=$share gio mime audio/x-telucodec)
    case $said in
    *telucodec.desktop*) ;;
    *) fail "no program for audio/x-telucodec: $said" ;;
    esac
fi
