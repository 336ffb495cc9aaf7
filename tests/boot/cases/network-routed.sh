# SPDX-License-Identifier: GPL-2.0-only
# Interfaces that are routed, and those that a script connects. A routed guest reaches dom0 and is
# reached from there; through one interface it cannot send with another's address. The script gets
# what xl's hot-plug scripts get, at attach and at detach, and what it complains of is what the
# command says. An interface that dom0 or another device has already is not touched, whatever a
# config names.
# boot: --guest --smp 1 --limit 200
. /test-lib.sh

# pings: how many requests dom0 has been sent so far.
pings() {
    awk '$1 == "Icmp:" { if (n++) { print $at; exit } for (at = 1; $at != "InEchos"; at++); }' \
        /proc/net/snmp
}

ip link add lan0 type bridge
ip address add 192.0.2.1/24 dev lan0
ip link set lan0 up
plug='mode=route,gatewaydev=lan0'
run "$cli" create /guest/guest.cfg \
    "vif=[\"mac=00:16:3e:00:00:02,ip=10.50.0.2,$plug\", \"mac=00:16:3e:00:00:03,ip=10.50.0.3,$plug,backendtype=lodge\"]"
attach guest
domid=$("$cli" domid guest)
await guest "guest is up" 120
guest_do guest 60 "modprobe xen-netfront; until [ -e /sys/class/net/eth1 ]; do usleep 200000; done"
guest_do guest 20 "ip address add 10.50.0.2/32 dev eth0; ip link set eth0 up; ip route add 192.0.2.1 dev eth0"

echo "--- both ways"
for number in 0 1; do
    ip route | grep -q "^10.50.0.$((number + 2)) dev vif$domid.$number" || fail "no route: $(ip route)"
done
guest_do guest 90 'ping -c 2 -w 60 192.0.2.1'
run ping -c 2 -w 60 10.50.0.2

echo "--- no address but its own"
guest_do guest 20 'ip address add 10.50.0.3/32 dev eth0'
before=$(pings)
guest_fails guest 20 'ping -c 3 -w 4 -I 10.50.0.3 192.0.2.1'
[ "$(pings)" = "$before" ] || fail "dom0 got frames with another interface's address"
guest_do guest 90 'ip address del 10.50.0.3/32 dev eth0; ping -c 1 -w 60 192.0.2.1'
[ "$(pings)" -gt "$before" ] || fail "what counts requests does not count"
refuse "two guests cannot have one address" "$cli" network-attach guest \
    "mac=00:16:3e:00:00:13,ip=10.50.0.3,$plug"
run "$cli" network-detach guest 1
ip route | grep "10.50.0.3" && fail "its route stayed"

echo "--- names and addresses that are taken"
interfaces() {
    ip address
    ip route
}
tunctl -t mine0 || fail "no tap in dom0"
interfaces >/tmp/before
for kind in lodge kernel; do
    for name in lo lan0 mine0; do
        refuse "has an interface $name already" "$cli" network-attach guest \
            "mode=nat,vifname=$name,backendtype=$kind"
    done
    refuse "interface vif$domid.0 is guest guest's" "$cli" network-attach guest \
        "mode=nat,vifname=vif$domid.0,backendtype=$kind"
    refuse "has an address of this host" "$cli" network-attach guest "ip=192.0.2.1,$plug,backendtype=$kind"
    interfaces | cmp - /tmp/before || fail "something was touched: $(interfaces)"
    run "$cli" network-attach guest "mode=nat,vifname=web0,backendtype=$kind"
    ip link show web0 | grep -q "master lodgenat0" || fail "web0 is not in its place: $(ip link show web0)"
    run "$cli" network-detach guest 1
done

echo "--- a script"
cat >/tmp/vif-mine <<'SCRIPT'
#!/bin/sh
{
    echo "args: $*"
    env | grep -E '^(script|vif|netdev|XENBUS_[A-Z_]*)=' | sort
    echo "ip: $(xenstore-read "$XENBUS_PATH/ip")"
} >>/tmp/calls
if [ "$1" = online ]; then
    ip address add 10.60.0.1/32 peer 10.60.0.2 dev "$vif" && ip link set "$vif" up
fi
SCRIPT
cat >/tmp/vif-bad <<'SCRIPT'
#!/bin/sh
echo "$1" >>/tmp/bad-calls
[ "$1" = online ] || exit 0
echo "first this" >&2
echo "the moon is not connected" >&2
exit 3
SCRIPT
cat >/tmp/vif-store <<'SCRIPT'
#!/bin/sh
xenstore-write "$XENBUS_PATH/hotplug-error" "the store knows why" "$XENBUS_PATH/hotplug-status" error
exit 1
SCRIPT
chmod +x /tmp/vif-mine /tmp/vif-bad /tmp/vif-store
run "$cli" network-attach guest mac=00:16:3e:00:00:22,ip=10.60.0.2,script=/tmp/vif-mine,gatewaydev=lan0,backendtype=lodge
guest_do guest 30 'until [ -e /sys/class/net/eth1 ]; do usleep 200000; done; ip address add 10.60.0.2/32 dev eth1; ip link set eth1 up; ip route add 10.60.0.1 dev eth1'
run ping -c 2 -w 60 10.60.0.2
run "$cli" network-detach guest 1
cat /tmp/calls
cat >/tmp/expected <<EXPECTED
args: online type_if=vif
XENBUS_BASE_PATH=backend
XENBUS_PATH=/local/domain/0/backend/lodge-vif/$domid/1
XENBUS_TYPE=vif
netdev=lan0
script=/tmp/vif-mine
vif=vif$domid.1
ip: 10.60.0.2
EXPECTED
sed 's/online/offline/' /tmp/expected >/tmp/second
cat /tmp/expected /tmp/second | cmp - /tmp/calls || fail "the script was not called like that"

echo "--- a script that fails"
refuse "status 3: the moon is not connected" "$cli" network-attach guest script=/tmp/vif-bad
refuse "the store knows why" "$cli" network-attach guest script=/tmp/vif-store
refuse "no such file" "$cli" network-attach guest script=/tmp/vif-none
[ "$(cat /tmp/bad-calls)" = online ] || fail "a script that failed was called again: $(cat /tmp/bad-calls)"
run ping -c 1 -w 60 10.50.0.2
run "$cli" destroy guest
gone guest 20
all_went() {
    ! { ls /run/lodge/net | grep . || ip link | grep vif; }
}
within 60 all_went || fail "interfaces or notes stayed"
cat /var/log/lodge/backends.log
