# SPDX-License-Identifier: GPL-2.0-only
# A Debian guest writes 256 MiB in one go and then at random, 32 requests deep and with flushes,
# while the block worker is killed and started again five times in each; fio writes a checksum
# with every block, and verifies them all when the kills are over, past every cache.
# Run by `make soak`.
. /test-lib.sh
prompt='root@[a-z0-9]*:~#'
kills=0

# Kills the worker five times, with the guest's I/O going on, and sees another come each time.
kill_workers() {
    for kill in 1 2 3 4 5; do
        sleep 2
        old=$(pidof lodge-blkback) || fail "there is no worker to kill"
        grep -q "$1" /tmp/screen.debian && fail "it was over before kill $kill: write more"
        kill -9 $old
        tries=50
        while new=$(pidof lodge-blkback); [ -z "$new" ] || [ "$new" = "$old" ]; do
            tries=$((tries - 1))
            [ $tries -gt 0 ] || fail "no worker came after number $old"
            usleep 200000
        done
        kills=$((kills + 1))
    done
}

# fio_verifies NAME SIZE OPTIONS: all blocks written, then all read back and right.
fio_verifies() {
    common="--name=$1 --filename=/dev/xvdb --size=$2 --direct=1 --ioengine=libaio --verify=crc32c"
    type_line debian "fio $common $3 --do_verify=0 >/run/$1.out 2>&1; echo wrote \$? $1"
    kill_workers "^wrote [0-9]* $1"
    await debian "^wrote [0-9]* $1" 300
    grep -q "^wrote 0 $1" /tmp/screen.debian || {
        type_line debian "cat /run/$1.out"; sleep 5; fail "$1: fio could not write"; }
    type_line debian "fio $common $3 --verify_only --verify_fatal=1 >/run/$1.out 2>&1; echo read \$? $1"
    await debian "^read [0-9]* $1" 300
    type_line debian "grep -E 'err=|READ:|WRITE:' /run/$1.out"
    sleep 3
    tail -n 6 /tmp/screen.debian
    grep -q "^read 0 $1" /tmp/screen.debian || fail "$1: what was written is not what is read"
}

truncate -s 256M /tmp/big.img
run "$cli" create /guest/debian.cfg 'vif=[]' \
    'disk=["phy:/dev/vda,xvda,w","format=raw,vdev=xvdb,access=rw,target=/tmp/big.img"]'
attach debian
await debian 'login:' 240
type_line debian root
await debian "$prompt" 90
fio_verifies sequential 256M '--rw=write --bs=1M --iodepth=4'
fio_verifies random 64M '--rw=randwrite --bs=4k --iodepth=32 --fsync=64 --randseed=7'
echo "dom0: $kills workers killed; every block that was acknowledged is as it was written"
[ $kills -eq 10 ] || fail "only $kills workers were killed"
run "$cli" destroy debian
gone debian 60
exit 0
