# SPDX-License-Identifier: GPL-2.0-only
# xenstored is killed and started again: a running guest notices nothing, and can still be managed.
# boot: --guest --smp 2 --limit 420
. /test-lib.sh
before=$(free_memory)
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 180
kill -9 "$(pidof xenstored)" || fail "there is no xenstored"
sleep 1
run /usr/sbin/xenstored
run "$cli" list
[ -n "$(state guest)" ] || fail "the guest has lost its name"
type_line guest 'echo alive $((6 * 7))'
await guest "^alive 42" 30
run "$cli" shutdown guest
gone guest 60
detach guest
memory_back "$before"
