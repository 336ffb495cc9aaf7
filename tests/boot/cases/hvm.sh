# SPDX-License-Identifier: GPL-2.0-only
# The stock kernel as a fully virtualized guest, with nothing paravirtual to be seen: by its serial
# line to its shell. It restarts itself and is made anew as what it was, switches itself off, and its
# memory comes back. What the hypervisor has no guests for is refused, and nothing half-made stays.
# boot: --guest --limit 600
. /test-lib.sh
before=$(free_memory)
created="$cli create /guest/guest.cfg name=plain type=hvm"
is_domain() {
    [ "$("$cli" domid plain 2>/dev/null)" = "$1" ]
}
"$cli" create -n /guest/guest.cfg type=hvm | grep -q '"paging": "nested"' || fail "no nested paging"
refuse "no shadow paging" $created paging=shadow
refuse "no pvh guests" "$cli" create /guest/guest.cfg type=pvh
refuse "one vcpu" $created vcpus=2
refuse "no vif" $created 'vif=[""]'
memory_back "$before"

run $created "extra=console=ttyS0 loglevel=7 cryptomgr.notests"
attach plain
await plain "guest is up" 240
grep -E 'Linux version|Booting paravirtualized|Run /init|guest is up' /tmp/screen.plain
await plain "Booting paravirtualized kernel on bare hardware" 1
"$cli" list -l plain | grep '"type": "hvm"' || fail "its type is not shown"
guest_do plain 60 '! grep -q hypervisor /proc/cpuinfo && [ ! -e /sys/hypervisor/type ]'
type_line plain 'echo the answer of $(uname -s) is $((6 * 7))'
await plain "the answer of Linux is 42" 60

refuse "so no vif" "$cli" network-attach plain mac=00:16:3e:00:00:01
refuse "end it with: lodge destroy" "$cli" shutdown plain

domid=$("$cli" domid plain)
type_line plain reboot
within 60 is_domain $((domid + 1)) || fail "it was not made anew: $("$cli" list)"
detach plain
attach plain
await plain "guest is up" 240
"$cli" list -l plain | grep '"type": "hvm"' || fail "it is another type now"
type_line plain poweroff
gone plain 60
detach plain
memory_back "$before"
