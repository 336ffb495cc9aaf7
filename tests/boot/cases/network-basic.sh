# SPDX-License-Identifier: GPL-2.0-only
# A guest's network through lodge-netback, with two queues: ping and TCP both ways, checksums of
# what arrived, a worker killed in the middle of a stream, with and without memory that it can grant
# to its own domain, then the supervisor; nothing is left at the end.
# boot: --guest --smp 2 --limit 560 --add tests/boot/net-lib.sh:/net-lib.sh
. /test-lib.sh
. /net-lib.sh
pidof lodge-backends >/dev/null || run /usr/sbin/lodge-backends
make_bridge xenbr0
guest_up guest 2 vcpus=2
domid=$("$cli" domid guest)
vif_add "$domid" 0 00:16:3e:00:00:02 lodge-vif bridge xenbr0
vif_state lodge-vif "$domid" 0 2 20
guest_net guest 2
vif_state lodge-vif "$domid" 0 4 30
pidof lodge-netback >/dev/null || fail "there is no worker"
queues=$(xenstore-read "/local/domain/$domid/device/vif/0/multi-queue-num-queues")
[ "$queues" = 2 ] || fail "the guest has $queues queues"
grep -E '^(Uid|CapEff|Seccomp):' "/proc/$(pidof lodge-netback)/status"

run ping -c 3 -w 60 10.9.0.2
guest_says guest "ping -c 3 -w 60 10.9.0.1" 90
guest_says guest "ping -c 2 -s 1400 -w 60 10.9.0.1" 90

echo "--- TCP, both ways"
mkdir -p /tmp/www
dd if=/dev/urandom of=/tmp/www/blob bs=1M count=8 2>/dev/null
sum=$(md5sum </tmp/www/blob)
httpd -p 10.9.0.1:80 -h /tmp/www
guest_says guest "wget -q -O /tmp/blob http://10.9.0.1/blob" 120
guest_says guest "[ \"\$(md5sum </tmp/blob)\" = \"$sum\" ]" 20
guest_says guest "mkdir -p /tmp/www; mv /tmp/blob /tmp/www; httpd -p 80 -h /tmp/www" 20
run wget -q -O /tmp/back http://10.9.0.2/blob
[ "$(md5sum </tmp/back)" = "$sum" ] || fail "what came back is not what was sent"

echo "--- IPv6"
echo 0 >/proc/sys/net/ipv6/conf/xenbr0/accept_dad
ip -6 address add fd09::1/64 dev xenbr0
httpd -p 8080 -h /tmp/www
guest_says guest "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip -6 address add fd09::2/64 dev eth0" 20
guest_says guest "[ \"\$(wget -q -O - http://[fd09::1]:8080/blob | md5sum)\" = \"$sum\" ]" 120
run wget -q -O /tmp/back "http://[fd09::2]/blob"
[ "$(md5sum </tmp/back)" = "$sum" ] || fail "what came over IPv6 is not what was sent"

ungranted="its memory cannot be granted"
limit=/sys/module/xen_gntalloc/parameters/limit
logs() {
    grep -q "$1" /var/log/lodge/backends.log
}

# A stream from the guest that cannot be over before it may: its reader takes its time until then.
stream_begins() {
    rm -f /tmp/go /tmp/back
    wget -q -O - http://10.9.0.2/blob | {
        for piece in $(seq 100); do
            [ ! -e /tmp/go ] || break
            dd bs=16k count=1 iflag=fullblock 2>/dev/null
            usleep 10000
        done
        until [ -e /tmp/go ]; do usleep 10000; done
        cat
    } >/tmp/back &
    within 60 [ -s /tmp/back ] || fail "the stream has not begun"
}
stream_ends() {
    touch /tmp/go
    wait $!
    [ "$(md5sum </tmp/back)" = "$sum" ] || fail "the stream broke, or what came is not what was sent"
}

echo "--- a worker dies"
for round in 1 2 3; do
    logs "$ungranted" && fail "the worker's memory is not granted, though it could be"
    [ $round -lt 3 ] || echo 0 >$limit
    stream_begins
    kill -9 "$(pidof lodge-netback)" || fail "there is no worker"
    stream_ends
done
within 20 logs "$ungranted" || fail "a worker has granted its memory where it may not"
run ping -c 2 -w 60 10.9.0.2
guest_says guest "[ \"\$(wget -q -O - http://10.9.0.1/blob | md5sum)\" = \"$sum\" ]" 120

echo "--- the supervisor dies"
stream_begins
kill -9 "$(pidof lodge-backends)"
programs_end 60 lodge-backends
run /usr/sbin/lodge-backends
stream_ends
cat /var/log/lodge/backends.log
[ "$(cat $limit)" = 24576 ] || fail "the supervisor has not raised what may be granted"

echo "--- the end"
run "$cli" destroy guest
gone guest 30
programs_end 20 lodge-netback
within 20 no_interface "vif$domid.0" || fail "its tap stayed"
kernel_is_content
