# SPDX-License-Identifier: GPL-2.0-only
# In dom0: guests that use their disks and the network at once. soak.py sets count (of guests),
# seconds, backend, and stall (seconds that a guest may stand still); load-guest.sh is each guest's.
# Run by `make soak`.
. /test-lib.sh
guests=$(seq "$count")

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

make_guest() {
    truncate -s 64M /disks/$1.img
    "$cli" create /guest/guest.cfg "name=\"g$1\"" \
        'ramdisk="/guest/io-initrd"' \
        "disk=['format=raw,vdev=xvda,access=rw,backendtype=$backend,target=/disks/$1.img']" \
        "vif=['bridge=iosoak,backendtype=$backend']" >/tmp/said 2>&1 ||
        fail "guest $1: $(cat /tmp/said)"
}

now() { cut -d. -f1 /proc/uptime; }

# round SECONDS: all guests come, do their load for so long, and go.
round() {
    for number in $guests; do make_guest $number; attach g$number; done
    for number in $guests; do
        await g$number "guest is up" 600
        type_line g$number "/load.sh $number $1 $sum"
    done
    echo "$count guests are up; $1 s of load"
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
            elif [ $((now - since)) -gt $stall ]; then
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
}

# A first time creates what stays: daemons, modules, store folders, and the pages of dom0's own
# grant table, which grows with the memory that network workers grant to their own domain.
round 10
before=$(free_memory) held=$(counts)
round "$seconds"
memory_back "$before"
counts_back "$held"
"$cli" resources
kernel_is_content
