# SPDX-License-Identifier: GPL-2.0-only
# What a guest's disks can do: rings of many pages, several queues, large requests, flush, discard,
# a size that changes, read-only, qcow2, the kernel's back-end, and going away without a trace. The
# block device is served without io_uring, as on a kernel that has none.
# boot: --guest --smp 2 --limit 600 --options dom0_mem=1024M --add /usr/bin/qemu-nbd:/usr/bin/qemu-nbd --add /usr/bin/qemu-img:/usr/bin/qemu-img --add build/blkback/blkback-nbd.so:/usr/lib/lodge/blkback-nbd.so
. /test-lib.sh

# resize DEVID REQUEST EXPECTED: asks the daemon, and compares what it says.
resize() {
    back=$(back_path guest lodge-vbd "$1")
    xenstore-rm "$back/lodge-resize-result" 2>/dev/null
    xenstore-write "$back/lodge-resize" "$2"
    within 60 resize_answered "$1" || fail "a resize of $1 to $2 got no answer"
    echo "dom0: resize of $1 to $2: $said"
    echo "$said" | grep -q "$3" || fail "a resize to $2 said \"$said\""
}

resize_answered() {
    said=$(back_node guest lodge-vbd "$1" lodge-resize-result)
}

# has_size SECTORS: the guest's driver hears of a new size from the store, and its shell from us.
has_size() {
    guest_do guest 60 "until [ \$(cat /sys/block/xvda/size) = $1 ]; do usleep 100000; done"
}

# take_away TYPE DEVID: as the tools do it.
take_away() {
    back=$(back_path guest "$1" "$2")
    xenstore-write "$back/online" 0 "$back/state" 5
    back_state guest "$1" "$2" 6 40
    xenstore-rm "$back"
    xenstore-rm "/local/domain/$("$cli" domid guest)/device/vbd/$2"
}

is_free() {
    ! losetup "$1" 2>/dev/null
}

kill "$(pidof lodge-backends)"
programs_end 60 lodge-backends
LODGE_NO_IO_URING=1 lodge-backends || fail "lodge-backends did not start again"
truncate -s 16M /tmp/raw.img
truncate -s 8M /tmp/loop.img
modprobe loop
loop=$(losetup -f)
run losetup "$loop" /tmp/loop.img
truncate -s 8M /tmp/stock.img
dd if=/dev/urandom of=/tmp/ro.img bs=1M count=2 2>/dev/null
cp /tmp/ro.img /tmp/base.img
truncate -s 16M /tmp/base.img
chmod 600 /tmp/base.img
run qemu-img create -q -f qcow2 -b base.img -F raw /tmp/disk.qcow2
sed 's/^vcpus.*/vcpus = 2/; s/^memory.*/memory = 256/' /guest/guest.cfg >/tmp/two.cfg
run "$cli" create /tmp/two.cfg
attach guest
await guest "guest is up" 60
disk_nodes guest lodge-vbd 51712 /tmp/raw.img w
disk_nodes guest lodge-vbd 51728 /tmp/ro.img r
disk_nodes guest lodge-vbd 51744 /tmp/disk.qcow2 w format qcow2 backing-0 /tmp/base.img
disk_nodes guest lodge-vbd 51776 "$loop" w
disk_nodes guest vbd 51760 /tmp/stock.img w
back_state guest lodge-vbd 51744 2 40
# With pages that stay granted, rings of this size would take more memory than the guest has.
guest_do guest 60 "modprobe xen-blkfront max_ring_page_order=4 max_queues=2 max_indirect_segments=64 feature_persistent=0"
for disk in 51712 51728 51744 51776; do
    back_state guest lodge-vbd $disk 4 40
done
back_state guest vbd 51760 4 40
front=/local/domain/$("$cli" domid guest)/device/vbd/51712
[ "$(xenstore-read "$front/ring-page-order")" = 4 ] || fail "the ring does not have 16 pages"
[ "$(xenstore-read "$front/multi-queue-num-queues")" = 2 ] || fail "there are not two queues"

echo "dom0: what serves qcow2 has no rights, and the backing file behind it"
uid=$((0x70020000 + $("$cli" domid guest)))
for line in "Uid:.$uid.$uid" "CapPrm:.0*$" "CapEff:.0*$" "CapBnd:.0*$" "NoNewPrivs:.1" "Seccomp:.2"; do
    grep "^$line" "/proc/$(pidof qemu-nbd)/status" || fail "qemu-nbd is not confined: no $line"
done
[ "$(readlink "/proc/$(pidof qemu-nbd)/ns/net")" != "$(readlink /proc/self/ns/net)" ] ||
    fail "qemu-nbd has the network"
[ ! -e "/proc/$(pidof qemu-nbd)/root/tmp" ] || fail "qemu-nbd sees dom0's files"
guest_do guest 60 "[ \"\$(dd if=/dev/xvdc bs=1M count=2 2>/dev/null | md5sum)\" = \"$(md5sum </tmp/ro.img)\" ]"

guest_do guest 30 "dd if=/dev/urandom of=/tmp/a bs=1M count=6 2>/dev/null"
log_has "I/O through threads"
for disk in xvda xvdc xvdd xvde; do
    guest_do guest 60 "dd if=/tmp/a of=/dev/$disk bs=1M conv=fsync 2>/dev/null"
    guest_do guest 60 "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/$disk bs=1M count=6 2>/dev/null | cmp - /tmp/a"
    echo "dom0: $disk keeps what is written"
done
dd if=/tmp/raw.img bs=1M count=6 2>/dev/null | cmp - /tmp/stock.img 2>&1 | grep -q "EOF on -" ||
    fail "the images of both back-ends differ"

echo "dom0: read-only"
guest_fails guest 30 "dd if=/tmp/a of=/dev/xvdb bs=4k count=1 2>/dev/null"
guest_do guest 30 "[ \$(cat /sys/block/xvdb/ro) = 1 ]"
guest_do guest 30 "[ \"\$(md5sum </dev/xvdb)\" = \"$(md5sum </tmp/ro.img)\" ]"

echo "dom0: discard"
before=$(du -k /tmp/raw.img | cut -f1)
guest_do guest 30 "blkdiscard -o 0 -l 4194304 /dev/xvda"
after=$(du -k /tmp/raw.img | cut -f1)
echo "dom0: the image took $before KiB, now it takes $after"
[ $((before - after)) -ge 4096 ] || fail "discarded blocks stay in the image"
guest_do guest 30 "dd if=/dev/xvda bs=1M count=4 2>/dev/null | tr -d '\\0' | wc -c | grep -qx 0"

echo "dom0: sizes"
resize 51712 33554432 "^ok"
has_size 65536
guest_do guest 30 "dd if=/tmp/a of=/dev/xvda bs=1M count=1 seek=31 conv=fsync 2>/dev/null"
resize 51712 16777216 "cut off"
resize 51712 "16777216 shrink" "^ok"
has_size 32768
truncate -s 20M /tmp/raw.img
resize 51712 0 "^ok"
has_size 40960
resize 51712 1000 "whole number"
resize 51744 33554432 "qemu-img resize -f qcow2 /tmp/disk.qcow2"

echo "dom0: qemu-nbd dies"
type_line guest "dd if=/tmp/a of=/dev/xvdc bs=64k seek=64 conv=fsync 2>/dev/null && echo survived"
kill -9 "$(pidof qemu-nbd)"
await guest "^survived" 60
guest_do guest 60 "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/xvdc bs=64k skip=64 count=96 2>/dev/null | cmp - /tmp/a"

echo "dom0: a backing file is the config's choice"
cp /tmp/ro.img /tmp/other.img
run qemu-img create -q -f qcow2 -b /tmp/other.img -F raw /tmp/thief.qcow2
refuse "its configuration does not" "$cli" block-attach guest /tmp/thief.qcow2,qcow2,xvdf
refuse "its configuration does not" "$cli" block-attach guest \
    /tmp/thief.qcow2,qcow2,xvdf,backing=/tmp/base.img
run "$cli" block-attach guest /tmp/thief.qcow2,qcow2,xvdf,backing=/tmp/other.img
guest_do guest 60 "until [ -e /dev/xvdf ]; do usleep 200000; done"
guest_do guest 60 "[ \"\$(md5sum </dev/xvdf)\" = \"$(md5sum </tmp/ro.img)\" ]"
run "$cli" block-detach guest xvdf

echo "dom0: all go"
theirs=$(xenstore-read "/local/domain/0/backend/vbd/$("$cli" domid guest)/51760/physical-device-path")
losetup "$theirs" || fail "the kernel's back-end has no loop device $theirs"
take_away vbd 51760
within 60 is_free "$theirs" || fail "$theirs is still set up"
for disk in 51712 51728 51744 51776; do
    take_away lodge-vbd $disk
done
programs_end 60 lodge-blkback qemu-nbd
run losetup -d "$loop"
run qemu-img check -q /tmp/disk.qcow2
dd if=/tmp/base.img bs=1M count=2 2>/dev/null | cmp - /tmp/ro.img || fail "the backing file was changed"
cat /var/log/lodge/backends.log
run "$cli" destroy guest
exit 0
