# SPDX-License-Identifier: GPL-2.0-only
# Shell functions for scripts that make guests in dom0 and watch what they do: the demo's tour and
# the boot tests source it as /lib/lodge/guest-lib.sh. A guest is named by its first argument; its
# console is kept in /tmp/screen.NAME, and /tmp/keys.NAME is its keyboard.
cli=${LODGE:-lodge}

# End the script with a reason, and show what the guests last said.
fail() {
    printf '\nFAIL: %s\n' "$*"
    dmesg | grep -E 'segfault|traps:|Oops|BUG|WARNING' | tail -n 8
    for screen in /tmp/screen.*; do
        [ -s "$screen" ] || continue
        echo "--- $screen, last lines"
        tail -n 15 "$screen"
    done
    exit 1
}

# Show a command as a user would type it, run it, and insist on its success.
run() {
    echo "dom0# $*"
    "$@" || fail "\`$*\` ended with status $?"
}

# Insist on a command's failure, and on a message that has the pattern in it.
refuse() {
    pattern=$1
    shift
    if said=$("$@" 2>&1); then
        fail "\`$*\` succeeded"
    fi
    echo "dom0# $*: $said"
    echo "$said" | grep -qi -- "$pattern" || fail "\`$*\` did not mention \"$pattern\""
}

# within SECONDS COMMAND ...: repeat it until it succeeds; false when it has not in that time.
within() {
    within_tries=$(($1 * 5))
    shift
    until "$@"; do
        within_tries=$((within_tries - 1))
        [ $within_tries -gt 0 ] || return 1
        sleep 0.2 # not in every shell's world, but in busybox's and in coreutils'
    done
}

# Free memory of the host, as finely as `lodge info` tells it.
free_memory() {
    "$cli" info | awk '/^free_(memory|pages)/ { free = $3 } END { print free }'
}

# memory_back BEFORE [PAGES]: wait until the free memory is what it was, but for so many pages (0);
# frames may come back a little after the domain went. The hypervisor keeps the room for as many
# mappings of grants as dom0 ever had at a time, 256 to a page, eight pages from the start: a guest
# whose devices are busy needs more of it or not, as it happens.
memory_back() {
    within 20 free_memory_is "$1" "${2:-0}" ||
        fail "free memory was $1, now it is $(free_memory), of ${2:-0} pages that may be missing"
}

free_memory_is() {
    [ $(($1 - $(free_memory))) -ge 0 ] && [ $(($1 - $(free_memory))) -le "$2" ]
}

# The State column of `lodge list`, empty if there is no such guest.
state() {
    "$cli" list | awk -v name="$1" '$1 == name { print $5 }'
}

# Wait until a guest is gone.
gone() {
    within "$2" is_not_listed "$1" || fail "$1 is still listed: $("$cli" list | tail -n 1)"
}

is_not_listed() {
    [ -z "$(state "$1")" ]
}

# Hold a guest's console open. The keyboard is opened for reading and writing, so that it never
# comes to its end.
attach() {
    rm -f "/tmp/keys.$1" "/tmp/screen.$1"
    mkfifo "/tmp/keys.$1"
    "$cli" console "$1" <>"/tmp/keys.$1" >"/tmp/screen.$1" 2>&1 &
    echo $! >"/tmp/console.$1"
}

detach() {
    kill "$(cat "/tmp/console.$1")" 2>/dev/null
    return 0
}

# type_line NAME TEXT: a line on the guest's keyboard.
type_line() {
    echo "$2" >"/tmp/keys.$1"
}

# await NAME PATTERN SECONDS: wait until the guest's console shows it.
await() {
    within "$3" shows_text "$1" "$2" || fail "$1's console never showed \"$2\""
}

shows_text() {
    grep -q -- "$2" "/tmp/screen.$1" 2>/dev/null
}
