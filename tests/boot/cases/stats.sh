# SPDX-License-Identifier: GPL-2.0-only
# What guests are counted for, as `lodge stats` and `lodge top` show it: what a guest does is in its
# counters, at least as often as it was done; a reset begins anew; and the rates, of a disk too, are
# not nothing while something goes on.
# boot: --guest --limit 300
. /test-lib.sh

# stat DOMAIN GROUP NAME: a counter.
stat() {
    "$cli" stats --json "$1" | sed -n "/^    \"$2\": {/,/}/ s/^ *\"$3\": \([0-9]*\),\{0,1\}$/\1/p"
}
# Lists of two page-table updates and more.
batches() {
    "$cli" stats --json "$1" | sed -n '/^    "lists": {/,/}/ s/^ *"[0-9]*-[0-9]*": \([0-9]*\),\{0,1\}$/\1/p' |
        awk '{ sum += $1 } END { print sum + 0 }'
}
# rate DOMAIN KEY: of one interval.
rate() {
    "$cli" top --json -d 1 | sed -n "/^      \"name\": \"$1\"/,/}/ s/^ *\"$2\": \([0-9.]*\),\{0,1\}$/\1/p"
}
some() { awk -v n="$(rate "$1" "$2")" 'BEGIN { exit !(n > 0) }'; }
# more BEFORE AT_LEAST NOW WHAT
more() {
    echo "$4: $1, then $3"
    [ "$3" -ge $(($1 + $2)) ] || fail "$4 did not rise by $2"
}

echo "--- dom0's hypercalls"
before=$(stat 0 hypercalls sysctl)
for i in 1 2 3 4 5 6 7 8 9 10; do "$cli" list >/dev/null || fail "no list"; done
more "$before" 10 "$(stat 0 hypercalls sysctl)" "dom0's sysctls"

echo "--- a guest's work"
truncate -s 4M /tmp/disk.img
run "$cli" create /guest/guest.cfg 'disk=["/tmp/disk.img,raw,xvda,rw"]'
attach guest
await guest "guest is up" 180
calls=$(stat guest entries system_calls)
faults=$(stat guest exceptions page_fault)
updates=$(stat guest updates by_list)
lists=$(batches guest)
switches=$(stat guest scheduling switched_to)
type_line guest 'n=0; while [ $n -lt 50 ]; do (/bin/busybox true); n=$((n+1)); done; echo for''ked'
await guest forked 120
more "$calls" 50 "$(stat guest entries system_calls)" "its system calls"
more "$faults" 50 "$(stat guest exceptions page_fault)" "its page faults"
more "$updates" 100 "$(stat guest updates by_list)" "its page-table updates by lists"
more "$lists" 50 "$(batches guest)" "its lists of two updates and more"
more "$switches" 1 "$(stat guest scheduling switched_to)" "its turns on a processor"
"$cli" stats
"$cli" stats guest

echo "--- a reset"
total=$(stat guest entries total)
run "$cli" stats --reset guest >/dev/null
now=$(stat guest entries total)
echo "entries: $total, after the reset $now"
[ "$now" -lt "$total" ] || fail "the reset did not reset"

echo "--- rates"
type_line guest 'modprobe xen-blkfront; while :; do echo 3 >/proc/sys/vm/drop_caches; cat /dev/xvda >/dev/null; done &'
within 60 some guest entries || fail "a guest that works makes no entries"
within 60 some guest page_table_updates || fail "a guest that works makes no updates"
within 60 some guest disk_bytes || fail "a guest that reads its disk moves nothing"
run "$cli" top -b -n 2 -d 1 -s entries -g guest
"$cli" top -b -n 1 -d 1 -g guest >/tmp/top
grep -q "^guest  *$("$cli" domid guest) " /tmp/top || fail "top does not show the guest"
grep -q "^Entries/s by reason  *guest$" /tmp/top || fail "top does not show its entries by reason"
grep -q "^system calls  *[1-9]" /tmp/top || fail "top does not show its system calls"

echo "--- the screen, on the serial line, whose size nobody knows"
for term in vt100 linux xterm dumb; do
    TERM=$term "$cli" top -n 1 -d 0.1 </dev/console >/dev/console || fail "no screen on $term"
done
run "$cli" destroy guest
refuse "no domain 'guest'" "$cli" stats guest
kernel_is_content
