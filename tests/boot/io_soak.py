# SPDX-License-Identifier: GPL-2.0-only
"""Part of `make soak`: guests that use their disks and the network at once, for minutes.

Each guest writes random data to its disk, reads it back past every cache and compares; fetches a
file from a web server in dom0 and compares; and pings. A guest that makes no progress for two
minutes has stalled. When all are gone, dom0 holds what it held before: memory, event channels,
grants, store nodes.
    tests/boot/io_soak.py --guests 8 --minutes 10 [--backend kernel]
"""

import argparse
import sys

from soak import endure
from harness.options import parse

LOAD = r"""#!/bin/sh
# In the guest: load NUMBER SECONDS SUM
modprobe xen-blkfront; modprobe xen-netfront
tries=60
while [ ! -b /dev/xvda ] || ! ip link show eth0 >/dev/null 2>&1; do
    tries=$((tries - 1)); [ $tries -gt 0 ] || { echo "IO FAILED: no disk or no network"; exit; }
    sleep 1
done
ip link set eth0 up
ip addr add 10.77.0.$((10 + $1))/24 dev eth0
now() { cut -d. -f1 /proc/uptime; } # the wall clock may be stepped
end=$(($(now) + $2)) loops=0
while [ "$(now)" -lt $end ]; do
    dd if=/dev/urandom of=/blob bs=1M count=4 2>/dev/null
    sum=$(md5sum </blob)
    at=$((loops % 2 * 64))
    dd if=/blob of=/dev/xvda bs=64k seek=$at oflag=direct conv=notrunc,fsync 2>/dev/null ||
        { echo "IO FAILED: write"; exit; }
    [ "$(dd if=/dev/xvda bs=64k skip=$at count=64 iflag=direct 2>/dev/null | md5sum)" = "$sum" ] ||
        { echo "IO FAILED: the disk does not keep its content"; exit; }
    [ "$(timeout 100 wget -q -O - http://10.77.0.1/blob | md5sum | cut -c 1-32)" = "$3" ] ||
        { echo "IO FAILED: what came over the network differs"; exit; }
    ping -q -c 2 -W 100 10.77.0.1 >/dev/null || { echo "IO FAILED: ping"; exit; }
    loops=$((loops + 1))
    echo "io loop $loops"
done
echo "IO DONE: $loops loops"
"""

SCRIPT = r"""#!/bin/sh
. /test-lib.sh
guests="$(seq {guests})"

# One bridge with dom0 on it.
modprobe bridge; modprobe tun; modprobe loop; modprobe xen-blkback; modprobe xen-netback
ip link add iosoak type bridge && ip addr add 10.77.0.1/24 dev iosoak && ip link set iosoak up ||
    fail "no bridge"
mkdir -p /srv /disks
dd if=/dev/urandom of=/srv/blob bs=1M count=2 2>/dev/null
sum=$(md5sum </srv/blob | cut -c 1-32)
httpd -p 10.77.0.1:80 -h /srv

# The load joins the guest's archive; the console's shell starts it.
mkdir -p /extra && cp /load.sh /extra/load.sh && chmod 755 /extra/load.sh
(cd /extra && echo load.sh | cpio -o -H newc 2>/dev/null) >/extra.cpio
cat /guest/initrd /extra.cpio >/guest/io-initrd

make_guest() {{
    truncate -s 64M /disks/$1.img
    "$cli" create /guest/guest.cfg "name=\"g$1\"" \
        'ramdisk="/guest/io-initrd"' \
        "disk=['format=raw,vdev=xvda,access=rw,backendtype={backend},target=/disks/$1.img']" \
        "vif=['bridge=iosoak,backendtype={backend}']" >/tmp/said 2>&1 ||
        fail "guest $1: $(cat /tmp/said)"
}}

now() {{ cut -d. -f1 /proc/uptime; }}

# round SECONDS: all guests come, do their load for so long, and go.
round() {{
    for number in $guests; do make_guest $number; attach g$number; done
    for number in $guests; do
        await g$number "guest is up" 600
        type_line g$number "/load.sh $number $1 $sum"
    done
    echo "{guests} guests are up; $1 s of load"
    for number in $guests; do last=0; eval "loops$number=-1 since$number=$(now)"; done
    busy="$guests"
    while [ -n "$busy" ]; do
        left="" line=""
        for number in $busy; do
            screen=/tmp/screen.g$number
            grep -q "IO FAILED" $screen && fail "g$number: $(grep 'IO FAILED' $screen)"
            if grep -q "IO DONE" $screen; then
                echo "g$number: $(grep -o 'IO DONE.*' $screen)"
                continue
            fi
            left="$left $number"
            loops=$(grep -c "io loop" $screen) now=$(now)
            line="$line $loops"
            eval "was=\$loops$number since=\$since$number"
            if [ "$loops" != "$was" ]; then
                eval "loops$number=$loops since$number=$now"
            elif [ $((now - since)) -gt {patience} ]; then
                fail "g$number stands still at loop $loops"
            fi
        done
        busy="$left"
        [ -n "$busy" ] && echo "loops so far:$line" && sleep 15
    done
    for number in $guests; do
        run "$cli" destroy g$number; gone g$number 60; detach g$number
        rm -f /disks/$number.img
    done
    sleep 3
}}

# A first time creates what stays: daemons, modules, store folders, and the pages of dom0's own
# grant table, which grows with the memory that network workers grant to their own domain.
round 10
before=$(free_memory) held=$(counts)
round {seconds}
memory_back "$before"
counts_back "$held"
"$cli" resources
kernel_is_content
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--guests", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--backend", choices=("lodge", "kernel"), default="lodge")
    parser.add_argument("--patience", type=int, default=120, help="seconds a guest may stand still")
    args = parser.parse_args()
    seconds = int(args.minutes * 60)
    boot = parse(["--command", "true", "--name", "io-soak", "--guest", "--smp", "2", "--tools",
                  "lodge", "--options", "dom0_mem=900M", "--limit", str(seconds + 1200)])
    boot.command = SCRIPT.format(guests=args.guests, seconds=seconds, backend=args.backend,
                                 patience=args.patience)
    return endure(boot, {"load.sh": LOAD})


if __name__ == "__main__":
    sys.exit(main())
