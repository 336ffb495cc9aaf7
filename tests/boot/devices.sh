# SPDX-License-Identifier: GPL-2.0-only
# What boot/devices does in dom0, which sets modules, and blocks, how many of the CD are read.
for module in $modules; do
    insmod "/modules/$module.ko" || exit 1
done
for i in $(seq 30); do [ -b /dev/sr0 ] && break; sleep 1; done
dd if=/dev/sr0 bs=65536 count="$blocks" 2>/dev/null | md5sum | sed 's/^/read /'
ip link set eth0 up
for i in $(seq 30); do [ "$(cat /sys/class/net/eth0/carrier)" = 1 ] && break; sleep 1; done
ip addr add 10.0.2.15/24 dev eth0
ping -c 3 -w 20 10.0.2.2 || exit 2
grep -E 'ahci|eth0' /proc/interrupts | sed 's/^/line /'
