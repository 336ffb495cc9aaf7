# SPDX-License-Identifier: GPL-2.0-only
# Supervisor and worker are killed in the same moment, while a slow device holds writes of the
# worker: the next supervisor starts no worker before they have landed. The disk is shared (w!), so
# that no lock against other guests does it by chance. Pages of the guest that the worker had mapped
# are not what the device works on: dom0's kernel does not survive that. A qcow2 image's server dies
# along with the supervisor, and comes back.
# boot: --guest --smp 1 --limit 240 --add /usr/bin/qemu-nbd:/usr/bin/qemu-nbd --add /usr/bin/qemu-img:/usr/bin/qemu-img --add build/blkback/blkback-nbd.so:/usr/lib/lodge/blkback-nbd.so
. /test-lib.sh
RATE=32768 # bytes a second: what waits takes most of a minute, if nobody lets it go

now() {
    awk '{ print int($1) }' /proc/uptime
}

mkdir /slow
mount -t cgroup2 none /slow || fail "no control groups"
echo +io >/slow/cgroup.subtree_control
mkdir /slow/disk
truncate -s 8M /tmp/disk.img
modprobe loop
loop=$(losetup -f)
run losetup "$loop" /tmp/disk.img
run qemu-img create -q -f qcow2 /tmp/disk.qcow2 8M
echo "$(cat "/sys/block/${loop#/dev/}/dev") wbps=$RATE" >/slow/disk/io.max || fail "no limit"
kill "$(pidof lodge-backends)"
programs_end 60 lodge-backends
sh -c 'echo $$ >/slow/disk/cgroup.procs; exec lodge-backends' || fail "lodge-backends did not start"

run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 60
disk_nodes guest lodge-vbd 51712 "$loop" 'w!'
disk_nodes guest lodge-vbd 51728 /tmp/disk.qcow2 w format qcow2
guest_do guest 60 "modprobe xen-blkfront"
back_state guest lodge-vbd 51712 4 30
back_state guest lodge-vbd 51728 4 30
guest_do guest 60 "dd if=/dev/urandom of=/tmp/a bs=64k count=24 2>/dev/null"
for disk in xvda xvdb; do
    type_line guest "{ dd if=/tmp/a of=/dev/$disk bs=64k; sync; echo $disk-\$((6 * 7)); } 2>/dev/null &"
done
writes_wait() {
    grep -q "wbytes=[1-9]" /slow/disk/io.stat
}
within 60 writes_wait || fail "the device was never written to: $(cat /slow/disk/io.stat)"
kill -9 "$(pidof lodge-backends)" "$(pidof lodge-blkback)"
began=$(now)
run lodge-backends
both_are_back() {
    [ "$(grep -c "is served again" /var/log/lodge/backends.log)" -ge 2 ]
}
# While its writes wait, a disk waits with them, however long it is looked at.
until [ $(($(now) - began)) -ge 3 ]; do
    grep "disk 51712.*is served again" /var/log/lodge/backends.log && fail "that was too soon"
    usleep 200000
done
echo "$(cat "/sys/block/${loop#/dev/}/dev") wbps=max" >/slow/disk/io.max || fail "the limit stays"
within 60 both_are_back || { cat /var/log/lodge/backends.log; fail "a disk is not served again"; }
log_has "disk 51712: waited [0-9]* ms for I/O of an earlier worker"
echo "dom0: served again after $(($(now) - began)) s"
for disk in xvda xvdb; do
    await guest "$disk-42" 60
    guest_do guest 60 "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/$disk bs=64k count=24 2>/dev/null | cmp - /tmp/a"
done
cat /var/log/lodge/backends.log
kernel_is_content
run "$cli" destroy guest
gone guest 20
run qemu-img check -q /tmp/disk.qcow2
exit 0
