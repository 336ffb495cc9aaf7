# SPDX-License-Identifier: GPL-2.0-only
# The stock kernel as dom0 and as a guest on the debug build, all of whose assertions hold: with
# disks and interfaces of both kinds, a restart, vcpus and memory that come and go, and an end in the
# middle of it. One that does not hold ends the machine.
# boot: --debug --guest --smp 2 --limit 400
. /test-lib.sh
dom0_is_well 2
before=$(free_memory)
truncate -s 8M /tmp/ours.img /tmp/theirs.img
run "$cli" create /guest/guest.cfg vcpus=2 'vif=["mode=nat,ip=10.77.0.2","mode=nat,ip=10.77.0.3,backendtype=kernel"]' \
    'disk=["/tmp/ours.img,,xvda","/tmp/theirs.img,,xvdb,backendtype=kernel"]'
first=$("$cli" domid guest)
attach guest
await guest "guest is up" 180
type_line guest reboot
reborn guest "$first" 60
detach guest
attach guest
await guest "guest is up" 180
guest_do guest 90 "modprobe -a xen-blkfront xen-netfront; until [ -e /dev/xvdb ] && [ -e /sys/class/net/eth1 ]; do usleep 100000; done"
guest_do guest 30 "dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null"
for disk in xvda xvdb; do
    guest_do guest 90 "dd if=/tmp/a of=/dev/$disk bs=64k conv=fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/$disk bs=1M count=4 2>/dev/null | cmp - /tmp/a"
done
for number in 0 1; do
    guest_do guest 90 "ip link set eth$number up; ip address add 10.77.0.$((number + 2))/24 dev eth$number; ping -c 2 -w 60 10.77.0.1"
    guest_do guest 30 "ip address flush dev eth$number; ip link set eth$number down"
done
run "$cli" vcpu-set -w -t 60 guest 1
run "$cli" mem-set -w -t 60 guest 115m
run "$cli" cpu-offline 1
run "$cli" cpu-online 1
run "$cli" debug-keys q
type_line guest "while :; do dd if=/dev/xvda of=/dev/null bs=4k; dd if=/tmp/a of=/dev/xvdb bs=4k; echo busy-\$((6 * 7)); done"
await guest "^busy-42" 60
run "$cli" destroy guest
gone guest 30
detach guest
# Two disks and two interfaces that write have up to 2,600 mappings.
memory_back "$before" 16
kernel_is_content
