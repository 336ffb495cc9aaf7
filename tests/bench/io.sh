# SPDX-License-Identifier: GPL-2.0-only
# I/O of a guest, in dom0. `what` is block or net; `backend` is stock (the
# kernel's), own (ours), or copy (our block back-end without persistent grants); `wall` is 1 where
# time is measured instead of instructions.
. /bench/io-lib.sh

block_setup() {
    mkdir -p /disks
    mount -t tmpfs -o size=200m tmpfs /disks
    dd if=/dev/zero of=/disks/a bs=1M count=64 2>/dev/null
    if [ "$backend" = stock ]; then
        modprobe xen-blkback
        modprobe loop
        bench_guest a 10.9.0.2
        stock_disk "$("$cli" domid a)" /disks/a
    else
        if [ "$backend" = copy ]; then # by grant copy instead of persistent grants
            killall lodge-backends
            sleep 1
            lodge-backends --transfer=copy || fail "lodge-backends does not start"
        fi
        bench_guest a 10.9.0.2 'disk = [ "format=raw, vdev=xvda, access=rw, target=/disks/a" ]'
    fi
    "$cli" unpause a
    hear a READY
}

# disk_figure NAME SIZE DEPTH COUNT DIRECTION, with the back-end's interrupts per 100 requests.
disk_figure() {
    before=$(iobench irqs blkif-backend)
    ask a "iobench disk /dev/xvda $*"
    [ "$backend" != stock ] ||
        echo "BENCH $1.back-irqs $((100 * ($(iobench irqs blkif-backend) - before) / $4))"
}

block_figures() {
    ask a "iobench disk /dev/xvda warm-up 1048576 1 64 write"
    disk_figure seq-write-1M 1048576 1 64 write
    disk_figure seq-read-1M 1048576 1 64 read
    disk_figure rand-read-4k-qd1 4096 1 2000 read
    disk_figure rand-write-4k-qd1 4096 1 2000 write
    disk_figure rand-read-4k-qd32 4096 32 8000 read
    disk_figure rand-write-4k-qd32 4096 32 8000 write
}

net_guest() {
    if [ "$backend" = stock ]; then
        bench_guest "$1" "$2"
        stock_vif "$("$cli" domid "$1")" "$3"
    else
        bench_guest "$1" "$2" "vif = [ \"mac=$3, bridge=br0, backendtype=lodge\" ]"
    fi
    "$cli" unpause "$1"
    hear "$1" READY
}

net_setup() {
    modprobe bridge
    [ "$backend" != stock ] || modprobe xen-netback
    bridge
    net_guest a 10.9.0.2 00:16:3e:00:00:02
    net_guest b 10.9.0.3 00:16:3e:00:00:03
    iobench serve 5001 &
    ask b "iobench serve 5001 &"
    sleep 1
}

# iperf_figure NAME ADDRESS OPTIONS...: what the receiver of an iperf3 stream of five seconds saw.
iperf_figure() {
    name=$1 address=$2
    shift 2
    ask a "iperf3 -c $address -t 5 -f K $* | awk '/receiver/ { print \"BENCH $name\", \$7 }'"
}

net_iperf() {
    iperf3 -s -D
    ask b "iperf3 -s -D"
    iperf_figure iperf3-guest-to-dom0-kB/s 10.9.0.1
    iperf_figure iperf3-dom0-to-guest-kB/s 10.9.0.1 -R
    iperf_figure iperf3-guest-to-guest-kB/s 10.9.0.3
}

net_figures() {
    ask a "iobench pingpong 10.9.0.1 5001 round-trip-64 1000"
    ask a "iobench stream 10.9.0.1 5001 guest-to-dom0-MiB up 64"
    ask a "iobench stream 10.9.0.1 5001 dom0-to-guest-MiB down 64"
    ask a "iobench pingpong 10.9.0.3 5001 guest-guest-round-trip-64 1000"
    ask a "iobench stream 10.9.0.3 5001 guest-to-guest-MiB up 64"
    [ "$wall" = 0 ] || net_iperf
}

"${what}_setup"
"${what}_figures"
