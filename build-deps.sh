#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Install the Debian packages that build-deps.txt lists and this machine lacks, saying which and
# why. Does nothing, and needs no privilege, where all are there.
#   build-deps.sh LIST [GROUP...]   groups begin with lines "## GROUP: text"; what stands before the
#                                   first of them is "build". Default: build and test.
set -eu
list=$1
shift
[ $# -gt 0 ] || set -- build test

missing=
group=build
while read -r package first why; do
    case $package in
    '##') group=${first%:} ;;
    esac
    case " $* " in *" $group "*) ;; *) continue ;; esac
    case $package in '' | '#'*) continue ;; esac
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    if [ "$state" != installed ]; then
        [ -n "$missing" ] || echo "These Debian packages are missing and will be installed:"
        printf '    %-20s %s\n' "$package" "$why"
        missing="$missing $package"
    fi
done <"$list"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "build-deps.sh: this is no Debian: install what matches the list above, then go on" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "build-deps.sh: not root and no sudo; as root run: apt-get install$missing" >&2
        exit 1
    }
    sudo=sudo
fi
# A fresh image has no package lists; old lists name packages that are gone from the archive.
if ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1; then
    $sudo apt-get -q update
fi
install() {
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing
}
install || { $sudo apt-get -q update && install; }
