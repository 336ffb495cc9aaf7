# SPDX-License-Identifier: GPL-2.0-only
# Shell functions for dom0, on Lodge and on Debian's Xen alike: guests with the stock kernel's
# back-ends (xen-blkback, xen-netback), set up by hand in the store, without hot-plug scripts; and
# a way to have a guest carry out commands and to wait for them without polling.
. /test-lib.sh

# The two ends of a device: the guest owns the front, dom0 the back, each may read the other's.
# device_nodes DOMID CLASS DEVID FRONT-TYPE BACK-TYPE, then the nodes as "front/KEY=V" "back/KEY=V".
device_nodes() {
    domid=$1 id=$2 front=/local/domain/$1/device/$3/$2 back=/local/domain/0/backend/$4/$1/$2
    shift 4
    xenstore-write "$front" "" "$back" ""
    xenstore-chmod "$front" "n$domid" r0
    xenstore-chmod "$back" n0 "r$domid"
    for node in "$@"; do
        case $node in
            front/*) path=$front/${node#front/} ;;
            *) path=$back/${node#back/} ;;
        esac
        set -- "$@" "${path%%=*}" "${node#*=}"
        shift
    done
    xenstore-write "$@" \
        "$front/backend" "$back" "$front/backend-id" 0 \
        "$back/frontend" "$front" "$back/frontend-id" "$domid" "$back/online" 1 \
        "$front/state" 1 "$back/state" 1
}

# stock_disk DOMID FILE: a loop device over the file, served by xen-blkback as xvda.
stock_disk() {
    loop=$(losetup -f)
    losetup "$loop" "$2" || fail "no loop device for $2"
    device_nodes "$1" 51712 vbd vbd \
        front/virtual-device=51712 front/device-type=disk \
        back/dev=xvda back/params="$loop" back/type=phy back/mode=w back/device-type=disk \
        back/removable=0 back/bootable=1 back/discard-enable=0 \
        back/physical-device="$(stat -c '%t:%T' "$loop")"
}

# stock_vif DOMID MAC: a port of the bridge br0, served by xen-netback.
stock_vif() {
    device_nodes "$1" 0 vif vif front/handle=0 front/mac="$2" back/handle=0 back/mac="$2" \
        back/bridge=br0 back/script=none
    tries=50
    while ! [ -d "/sys/class/net/vif$1.0" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "xen-netback made no vif$1.0"
        sleep 0.1
    done
    ip link set "vif$1.0" master br0
    ip link set "vif$1.0" up
    xenstore-write "/local/domain/0/backend/vif/$1/0/hotplug-status" connected
}

bridge() {
    brctl addbr br0
    ip address add 10.9.0.1/24 dev br0
    ip link set br0 up
}

# bench_guest NAME ADDRESS LINES...: a paused guest with our first process; LINES go to its config.
bench_guest() {
    name=$1 address=$2
    shift 2
    cat /guest/initrd /bench/guest.cpio >/tmp/initrd
    {
        printf 'name = "%s"\nkernel = "/guest/vmlinuz"\nramdisk = "/tmp/initrd"\n' "$name"
        printf 'memory = 256\nvcpus = 1\n'
        printf 'extra = "console=hvc0 loglevel=1 rdinit=/bench/init bench.ip=%s"\n' "$address"
        for line in "$@"; do
            echo "$line"
        done
    } >"/tmp/$name.cfg"
    "$cli" create -p "/tmp/$name.cfg" || fail "no guest $name"
    rm -f "/tmp/keys.$name" "/tmp/said.$name"
    mkfifo "/tmp/keys.$name" "/tmp/said.$name"
    # Open for both directions: neither end waits for the other to open it, nor sees it close.
    "$cli" console "$name" <>"/tmp/keys.$name" 1<>"/tmp/said.$name" 2>&1 &
}

# hear NAME WORD: what the guest says until a line has the word in it.
hear() {
    while read -r line; do
        case $line in
            *"$2"*) return ;;
            *BENCH-FAILED*) fail "$1: $line" ;;
            *BENCH*) echo "$line" | tr -d '\r' ;;
        esac
    done <>"/tmp/said.$1"
}

# ask NAME COMMAND: have the guest do it, show its figures.
ask() {
    echo "$2" >"/tmp/keys.$1"
    hear "$1" DONE
}
