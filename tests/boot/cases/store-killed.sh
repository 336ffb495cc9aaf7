# SPDX-License-Identifier: GPL-2.0-only
# xenstored is killed and started again while a guest lives, ten times at once and once after a
# moment without it, and becomes another program (live update): not a node changes, the guest goes
# on and can still be managed, and its own watch still brings it the request to shut down. The
# daemons then do as well through the kernel, whose device a client must not ask two things at a
# time.
# boot: --smp 2 --guest --limit 300
. /test-lib.sh

# ring_is_back ROUND: the guest's ring has been taken up again, once in each round.
ring_is_back() {
    [ "$(grep -c "domain $domid: reconnected" /tmp/store.log)" = "$1" ]
}

# clients: how many connections xenstored has, its own sockets among them.
clients() {
    ls -l "/proc/$(pidof xenstored)/fd" | grep -c socket:
}

clients_are() {
    [ "$(clients)" = "$1" ]
}

memory=$(free_memory)
held=$(clients)
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 90
domid=$("$cli" domid guest)
store_settles
xenstore-ls -fp / >/tmp/before
grep -q "^/local/domain/$domid/name = \"guest\"" /tmp/before || fail "the store does not know the guest"
for round in 1 2 3 4 5 6 7 8 9 10; do
    kill -9 "$(pidof xenstored)" || fail "there is no xenstored before round $round"
    programs_end 60 xenstored
    xenstored --log-file /tmp/store.log || fail "xenstored does not start in round $round"
    xenstore-ls -fp / >/tmp/after
    diff /tmp/before /tmp/after || fail "the store has changed in round $round"
    # It is served first, and reconnects meanwhile.
    within 60 ring_is_back "$round" || fail "the guest's ring was lost in round $round"
done

# All daemons have found out and come back, before it is looked whether they notice anything.
within 60 clients_are "$held" || fail "$held had a connection, $(clients) have one now"

echo "--- it becomes another program, and no client notices"
mkdir /tmp/next
cp "$(command -v xenstored)" /tmp/next/xenstored
pid=$(pidof xenstored)
missed=$(grep -c "xenstored is back" /var/log/lodge/lodge-monitor.log)
run xenstore-control live-update /tmp/next/xenstored
[ "$(readlink "/proc/$pid/exe")" = /tmp/next/xenstored ] || fail "it is the same program still"
xenstore-ls -fp / >/tmp/after
diff /tmp/before /tmp/after || fail "the store has changed"
within 60 ring_is_back 11 || fail "the guest's ring was lost"
[ "$(grep -c "xenstored is back" /var/log/lodge/lodge-monitor.log)" = "$missed" ] ||
    fail "the monitor has lost its connection"

echo "--- a second without a store"
run "$cli" create -p /guest/guest.cfg name=doomed
kill -9 "$(pidof xenstored)" || fail "there is no xenstored"
programs_end 60 xenstored
[ -n "$(state guest)" ] || fail "without a store the guest has no name"
run "$cli" info
refuse "start xenstored" "$cli" shutdown guest
refuse "is destroyed, but its entries in xenstore stay" "$cli" destroy doomed
gone doomed 60
sleep 1
run xenstored
run "$cli" list
[ -n "$(state guest)" ] || fail "the guest has lost its name"
type_line guest 'echo alive $((6 * 7))'
await guest "^alive 42" 30
run "$cli" shutdown guest
gone guest 60
detach guest

echo "--- through the kernel"
kill "$(pidof lodge-backends)" "$(pidof lodge-monitor)" "$(pidof lodge-consoled)"
programs_end 60 lodge-backends lodge-monitor lodge-consoled
export XENSTORED_PATH=/dev/xen/xenbus
for daemon in lodge-consoled lodge-monitor lodge-backends; do run $daemon; done
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 90
run "$cli" shutdown -w guest
gone guest 60
detach guest
memory_back "$memory"
