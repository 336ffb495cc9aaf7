# SPDX-License-Identifier: GPL-2.0-only
# A guest writes and reads its disk while the block worker is killed again and again, and the
# supervisor, too: nothing that was acknowledged is lost, nothing is changed. Once a block device,
# with direct I/O on pages that stay granted, once a file, with copies; the data of every region
# differ.
# boot: --guest --smp 2 --limit 600 --options dom0_mem=1024M
. /test-lib.sh
REGIONS=${REGIONS:-4} # of 4 MiB each; `make soak` sets more

worker() {
    pidof lodge-blkback | tr ' ' '\n' | head -n 1
}

# Kills the worker, and waits for another one.
kill_worker() {
    old=$(worker)
    kill -9 "$old" || fail "there is no worker to kill"
    within 60 has_successor "$old" || fail "no worker came after number $old"
}

has_successor() {
    now=$(worker)
    [ -n "$now" ] && [ "$now" != "$1" ]
}

# torture NAME DISK: the guest writes, here the worker dies; then the same while it reads.
torture() {
    type_line "$1" "for i in \$(seq $REGIONS); do tail -c +\$((i * 7)) /tmp/a | head -c 4194304 | \
dd of=/dev/$2 bs=64k seek=\$((i * 64)) iflag=fullblock conv=notrunc 2>/dev/null || echo bad; \
echo region-\$i-$2; done; sync; echo wrote-\$?-$2"
    for kill in 1 2 3 4 5; do
        await "$1" "^region-$((1 + kill * (REGIONS - 1) / 6))-$2" $((150 + REGIONS * 10))
        kill_worker
    done
    await "$1" "^wrote-0-$2" $((150 + REGIONS * 10))
    grep -q "^bad" "/tmp/screen.$1" && fail "a write failed"
    type_line "$1" "echo 3 >/proc/sys/vm/drop_caches; for i in \$(seq $REGIONS); do \
dd if=/dev/$2 bs=64k skip=\$((i * 64)) count=64 2>/dev/null | md5sum; \
echo region-\$i-read-$2 >/dev/console; done >/tmp/read; \
for i in \$(seq $REGIONS); do tail -c +\$((i * 7)) /tmp/a | head -c 4194304 | md5sum; done \
>/tmp/sums; cmp /tmp/read /tmp/sums && echo same-$2 || echo differ-$2"
    for kill in 1 2; do
        await "$1" "^region-$((1 + kill * (REGIONS - 1) / 3))-read-$2" $((150 + REGIONS * 10))
        kill_worker
    done
    await "$1" "^\(same\|differ\)-$2" $((150 + REGIONS * 10))
    grep -q "^same-$2" "/tmp/screen.$1" || fail "what was read is not what was written"
    echo "dom0: $2: $REGIONS regions written and read, seven workers killed"
}

for disk in persistent copy; do
    truncate -s $((REGIONS * 4 + 8))M /tmp/$disk.img
done
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up" 60
modprobe loop
loop=$(losetup -f)
run losetup "$loop" /tmp/persistent.img
disk_nodes guest lodge-vbd 51712 "$loop" w lodge-transfer persistent
disk_nodes guest lodge-vbd 51728 /tmp/copy.img w lodge-transfer copy
guest_do guest 60 "modprobe xen-blkfront"
back_state guest lodge-vbd 51712 4 30
back_state guest lodge-vbd 51728 4 30
guest_do guest 60 "dd if=/dev/urandom of=/tmp/a bs=1M count=5 2>/dev/null"
torture guest xvda
torture guest xvdb

echo "dom0: the supervisor is killed while the guest writes"
type_line guest "echo begin-again; dd if=/tmp/a of=/dev/xvda bs=64k 2>/dev/null; sync; echo wrote-again"
await guest "^begin-again" 30
kill -9 "$(pidof lodge-backends)"
programs_end 60 lodge-backends
run lodge-backends
await guest "^wrote-again" 120
guest_do guest 60 "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/xvda bs=1M count=5 | cmp - /tmp/a"
log_has "is served again"

echo "dom0: a detached disk is let go of"
for disk in 51712 51728; do
    back=$(back_path guest lodge-vbd $disk)
    xenstore-write "$back/online" 0 "$back/state" 5
    back_state guest lodge-vbd $disk 6 30
    xenstore-rm "$back"
done
programs_end 20 lodge-blkback
ls /run/lodge/blk/* 2>/dev/null && fail "files of disks that went are left"
if grep -E "refused|failed|cannot" /var/log/lodge/backends.log; then
    fail "the log has what should not have happened"
fi
run losetup -d "$loop"
run "$cli" destroy guest
exit 0
