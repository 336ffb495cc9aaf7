# SPDX-License-Identifier: GPL-2.0-only
# The patched kernel converts page-table entries by chunks of memory exactly as by its tables: as
# dom0 and as a guest it does both and compares (mode "verify"), while memory is given back and
# taken again, and other domains' frames and grants are mapped.
# boot: --kernel patched --guest --guest-kernel patched --limit 500 --dom0 xen_batch=verify
. /test-lib.sh
batch=/sys/kernel/debug/xen/batch
[ -d $batch ] || mount -t debugfs debugfs /sys/kernel/debug
[ "$(cat $batch/mode)" = verify ] || fail "dom0's mode is $(cat $batch/mode)"

counter() {
    awk -v name="$1" '$1 == name { print $2 }' $batch/counters
}

chunks() {
    awk '$1 == "machine" { print $2 }' $batch/chunks
}

fewer_chunks() {
    [ "$(chunks)" -lt "$1" ]
}

balloon=/sys/devices/system/xen_memory/xen_memory0
has_its_memory() {
    [ "$(cat $balloon/info/current_kb)" -ge "$(cat $balloon/target_kb)" ]
}

# Entries were compared since the last time, and no two differed.
dom0_compared() {
    now=$(counter verified)
    [ "$now" -gt $((${compared:-0} + 1000)) ] || fail "$now entries were compared"
    [ "$(counter mismatches)" = 0 ] || fail "dom0's chunks lie: $(dmesg | grep 'chunk: entry')"
    compared=$now
}

guest_compared() {
    guest_do guest 30 "[ \$(awk '/^verified/ { print \$2 }' $batch/counters) -gt 1000 ]"
    guest_do guest 30 "grep -q '^mismatches 0' $batch/counters"
    guest_fails guest 30 "dmesg | grep -E 'chunk: entry|WARNING:'"
}

work='i=0; while [ $i -lt 100 ]; do echo $i | grep -q $i || echo broken; i=$((i + 1)); done'
at_boot=$(chunks)
[ "$at_boot" -gt 100 ] || fail "dom0's memory has $at_boot chunks"
dom0_compared

# The builder maps the guest's frames; the kernel's own block back-end maps its grants.
truncate -s 8M /tmp/a.img
run "$cli" create /guest/guest.cfg 'extra="console=hvc0 loglevel=4 cryptomgr.notests xen_batch=verify"' \
    'disk=["/tmp/a.img,,xvda,backendtype=kernel"]' maxmem=128
attach guest
await guest "guest is up" 180
type_line guest "dmesg -n 1; mount -t debugfs d /sys/kernel/debug; cat $batch/mode"
await guest "^verify" 60
type_line guest "dd if=/dev/zero of=/dev/xvda bs=64k count=64 2>/dev/null; $work; echo worked \$((6 * 7))"
await guest "^worked 42" 120
dom0_compared
guest_compared

# Both give memory back: chunks that had it are none any more.
run "$cli" mem-set -w -t 60 guest 90m
run "$cli" mem-set 0 400m
within 30 fewer_chunks "$at_boot" || fail "dom0 has $(chunks) chunks, as many as at boot"
eval "$work"
type_line guest "$work; echo worked \$((6 * 8))"
await guest "^worked 48" 120
run "$cli" mem-set -w -t 60 guest 128m
run "$cli" mem-set 0 512m
eval "$work"
within 60 has_its_memory || fail "dom0 has $(cat $balloon/info/current_kb) KiB of $(cat $balloon/target_kb)"
eval "$work"
dom0_compared
guest_compared

type_line guest poweroff
gone guest 60
detach guest
dom0_compared
kernel_is_content
