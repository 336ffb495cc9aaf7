# SPDX-License-Identifier: GPL-2.0-only
# Processors in and out of use while dom0 and a guest keep all of them busy: by our tools and as dom0's
# kernel does it. What runs goes on, what is pinned to one that goes is not lost, and everybody who
# asks is told what is.
# boot: --guest --smp 4 --limit 400
. /test-lib.sh
online() {
    "$cli" info | awk '$1 == "online_cpus" { print $3 }'
}
online_is() {
    [ "$(online)" = "$1" ] || fail "online are $(online), not $1"
}
sys=/sys/devices/system/xen_cpu
shown() { [ "$(cat $sys/xen_cpu$1/online)" = "$2" ]; }

online_is all
run "$cli" create /guest/guest.cfg vcpus=2
attach guest
await guest "guest is up" 180
type_line guest 'while :; do :; done & while :; do echo beat; sleep 1; done'
await guest beat 60
for worker in 1 2 3 4; do
    sh -c 'while :; do :; done' &
    workers="$workers $!"
done
# beats: how many lines the guest has written so far.
beats() { grep -c '^beat' /tmp/screen.guest; }
more_beats() { [ "$(beats)" -gt "$1" ]; }
goes_on() { within 60 more_beats "$(($(beats) + 1))" || fail "the guest does not go on $1"; }

echo "--- refused"
refuse "CPU 0 stays in use" "$cli" cpu-offline 0
refuse "there is no CPU 4; the last one is 3" "$cli" cpu-offline 4
refuse "in use already" "$cli" cpu-online 3

echo "--- off and on, under load"
for round in 1 2 3 4 5 6; do
    run "$cli" cpu-offline 3
    run "$cli" cpu-offline $((1 + round % 2))
    [ "$("$cli" info | awk '$1 == "nr_cpus" { print $3 }')" = 2 ] || fail "info shows them still"
    "$cli" vcpu-list | awk -v off=$((1 + round % 2)) 'NR > 1 && ($4 == 3 || $4 == off) { exit 1 }' || {
        "$cli" vcpu-list; fail "a vcpu is still there"; }
    goes_on "in round $round"
    run "$cli" cpu-online 3 $((1 + round % 2))
done
online_is all
goes_on "with all of them"

echo "--- pinned there"
run "$cli" vcpu-pin guest 0 2
run "$cli" cpu-offline 2
online_is 0-1,3
"$cli" vcpu-list guest
"$cli" vcpu-list guest | awk 'NR == 2 && $4 != 2 && $7 == "all" { found = 1 } END { exit !found }' ||
    fail "its affinity leaves it nothing"
goes_on "without its processor"
refuse "cannot be pinned" "$cli" vcpu-pin guest 1 2
refuse "none of the processors" "$cli" create -n /guest/guest.cfg cpus=2
run "$cli" cpu-online 2

echo "--- by dom0's kernel"
shown 3 1 || fail "the kernel does not know of CPU 3"
echo 0 >$sys/xen_cpu3/online || fail "the kernel cannot take CPU 3 out of use"
online_is 0-2
within 60 shown 3 0 || fail "the kernel does not see it"
run "$cli" cpu-online 3
within 60 shown 3 1 || fail "the kernel has not been told"
kill $workers
run "$cli" destroy guest
kernel_is_content
