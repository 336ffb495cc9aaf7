# SPDX-License-Identifier: GPL-2.0-only
# A PVH guest of our builder on Debian's Xen: the stock kernel accepts its tables, brings up the
# vcpus that they name, finds the store and its console, and shuts down when it is asked to. Another
# one leaves nothing behind.
# boot: --hypervisor xen --tools lodge --guest --limit 420
. /test-lib.sh
run "$cli" create /guest/guest.cfg name=plain type=pvh vcpus=2 \
    "extra=console=hvc0 loglevel=7 cryptomgr.notests"
attach plain
await plain "guest is up: .* 2 vcpus" 240
grep -E 'Linux version|Booting kernel|ACPI: |guest is up' /tmp/screen.plain
await plain "Booting kernel on Xen PVH" 1
! grep -E 'ACPI.*(Error|Warning|BIOS Bug)' /tmp/screen.plain || fail "its tables are not well-formed"
"$cli" list -l plain | grep '"type": "pvh"' || fail "its type is not shown"
guest_do plain 60 '[ "$(cat /sys/hypervisor/guest_type)" = PVH ]'
run "$cli" shutdown plain
gone plain 60
detach plain
before=$(free_memory)
run "$cli" create -p /guest/guest.cfg name=plain type=pvh vcpus=2
run "$cli" destroy plain
gone plain 20
memory_back "$before" 1 # of each such guest Xen does not get one page back
