# SPDX-License-Identifier: GPL-2.0-only
# on_poweroff, on_reboot and on_crash really happen: a rebooting guest comes back, a crashing one is
# handled as configured, a guest that powers itself off is cleaned away.
# boot: --guest --smp 2 --limit 400
. /test-lib.sh
before=$(free_memory)
run "$cli" create /guest/guest.cfg
first=$("$cli" domid guest)
attach guest
await guest "guest is up" 180
type_line guest reboot
tries=60
while [ "$("$cli" domid guest 2>/dev/null || echo "$first")" = "$first" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the rebooting guest did not come back"
    sleep 1
done
detach guest
attach guest
await guest "guest is up" 180
type_line guest poweroff
gone guest 60
detach guest
memory_back "$before"

run "$cli" create /guest/guest.cfg 'on_crash="restart"'
first=$("$cli" domid guest)
attach guest
await guest "guest is up" 180
type_line guest 'echo c >/proc/sysrq-trigger'
tries=60
while [ "$("$cli" domid guest 2>/dev/null || echo "$first")" = "$first" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "on_crash=restart did not bring the guest back"
    sleep 1
done
detach guest
run "$cli" destroy guest
gone guest 20
memory_back "$before"
