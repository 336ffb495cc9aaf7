#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: load.sh NUMBER SECONDS SUM: writes to its disk, reads it back past every cache, fetches
# a file from dom0 and pings it, for so long.
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
