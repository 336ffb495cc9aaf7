# SPDX-License-Identifier: GPL-2.0-only
# The network behind NAT, made when the first guest asks for it and gone with the last. One guest is
# behind it, another one plays the world on a bridge: out with dom0's address, in only answers; and
# the guest cannot use an address that its config does not give it.
# boot: --guest --limit 420
. /test-lib.sh
ip link add xenbr0 type bridge
ip address add 192.0.2.1/24 dev xenbr0
ip link set xenbr0 up
before=$(ls /sys/class/net)
[ ! -e /sys/class/net/lodgenat0 ] || fail "the NAT network is there before a guest asks for it"

for name in inside world; do
    case $name in
    inside) vif='mac=00:16:3e:00:00:02,mode=nat,ip=10.77.0.2' ;;
    world) vif='mac=00:16:3e:00:00:09' ;;
    esac
    run "$cli" create /guest/guest.cfg "name=\"$name\"" "vif=[\"$vif\"]"
    attach $name
done
await inside "guest is up" 180
await world "guest is up" 180
ip address show lodgenat0 | grep -q 'inet 10.77.0.1/24' || fail "lodgenat0 has no address"
for name in inside world; do
    case $name in inside) own=10.77.0.2 gate=10.77.0.1 ;; world) own=192.0.2.9 gate=192.0.2.1 ;; esac
    guest_do $name 60 'modprobe xen-netfront; until [ -e /sys/class/net/eth0 ]; do usleep 200000; done'
    guest_do $name 20 "ip address add $own/24 dev eth0; ip link set eth0 up; ip route add default via $gate"
done

echo "--- out, with dom0's address"
guest_do inside 90 'ping -c 2 -w 60 10.77.0.1'
guest_do inside 90 'ping -c 2 -w 60 192.0.2.9'
guest_do world 20 'mkdir -p /tmp/www; echo the world >/tmp/www/index.html; httpd -p 80 -h /tmp/www'
guest_do world 20 'ip route del default'
guest_do inside 60 'wget -q -O - http://192.0.2.9/ | grep "the world"'

echo "--- in, only answers"
guest_do world 70 'ip route add default via 192.0.2.1; ping -c 1 -w 60 192.0.2.1'
guest_fails world 20 'ping -c 2 -w 4 10.77.0.2'

echo "--- no address but its own"
guest_do inside 20 'ip address add 10.77.0.66/24 dev eth0'
guest_fails inside 20 'ping -c 2 -w 4 -I 10.77.0.66 10.77.0.1'
guest_do inside 70 'ping -c 1 -w 60 10.77.0.1'

echo "--- the end"
run "$cli" destroy inside
run "$cli" destroy world
gone inside 30
gone world 30
all_went() {
    [ "$(ls /sys/class/net)" = "$before" ] && [ -z "$(ls /run/lodge/net)" ]
}
within 20 all_went || fail "interfaces or notes stayed: $(ls /sys/class/net /run/lodge/net)"
