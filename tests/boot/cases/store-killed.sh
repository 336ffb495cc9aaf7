# SPDX-License-Identifier: GPL-2.0-only
# xenstored is killed and started again ten times in a row, at once, while a guest lives: not a node
# changes, and the guest's own watch still brings it the request to shut down.
# boot: --guest --limit 300
. /test-lib.sh
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 90
domid=$("$cli" domid guest)
sleep 2
xenstore-ls -fp / >/tmp/before
grep -q "^/local/domain/$domid/name = \"guest\"" /tmp/before || fail "the store does not know the guest"
for round in 1 2 3 4 5 6 7 8 9 10; do
    kill -9 "$(pidof xenstored)" || fail "there is no xenstored before round $round"
    xenstored --log-file /tmp/store.log || fail "xenstored does not start in round $round"
    xenstore-ls -fp / >/tmp/after
    diff /tmp/before /tmp/after || fail "the store has changed in round $round"
    # It is served first, and reconnects meanwhile.
    tries=0
    until [ "$(grep -c "domain $domid: reconnected" /tmp/store.log)" = "$round" ]; do
        [ $((tries += 1)) -le 50 ] || fail "the guest's ring was lost in round $round"
        sleep 0.1
    done
done
run "$cli" shutdown guest
gone guest 60
detach guest
