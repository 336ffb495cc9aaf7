# SPDX-License-Identifier: GPL-2.0-only
# Two guests on a bridge through lodge-netback: TCP between them, a frame with another's address
# goes nowhere, a limited rate is held and can be changed, one guest's end leaves the other alone.
# boot: --guest --limit 560 --add tests/boot/net-lib.sh:/net-lib.sh
. /test-lib.sh
. /net-lib.sh
pidof lodge-backends >/dev/null || run /usr/sbin/lodge-backends
make_bridge xenbr0
for number in 2 3; do
    guest_up "g$number" $number "vif=[\"mac=00:16:3e:00:00:0$number,bridge=xenbr0,backendtype=lodge\"]"
    guest_net "g$number" $number
    vif_state lodge-vif "$("$cli" domid "g$number")" 0 4 30
done
[ "$(pidof lodge-netback | wc -w)" = 2 ] || fail "not one worker per guest"

echo "--- between guests"
guest_says g2 "ping -c 3 -w 60 10.9.0.3" 90
guest_says g2 "mkdir -p /tmp/www; dd if=/dev/urandom of=/tmp/www/blob bs=1M count=4; httpd -p 80 -h /tmp/www" 40
guest_says g2 "md5sum </tmp/www/blob >/tmp/www/sum" 20
guest_says g3 "wget -q -O /tmp/blob http://10.9.0.2/blob && wget -q -O /tmp/sum http://10.9.0.2/sum" 120
guest_says g3 "[ \"\$(md5sum </tmp/blob)\" = \"\$(cat /tmp/sum)\" ]" 20

echo "--- another's address"
guest_says g3 "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:02; ip link set eth0 up" 20
guest_says g3 "! ping -c 2 -w 4 10.9.0.1" 20
run ping -c 1 -w 60 10.9.0.2
guest_says g3 "ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:03; ip link set eth0 up" 20
guest_says g3 "ping -c 1 -w 60 10.9.0.1" 90

echo "--- a rate"
back=/local/domain/0/backend/lodge-vif/$("$cli" domid g2)/0
guest_says g2 "dd if=/dev/urandom of=/tmp/www/small bs=1k count=2000" 20
fetch() {
    from=$(awk '{ print int($1 * 100) }' /proc/uptime)
    run wget -q -O /tmp/back http://10.9.0.2/small
    took=$(($(awk '{ print int($1 * 100) }' /proc/uptime) - from))
    echo "2,048,000 bytes in $took hundredths of a second"
}
xenstore-write "$back/rate" 10000,50000 # 200,000 bytes a second, and a burst of 128 KiB
is_slow() { # a change of the rate is a moment under way
    fetch
    limited=$took
    [ $limited -ge 900 ]
}
is_fast() {
    fetch
    [ $((took * 2)) -lt $limited ]
}
within 2 is_slow || fail "that should take about ten seconds"
xenstore-write "$back/rate" 0,0
within 2 is_fast || fail "the limit stayed"

echo "--- one goes"
run "$cli" destroy g2
gone g2 30
guest_says g3 "ping -c 2 -w 60 10.9.0.1" 90
run ping -c 1 -w 60 10.9.0.3
run "$cli" destroy g3
gone g3 30
programs_end 20 lodge-netback
xenstore-ls /local/domain/0/backend/lodge-vif
ip link | grep vif && fail "a tap stayed"
cat /var/log/lodge/backends.log
exit 0
