# SPDX-License-Identifier: GPL-2.0-only
# What goes wrong with disks ends in an I/O error or a closed device and a line in the log that
# names guest, device and reason; the guest's other disk, and other guests, do not notice.
# boot: --guest --limit 500
. /test-lib.sh
top=/local/domain/0/backend/lodge-vbd

# well: the disk that nothing was done to works.
well() {
    guest_do guest 60 "dd if=/tmp/a of=/dev/xvda bs=64k conv=fsync 2>/dev/null && echo 3 >/proc/sys/vm/drop_caches && dd if=/dev/xvda bs=1M count=1 2>/dev/null | cmp - /tmp/a"
}

# rejected DEVID PATTERN: the device is closed, with a sentence.
rejected() {
    back_state guest lodge-vbd "$1" 6 40
    said=$(back_node guest lodge-vbd "$1" hotplug-error)
    echo "dom0: $1: $said"
    echo "$said" | grep -q "$2" || fail "the reason does not mention \"$2\""
    log_has "guest (domain .*), disk $1: .*$2"
    xenstore-rm "$top/$("$cli" domid guest)/$1"
    xenstore-rm "/local/domain/$("$cli" domid guest)/device/vbd/$1"
}

truncate -s 4M /tmp/good.img
truncate -s 8M /tmp/cut.img
mkdir -p /mnt/small
mount -t tmpfs -o size=2M tmpfs /mnt/small
truncate -s 8M /mnt/small/full.img
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 60

echo "dom0: images that cannot be had"
disk_nodes guest lodge-vbd 51952 /tmp/nothing.img w
rejected 51952 "nothing.img.*No such file"
disk_nodes guest lodge-vbd 51952 /tmp w
rejected 51952 "/tmp"
: >/tmp/empty.img
disk_nodes guest lodge-vbd 51952 /tmp/empty.img r
rejected 51952 "is empty"
disk_nodes guest lodge-vbd 51712 /tmp/good.img w
back_state guest lodge-vbd 51712 2 20
disk_nodes guest lodge-vbd 51952 /tmp/good.img w
rejected 51952 "good.img is what this guest has as disk 51712 already"

truncate -s 1M /tmp/swap.img
modprobe loop
loop=$(losetup -f)
losetup "$loop" /tmp/swap.img && mkswap "$loop" && swapon "$loop" || fail "no swap in dom0"
for image in "$loop" /tmp/swap.img; do
    disk_nodes guest lodge-vbd 51952 "$image" w
    rejected 51952 "this host uses it itself"
done
swapoff "$loop" && losetup -d "$loop" || fail "the loop device stays"

echo "dom0: a front-end that makes no sense"
domid=$("$cli" domid guest)
for nodes in "ring-ref 4294967295 event-channel 999" "ring-ref x event-channel 1" \
    "ring-page-order 9 ring-ref0 8 event-channel 1" "multi-queue-num-queues 0 ring-ref 8"; do
    disk_nodes guest lodge-vbd 51952 /tmp/cut.img w
    back_state guest lodge-vbd 51952 2 20
    set -- $nodes
    while [ $# -gt 1 ]; do
        xenstore-write "/local/domain/$domid/device/vbd/51952/$1" "$2"
        shift 2
    done
    xenstore-write "/local/domain/$domid/device/vbd/51952/state" 3
    rejected 51952 "."
done

disk_nodes guest lodge-vbd 51728 /tmp/cut.img w
disk_nodes guest lodge-vbd 51744 /mnt/small/full.img w
guest_do guest 60 "modprobe xen-blkfront"
for disk in 51712 51728 51744; do
    back_state guest lodge-vbd $disk 4 40
done
guest_do guest 30 "dd if=/dev/urandom of=/tmp/a bs=1M count=1 2>/dev/null"
well

echo "dom0: the image is cut under its guest"
truncate -s 1M /tmp/cut.img
guest_fails guest 60 "dd if=/dev/xvdb of=/dev/null bs=1M skip=4 count=1 2>/dev/null"
guest_fails guest 60 "dd if=/tmp/a of=/dev/xvdb bs=1M seek=4 conv=fsync 2>/dev/null"
guest_do guest 60 "dd if=/dev/xvdb of=/dev/null bs=512k count=2 2>/dev/null"
log_has "guest (domain $domid), disk 51728: the image was cut"
[ "$(stat -c %s /tmp/cut.img)" = 1048576 ] || fail "a write has made the image longer again"
well

echo "dom0: the disk of dom0 is full"
guest_fails guest 60 "dd if=/dev/zero of=/dev/xvdc bs=1M count=6 conv=fsync 2>/dev/null"
log_has "disk 51744: write .*No space left"
lines=$(grep -c "disk 51744" /var/log/lodge/backends.log)
[ "$lines" -lt 60 ] || fail "$lines lines in the log for one full disk"
well

echo "dom0: a worker is its guest's alone, and makes no file longer than the images are"
worker=$(pidof lodge-blkback)
uid=$((0x70000000 + domid))
grep "^Uid:.$uid.$uid.$uid.$uid$" "/proc/$worker/status" || fail "its user is not its guest's own"
grep "^Max file size *8388608 *8388608 " "/proc/$worker/limits" || fail "files have no limit"

echo "dom0: beside the images a worker can write to nothing that grows"
records=0
for fd in "/proc/$worker/fd/"*; do
    case $(readlink "$fd") in
    /tmp/*.img | /mnt/*.img | /dev/*) continue ;;
    /*) ;;
    *) continue ;;
    esac
    size=$(stat -L -c %s "$fd")
    dd if=/dev/zero of="$fd" bs=64k seek=50 count=16 conv=notrunc 2>/dev/null &&
        fail "$(readlink "$fd") takes a mebibyte more"
    run truncate -s "$size" "$fd"
    records=$((records + 1))
done
[ $records = 3 ] || fail "it has $records files, and three disks"
well

echo "dom0: a worker that cannot begin says why, however long the log is"
yes "a line that somebody has said before" | head -n 60000 >>/var/log/lodge/backends.log
mv /dev/xen/gntdev /dev/xen/away
kill -9 "$worker"
log_has "lodge-blkback.*/dev/xen/gntdev cannot be opened"
log_has "disk 51712: its worker ended with status 1; it is started again"
mv /dev/xen/away /dev/xen/gntdev
well
worker=$(pidof lodge-blkback)

echo "dom0: a worker that was stopped"
kill -STOP "$worker"
xenstore-write "$top/$domid/51744/online" 0 "$top/$domid/51744/state" 5
disk_nodes guest lodge-vbd 51952 /tmp/nothing.img w
rejected 51952 "No such file" # the supervisor goes on meanwhile
back_state guest lodge-vbd 51744 6 40
log_has "was stopped by signal 19; it is replaced"
[ "$(pidof lodge-blkback)" != "$worker" ] || fail "a worker that is stopped is left as it is"
xenstore-rm "$top/$domid/51744"
well

echo "dom0: the guest dies in the middle of its I/O"
type_line guest "while :; do dd if=/dev/xvda of=/dev/null bs=4k; dd if=/tmp/a of=/dev/xvda bs=4k; echo busy-\$((6 * 7)); done"
await guest "^busy-42" 60
run "$cli" destroy guest
gone guest 30
programs_end 30 lodge-blkback
ls /run/lodge/blk/* 2>/dev/null && fail "files of disks that went are left"
[ -z "$(xenstore-ls "$top/$domid" 2>/dev/null)" ] || echo "dom0: nodes are left: $(xenstore-ls "$top/$domid")"
pidof lodge-backends >/dev/null || fail "the supervisor has ended"
tail -n 40 /var/log/lodge/backends.log
exit 0
