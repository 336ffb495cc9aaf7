# SPDX-License-Identifier: GPL-2.0-only
# The kernel's xen-netback as a choice: its interface is put on the bridge without any script, with
# the filter against false addresses, and taken off again when the device is detached.
# boot: --guest --limit 300 --add tests/boot/net-lib.sh:/net-lib.sh
. /test-lib.sh
. /net-lib.sh
pidof lodge-backends >/dev/null || run /usr/sbin/lodge-backends
modprobe xen-netback
make_bridge xenbr0
guest_up guest 2
domid=$("$cli" domid guest)
run "$cli" network-attach guest mac=00:16:3e:00:00:02 bridge=xenbr0 backendtype=kernel
guest_net guest 2
vif_state vif "$domid" 0 4 30
pidof lodge-netback && fail "a device of the kernel's has a worker of ours"
run ping -c 3 -w 20 10.9.0.2
guest_says guest "ping -c 3 -w 20 10.9.0.1" 40
run "$cli" network-list guest

guest_says guest "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:77; ip link set eth0 up" 20
guest_says guest "! ping -c 2 -w 4 10.9.0.1" 20
guest_says guest "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:02; ip link set eth0 up" 20
guest_says guest "ping -c 1 -w 10 10.9.0.1" 20

run "$cli" network-detach guest 0
tries=20
while ip link show "vif$domid.0" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the interface stayed"
    sleep 1
done
xenstore-ls "/local/domain/0/backend/vif/$domid" 2>/dev/null && fail "nodes stayed"
ls /run/lodge/net | grep . && fail "the plug's notes stayed"
run "$cli" destroy guest
gone guest 30
