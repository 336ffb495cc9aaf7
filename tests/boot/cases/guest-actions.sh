# SPDX-License-Identifier: GPL-2.0-only
# on_poweroff, on_reboot and on_crash really happen: a rebooting guest comes back, a crashing one is
# handled as configured, a guest that powers itself off is cleaned away, and one that is destroyed
# while it is being restarted does not come back. One whose back-end is dead holds up no other, and
# gets what is due to it even if the monitor is killed over it.
# boot: --guest --limit 400
. /test-lib.sh
# A guest follows what is set, and who creates it in the foreground stays until it is gone for good.
before=$(free_memory)
"$cli" create -q -F /guest/guest.cfg vcpus=2 maxmem=160 >/tmp/create 2>&1 &
creator=$!
within 60 "$cli" domid guest >/dev/null 2>&1 || fail "it was not created: $(cat /tmp/create)"
first=$("$cli" domid guest)
attach guest
await guest "guest is up" 180
run "$cli" mem-set -w -t 60 guest 100m
"$cli" list guest | awk '$1 == "guest" && $3 > 101 { exit 1 }' || fail "it has not given back its memory"
run "$cli" mem-set -w -t 60 guest 150m # beyond what it began with
run "$cli" vcpu-set -w -t 60 guest 1
[ "$("$cli" vcpu-list guest | grep -c -- --p)" = 1 ] || fail "it has not let go of its second vcpu"
refuse "domain $first has 1 vcpus after 1 seconds, and is to have 2" "$cli" vcpu-set -w -t 1 guest 2
type_line guest reboot
reborn guest "$first" 60
detach guest
attach guest
await guest "guest is up" 180
[ -d "/proc/$creator" ] || fail "a restart was taken for its end: $(cat /tmp/create)"
type_line guest poweroff
gone guest 60
wait $creator || fail "\`create -F\` failed: $(cat /tmp/create)"
[ ! -s /tmp/create ] || fail "\`create -q\` said: $(cat /tmp/create)"
detach guest
memory_back "$before"

# working_on: the monitor's process that works on a guest, or nothing.
working_on() {
    cat "/proc/$monitor/task/$monitor/children"
}
works() { [ -n "$(working_on)" ]; }

truncate -s 4M /tmp/a.img
monitor=$(pidof lodge-monitor)
backends=$(pidof lodge-backends)
run "$cli" create /guest/guest.cfg
run "$cli" create /guest/guest.cfg name=stuck 'on_crash="restart"' 'disk=["/tmp/a.img,,xvda"]'
first=$("$cli" domid stuck)
attach guest
attach stuck
await guest "guest is up" 180
await stuck "guest is up" 180
# When dom0 is out of memory, what serves all is ended last; and it does not get there by mistake.
score() {
    for pid in $(pidof "$1"); do
        [ "$(cat "/proc/$pid/oom_score_adj")" = "$2" ] ||
            fail "$1 has an OOM score of $(cat "/proc/$pid/oom_score_adj"), not $2"
    done
}
score xenstored -1000
for daemon in monitor consoled backends; do score lodge-$daemon -900; done
score lodge-blkback 0
"$cli" mem-set 0 16 && fail "dom0 is set to less than it needs"
# Whatever is done to dom0's wall clock, time goes on as before.
date -s 2030-01-01 || fail "the clock cannot be set"
"$cli" uptime
"$cli" uptime | grep day && fail "guests are older than dom0"
kill -STOP "$backends"
type_line stuck 'echo c >/proc/sysrq-trigger'
monitor_log=/var/log/lodge/lodge-monitor.log
within 30 grep -q "stuck: .* went down" $monitor_log ||
    fail "the monitor does nothing about a guest that crashed"
within 30 works || fail "nobody works on a guest that crashed"
# It waits for the dead back-end for some seconds only; here it does so for as long as it takes.
busy=$(working_on)
kill -STOP $busy
type_line guest poweroff
gone guest 60
kill -0 $busy || fail "the dead back-end is not waited for any more"
cat $monitor_log
echo "--- the monitor is killed in the middle"
kill -9 "$monitor" $busy
kill -CONT "$backends"
detach guest
detach stuck
run lodge-monitor
reborn stuck "$first" 60
attach stuck
await stuck "guest is up" 180
cat $monitor_log
detach stuck
echo "--- it is destroyed while it is being restarted: then it stays so"
times=$(grep -c "stuck: .* went down" $monitor_log)
kill -STOP "$backends"
attach stuck
await stuck "/ #" 60
type_line stuck 'echo c >/proc/sysrq-trigger'
went_down_again() { [ "$(grep -c "stuck: .* went down" $monitor_log)" -gt "$times" ]; }
within 60 went_down_again || fail "the monitor does nothing about a guest that crashed again"
"$cli" destroy stuck >/tmp/destroyed 2>&1 &
destroyer=$!
kill -CONT "$backends"
wait $destroyer || fail "it cannot be destroyed: $(cat /tmp/destroyed)"
cat $monitor_log
"$cli" list | grep -w stuck && fail "it came back"
grep -q "stuck: was destroyed" $monitor_log || echo "(the monitor had no part in it)"
detach stuck
gone stuck 20
echo "--- who waits for a guest's end may have its name at once, and hears of daemons that are not there"
run "$cli" create /guest/guest.cfg name=over 'disk=["/tmp/a.img,,xvda"]'
attach over
await over "guest is up" 180
kill -STOP "$backends"
"$cli" shutdown -w -t 120 over >/tmp/over 2>&1 &
waiter=$!
within 60 grep -q "over: .* went down" $monitor_log || fail "over does not shut down: $(cat /tmp/over)"
removing=$(pidof lodge-monitor) # some seconds are waited for the back-end, and here longer
kill -STOP $removing
refuse "just being removed" "$cli" create /guest/guest.cfg name=over
[ -d "/proc/$waiter" ] || fail "it did not wait for the guest to be gone: $(cat /tmp/over)"
kill -CONT "$backends" $removing
wait $waiter || fail "it is not gone: $(cat /tmp/over)"
detach over
run "$cli" create /guest/guest.cfg name=over 'disk=["/tmp/a.img,,xvda"]'
kill -9 "$backends"
within 60 none_runs lodge-backends || fail "lodge-backends does not end"
# The monitor stands still, or a guest that has not mounted its disk yet could be gone in time.
stopped=$(pidof lodge-monitor)
kill -STOP $stopped
refuse "lodge-backends does not run" "$cli" shutdown -w -t 2 over
kill -CONT $stopped
run lodge-backends
backends=$(pidof lodge-backends)
"$cli" destroy over # it may have gone meanwhile
gone over 60
echo "--- without xenstored; what is left of a guest then is removed later"
run "$cli" create /guest/guest.cfg name=over
over=$("$cli" domid over)
store=$(pidof xenstored)
kill -STOP "$store"
xenstore-ls >/tmp/ls 2>&1 && fail "xenstore-ls has an answer of a store that is stopped"
grep -q "xenstored does not answer" /tmp/ls || fail "xenstore-ls said: $(cat /tmp/ls)"
kill -CONT "$store"
kill -9 "$store"
within 60 none_runs xenstored || fail "xenstored does not end"
refuse "is it running" timeout 60 xenstore-ls
[ "$("$cli" domid over)" = "$over" ] || fail "domid needs xenstored"
"$cli" uptime over 2>/dev/null | grep -q "over .*00:0" || fail "uptime needs xenstored: $("$cli" uptime)"
run "$cli" vcpu-pin over 0 0
run "$cli" trigger over nmi
refuse "lodge destroy $over. removes them" "$cli" destroy over
"$cli" list 2>/dev/null | grep -w over && fail "it is still there"
run xenstored
no_domain() { ! "$cli" domname "$1" >/dev/null 2>&1; }
within 30 no_domain "$over" || fail "the daemons do not let go of it"
xenstore-exists "/local/domain/$over" || fail "the restarted store has forgotten too much for this test"
run "$cli" destroy "$over"
xenstore-exists "/local/domain/$over" && fail "its entries are still there"
refuse "there is no domain $over" "$cli" destroy "$over"
[ -z "$(find /run/lodge/acting /run/lodge/creating -type f)" ] || fail "something is left to be done"
memory_back "$before"
