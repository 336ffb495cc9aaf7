#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The manual, the help texts and the completion keep step with the commands and the keys.
dom0=../../../dom0-tools
lodge=$OUT/lodge
passed=0 failed=0

check() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "does not hold: $what"
    fi
}

commands=$("$lodge" help | sed -n 's/^  \([a-z-]*\) .*/\1/p')
check "there are commands" test "$(echo "$commands" | wc -w)" -ge 26
# The lines that an entry's description follows: a command that is only mentioned has none.
entries=$(sed -n '/^\.TP$/{n;p}' $dom0/man/lodge.1)
for command in $commands; do
    check "$command has an entry in lodge.1" sh -c 'echo "$1" | grep -Eq "^\.(BR|B) (.*, \"? ?)?$2( |\$)"' - "$entries" "$command"
    check "$command has a help text" sh -c "$lodge $command --help | grep -q '^Usage: lodge $command'"
    check "$command is completed" grep -Eq "(^| )$command:" $dom0/completion/lodge
done
keys=$(grep -oh 'cfgread_[a-z]*(c, "[a-z_]*"' $dom0/liblodge/domcfg*.c | sed 's/.*"\(.*\)"/\1/' | sort -u)
check "there are keys" test "$(echo "$keys" | wc -w)" -ge 15
for key in $keys cpus on_poweroff on_reboot on_crash on_watchdog; do
    check "$key is in lodge.cfg.5" grep -q "\b$key\b" $dom0/man/lodge.cfg.5
    case $key in
    type | builder) ;;
    *) check "$key is completed" grep -q "\b$key=" $dom0/completion/lodge ;;
    esac
done
for key in disk $(sed -n '/param_name\[PARAMS\]/,/^};/s/\] = "\([a-z]*\)"/\n\1\n/gp' $dom0/liblodge/disk.c |
    grep -x '[a-z]*') discard no-discard direct-io-safe; do
    check "disk's $key is in lodge.cfg.5" grep -q "\b$key\b" $dom0/man/lodge.cfg.5
done
for key in vif $(sed -n '/vif_keys\[\]/,/^};/s/"\([a-z]*\)", set_[a-z]*/\n\1\n/gp' $dom0/liblodge/vif.c |
    grep -x '[a-z]*'); do
    check "vif's $key is in lodge.cfg.5" grep -q "\b$key\b" $dom0/man/lodge.cfg.5
    case $key in
    vif | type | model | netdev) ;;
    *) check "vif's $key is completed" grep -q "\b$key=" $dom0/completion/lodge ;;
    esac
done
check "bash takes the completion" bash -n $dom0/completion/lodge
# A name with a colon is several words to bash: what is behind the last one is completed.
check "names with colons are completed" bash -c '
    lodge() { printf "    \"name\": \"%s\",\n" web a:b:one a:b:two; }
    . '$dom0'/completion/lodge
    COMP_WORDS=(lodge destroy a : b : o) COMP_CWORD=6
    _lodge
    [ "${COMPREPLY[*]}" = one ] || exit
    COMP_WORDS=(lodge destroy a:b:one a :) COMP_CWORD=4
    _lodge
    [ "${COMPREPLY[*]}" = "b:one b:two" ]'
# completes "WORD..." WANTED: with the words before it, the last one becomes these.
completes() {
    check "completion of $1" bash -c '
        lodge() {
            case $1 in
            list) printf "    \"name\": \"%s\",\n" web db ;;
            block-list) echo "    \"vdev\": \"xvda\"," ;;
            network-list) echo "    \"devid\": 7," ;;
            help) "$3" "$@" ;;
            esac
        }
        . "$0"/completion/lodge
        COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _lodge "$3"
        [ "${COMPREPLY[*]}" = "$2" ]' $dom0 "$1" "$2" "$lodge"
}
completes "lodge create on_crash = pre" preserve
completes "lodge create tsc_mode = a" always_emulate
completes "lodge create boot" bootloader=
completes "lodge create kernel = docs" docs.sh
completes "lodge network-attach web mode = n" nat
completes "lodge network-attach web br" bridge=
completes "lodge -v destroy w" web
completes "lodge block-detach -f web x" xvda
completes "lodge block-detach -t 5 web x" xvda
completes "lodge network-detach web 7" 7
completes "lodge sched -d d" db
completes "lodge trace -d d" db
completes "lodge trace -e hyp" hypercall
completes "lodge trace -f t" text
completes "lodge trace -o docs" docs.sh
completes "lodge stats w" web
completes "lodge top -b -g d" db
completes "lodge top -s ne" network
completes "lodge cd-insert web xvdc docs" docs.sh
completes "lodge config-update web docs" docs.sh
if command -v groff >/dev/null; then
    for page in lodge.1 lodge.cfg.5; do
        check "$page has no fault" test -z "$(groff -man -ww -z $dom0/man/$page 2>&1)"
    done
fi
echo "$passed passed, $failed failed"
