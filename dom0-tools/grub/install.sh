#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Put what `make install` has staged where it belongs, and take it away again. What is installed is
# written down in a list, so that removing it needs neither the tree nor what was built.
#   install.sh install STAGE PREFIX [DESTDIR]
#   install.sh uninstall PREFIX [DESTDIR]
# Without DESTDIR the machine is told as well: its libraries, services, kernels and GRUB's menu.
set -eu
settings=etc/default/lodge # the user's once it is there

tell() {
    echo "lodge: $*"
}

update_menu() {
    if command -v update-grub >/dev/null; then
        update-grub
    else
        tell "update-grub is not here: the boot loader's menu is yours to change"
    fi
}

reload_services() {
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

# Debian's Xen tools may stay: their services know which hypervisor they are for, as ours do.
warn_of_others() {
    if [ -e /etc/init.d/xen ]; then
        tell "Debian's Xen tools are here, too. On Lodge, Lodge's services run and Xen's stay away;"
        tell "on Xen it is the other way round. xl and libvirt work on either."
    fi
    for name in xenstored xenconsoled; do
        if pidof "$name" >/dev/null 2>&1; then
            tell "a $name is running: the services change with the next boot, or by" \
                "\`systemctl restart lodge.target\` when no guest runs"
            break
        fi
    done
}

# Takes the files that standard input names away, and folders of ours that are empty then.
remove_listed() {
    while read -r path; do
        rm -f "$1$path"
        directory=${path%/*}
        case $directory in
        */lodge | *.d) rmdir "$1$directory" 2>/dev/null || true ;;
        esac
    done
}

put() {
    stage=$1 prefix=$2 destdir=${3:-}
    list=$prefix/lib/lodge/installed
    mkdir -p "$stage$prefix/lib/lodge"
    : >"$stage$list"
    (cd "$stage" && find . ! -type d ! -path "./$settings" | sed 's|^\./|/|' | sort) >"$stage.list"
    mv "$stage.list" "$stage$list"
    mkdir -p "$destdir/"
    # Of an earlier version, what this one does not have any more.
    if [ -r "$destdir$list" ]; then
        sort "$destdir$list" | comm -23 - "$stage$list" | remove_listed "$destdir"
    fi
    # Files alone: directories that are there keep their owners and modes.
    sed 's|^/||' "$stage$list" |
        tar -C "$stage" --owner=0 --group=0 --no-recursion -cf - -T - | tar -C "$destdir/" -xpf -
    if [ ! -e "$destdir/$settings" ]; then
        install -D -m 644 "$stage/$settings" "$destdir/$settings"
    fi
    install -D -m 644 "$stage/$settings" "$destdir$prefix/lib/lodge/default"
    [ -z "$destdir" ] || return 0
    ldconfig
    /etc/kernel/postinst.d/lodge
    reload_services
    if command -v systemctl >/dev/null; then systemctl enable lodge.target; fi
    update_menu
    warn_of_others
    tell "installed; the menu has an entry per kernel, below Linux's own. Its words are in" \
        "/$settings; \`make uninstall\` takes all away again"
}

take_away() {
    prefix=$1 destdir=${2:-}
    library=$destdir$prefix/lib/lodge
    list=$library/installed
    if [ ! -r "$list" ]; then
        echo "lodge: $list is missing: nothing is installed below $prefix (PREFIX= says where)" >&2
        exit 1
    fi
    if [ -z "$destdir" ] && grep -q -e -lodge /sys/hypervisor/version/extra 2>/dev/null; then
        tell "this machine runs on Lodge now: what runs goes on until the next boot"
    fi
    if [ -z "$destdir" ] && command -v systemctl >/dev/null; then
        systemctl disable lodge.target || true # may be gone, where this is done a second time
    fi
    if cmp -s "$library/default" "$destdir/$settings"; then
        rm -f "$destdir/$settings"
    elif [ -e "$destdir/$settings" ]; then
        tell "/$settings was changed and stays"
    fi
    # The list itself goes last: what was interrupted can be done again.
    grep -v -x -F -e "$prefix/lib/lodge/installed" "$list" | remove_listed "$destdir"
    rm -rf "$destdir/boot/lodge" "$library"
    [ -z "$destdir" ] || return 0
    ldconfig
    reload_services
    update_menu
    for kept in /var/lib/lodge /var/log/lodge; do
        [ ! -e "$kept" ] || tell "$kept stays: it is yours"
    done
}

case ${1:-} in
install) put "$2" "$3" "${4:-}" ;;
uninstall) take_away "$2" "${3:-}" ;;
*)
    echo "install.sh: install STAGE PREFIX [DESTDIR] | uninstall PREFIX [DESTDIR]" >&2
    exit 2
    ;;
esac
