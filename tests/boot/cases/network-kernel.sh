# SPDX-License-Identifier: GPL-2.0-only
# The kernel's xen-netback as a choice: its interface is put on the bridge without any script, with
# the filter against false addresses, and taken off again when the device is detached. A script that
# connects it finds its nodes in the store when it is called a last time.
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
run ping -c 3 -w 60 10.9.0.2
guest_says guest "ping -c 3 -w 60 10.9.0.1" 90
run "$cli" network-list guest

guest_says guest "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:77; ip link set eth0 up" 20
guest_says guest "! ping -c 2 -w 4 10.9.0.1" 20
guest_says guest "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:02; ip link set eth0 up" 20
guest_says guest "ping -c 1 -w 60 10.9.0.1" 70

run "$cli" network-detach guest 0
within 20 no_interface "vif$domid.0" || fail "the interface stayed"
xenstore-ls "/local/domain/0/backend/vif/$domid" 2>/dev/null && fail "nodes stayed"
ls /run/lodge/net | grep . && fail "the plug's notes stayed"

cat >/tmp/vif-slow <<'SCRIPT'
#!/bin/sh
[ "$1" = online ] || sleep 2
echo "$1 $(xenstore-read "$XENBUS_PATH/mac")" >>/tmp/calls
SCRIPT
chmod +x /tmp/vif-slow
mac=00:16:3e:00:00:05
run "$cli" network-attach guest mac=$mac script=/tmp/vif-slow backendtype=kernel
vif_state vif "$domid" 0 4 30
run "$cli" network-detach guest 0
cat /tmp/calls
printf '%s\n' "online $mac" "offline $mac" | cmp - /tmp/calls || fail "the script found other nodes"
xenstore-ls "/local/domain/0/backend/vif/$domid" 2>/dev/null && fail "nodes stayed"
run "$cli" network-attach guest mac=$mac script=/tmp/vif-slow backendtype=kernel
vif_state vif "$domid" 0 4 30
run "$cli" destroy guest
gone guest 30
called_twice() {
    [ "$(grep -c "^offline $mac$" /tmp/calls)" = 2 ]
}
within 20 called_twice || fail "a guest's end did not call the script: $(cat /tmp/calls)"
