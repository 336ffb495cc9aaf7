# SPDX-License-Identifier: GPL-2.0-only
# disk=, vif= and the block- and network- commands with real back-ends, ours and the kernel's: what
# the guest reads is what is in the image, what is refused leaves nothing, a device stays until the
# guest lets it go or it is taken away, sizes change, a restart keeps what was attached, and at the
# end the counts of ports, grants and store nodes are what they were.
# boot: --guest --limit 560 --add /sbin/dmsetup:/sbin/dmsetup
. /test-lib.sh

# in_guest SECONDS COMMAND: the guest's shell runs it, and must succeed.
step=0
in_guest() {
    step=$((step + 1))
    type_line guest "if $2; then echo go''od$step; else echo b''ad$step; fi"
    await guest "\\(good\\|bad\\)$step" "$1"
    grep -q "good$step" /tmp/screen.guest || fail "the guest's \`$2\` failed"
}

# A guest's ports and nodes, and its grants that others have mapped.
held() {
    "$cli" resources | awk -v name="$1" '$1 == name { print $5 + $6 + $7, $10 }'
}
in_use() {
    "$cli" resources | awk -v name="$1" '$1 == name { print $9 }'
}

# shows PATTERN COMMAND: the output of a list has it.
shows() {
    pattern=$1
    shift
    "$@" | grep -q -- "$pattern" || { "$@"; fail "\`$*\` does not show \"$pattern\""; }
}

up() {
    attach guest
    await guest "guest is up" 180
    # The guest's drivers take their time: what a command leads to is waited for.
    type_line guest 'soon() { n=0; until eval "$1"; do n=$((n+1)); [ $n -lt 200 ] || return 1; usleep 200000; done; }'
    in_guest 60 "modprobe -a xen-blkfront xen-netfront && soon '[ -e /dev/xvda ]'"
}

for name in a b c d; do
    truncate -s 8M /tmp/$name.img
    echo "this is image $name" | dd of=/tmp/$name.img conv=notrunc 2>/dev/null
done
counts >/dev/null # the first look makes no difference to the second
before=$(counts)
memory=$(free_memory)

echo "--- a guest that cannot have its devices is not made"
refuse 'missing.img' "$cli" create /guest/guest.cfg 'disk=["/tmp/missing.img,,xvda"]'
refuse 'vdev already' "$cli" create /guest/guest.cfg 'disk=["/tmp/a.img,,xvda","/tmp/b.img,,xvda"]'
refuse 'no such domain' "$cli" create /guest/guest.cfg 'disk=["/tmp/a.img,,xvda,backend=nobody"]'
refuse 'bridge' "$cli" create /guest/guest.cfg 'vif=["bridge=nobridge"]'
refuse 'xvdb' "$cli" create /guest/guest.cfg \
    'disk=["/tmp/a.img,,xvda","/tmp/b.img,qcow2,xvdb"]'
# What dom0 itself has in use is not the guest's, too.
truncate -s 1M /tmp/swap.img
modprobe loop
loop=$(losetup -f)
losetup "$loop" /tmp/swap.img && mkswap "$loop" && swapon "$loop" || fail "no swap in dom0"
for kind in lodge kernel; do
    refuse "$loop.*this host uses it itself" "$cli" create /guest/guest.cfg \
        "disk=[\"$loop,,xvda,backendtype=$kind\"]"
done
swapoff "$loop" && losetup -d "$loop"
gone guest 60
memory_back "$memory"
counts_back "$before"

echo "--- both kinds of back-end from the start"
run "$cli" create /guest/guest.cfg 'vif=[""]' \
    'disk=["/tmp/a.img,,xvda", "format=raw,vdev=xvdb,access=ro,backendtype=phy,target=/tmp/b.img"]'
first=$("$cli" domid guest)
mac=$("$cli" network-list --json guest | sed -n 's/.*"mac": "\(.*\)".*/\1/p')
echo "$mac" | grep -q '^00:16:3e:' || fail "the interface has the address '$mac'"
up
in_guest 60 "soon '[ -e /dev/xvdb ] && [ -e /sys/class/net/eth0 ]'"
in_guest 30 'grep -q "this is image a" /dev/xvda && grep -q "this is image b" /dev/xvdb'
in_guest 30 "ip link show eth0 | grep -q $mac"
in_guest 30 '! echo x 2>/dev/null >/dev/xvdb'
in_guest 30 'echo "the guest was here" | dd of=/dev/xvda seek=4 conv=fsync 2>/dev/null'
grep -q "the guest was here" /tmp/a.img || fail "what the guest wrote is not in the image"
run "$cli" block-list
run "$cli" network-list
shows ' nat  *lodgenat0 ' "$cli" network-list guest # where it is, though nothing was said of that
shows 'xvda .* lodge .* connected .* /tmp/a.img' "$cli" block-list guest
shows 'xvdb .* kernel .* ro .* connected .* /tmp/b.img' "$cli" block-list guest

echo "--- one image in two places, by whatever name"
ln /tmp/a.img /tmp/link.img
ln /tmp/b.img /tmp/ro.img
modprobe loop
loop=$(losetup -f)
run losetup "$loop" /tmp/a.img
for kind in lodge kernel; do
    for image in /tmp/a.img /tmp/link.img "$loop"; do
        refuse 'in use by another guest, guest, as its disk 51712' \
            "$cli" create /guest/guest.cfg name=other "disk=['$image,,xvda,backendtype=$kind']"
    done
    refuse "this guest has as disk 51712 already" "$cli" block-attach guest "$loop,,xvdc,backendtype=$kind"
    refuse "in use by another guest, guest, as its disk 51728" \
        "$cli" create /guest/guest.cfg name=other "disk=['/tmp/ro.img,,xvda,backendtype=$kind']"
done
refuse "is the guest's xvda already" "$cli" block-attach guest /tmp/link.img,,xvdc

# mapped NAME FROM SECTORS: a device-mapper's device over a part of the loop device, as $mapped.
mapped() {
    modprobe dm-mod
    run dmsetup create --noudevsync "$1" --table "0 $3 linear $loop $2"
    mapped=/dev/dm-$(dmsetup info -c --noheadings -o minor "$1")
}

mapped whole 0 16384
run dmsetup create --noudevsync above --table "0 16384 linear $mapped 0"
above=/dev/dm-$(dmsetup info -c --noheadings -o minor above)
for kind in lodge kernel; do
    refuse 'in use by another guest, guest, as its disk 51712' \
        "$cli" create /guest/guest.cfg name=other "disk=['$above,,xvda,backendtype=$kind']"
    refuse "this guest has as disk 51712 already" \
        "$cli" block-attach guest "$above,,xvdc,ro,backendtype=$kind"
done
run dmsetup remove --noudevsync above
run dmsetup remove --noudevsync whole
run losetup -d "$loop"
truncate -s 8M /tmp/behind.img
run losetup "$loop" /tmp/behind.img
for kind in lodge kernel; do
    run "$cli" block-attach guest "$loop,,xvdc,backendtype=$kind"
    refuse 'in use by another guest, guest, as its disk 51744' \
        "$cli" create /guest/guest.cfg name=other 'disk=["/tmp/behind.img,,xvda"]'
    run "$cli" block-detach guest xvdc
done
mapped front 0 8192
half=$mapped
mapped rear 8192 8192
for kind in lodge kernel; do
    run "$cli" block-attach guest "$half,,xvdc,backendtype=$kind"
    for mode in w ro; do
        refuse 'in use by another guest, guest, as its disk 51744' \
            "$cli" create /guest/guest.cfg name=other "disk=['/tmp/behind.img,,xvda,$mode']"
    done
    # Two volumes of one group are in nobody's way.
    run "$cli" block-attach guest "$mapped,,xvde,backendtype=$kind"
    run "$cli" block-detach guest xvdc
    run "$cli" block-detach guest xvde
done
run dmsetup remove --noudevsync front
run dmsetup remove --noudevsync rear
run losetup -d "$loop"
gone other 60

echo "--- attach and detach, with both kinds"
quiet=$(held guest)
mapped=$(in_use guest)
for kind in lodge kernel; do
    run "$cli" block-attach guest "/tmp/c.img,,xvdc,w,backendtype=$kind"
    run "$cli" network-attach guest mode=nat "backendtype=$kind"
    in_guest 60 "soon '[ -e /dev/xvdc ]' && grep -q 'this is image c' /dev/xvdc && soon '[ -e /sys/class/net/eth1 ]'"
    shows "xvdc .* $kind " "$cli" block-list
    shows " 1 00:16:3e:.* $kind " "$cli" network-list
    run "$cli" block-detach guest xvdc
    run "$cli" network-detach guest 1
    # The guest's driver tidies up when it sees that the nodes are gone.
    in_guest 60 "soon '! [ -e /dev/xvdc ] && ! [ -e /sys/class/net/eth1 ]'"
done
for disc in 1 2; do
    truncate -s 1M /tmp/disc$disc.iso
    echo "this is disc $disc" | dd of=/tmp/disc$disc.iso conv=notrunc 2>/dev/null
    run "$cli" cd-insert guest xvdd /tmp/disc$disc.iso
    in_guest 60 "soon '[ -e /dev/xvdd ]' && grep -q 'this is disc $disc' /dev/xvdd"
done
refuse "is not a CD" "$cli" cd-eject guest xvda
run "$cli" cd-eject guest xvdd
in_guest 60 "soon '! [ -e /dev/xvdd ]'"
[ "$(held guest)" = "$quiet" ] || { "$cli" resources; fail "the guest had $quiet ports and nodes"; }
# xen-blkback keeps some of a disk's grants mapped, and lets them go when it likes: fewer is well.
[ "$(in_use guest)" -le "$mapped" ] || { "$cli" resources; fail "$mapped grants were in use"; }

echo "--- a device is taken away while it comes"
# After ever longer pauses, so that the guest's driver is met at every step. What is lost, or lets
# the driver stumble, shows as a command that fails or as a guest that does not answer.
for kind in lodge kernel; do
    for pause in 0 4 8 12 16 20 25 30 40 50 60; do
        run "$cli" block-attach guest "/tmp/c.img,,xvdc,w,backendtype=$kind" >/dev/null
        usleep ${pause}000
        run "$cli" block-detach guest xvdc >/dev/null
    done
    for pause in 0 10 20 40; do
        run "$cli" network-attach guest mode=nat "backendtype=$kind" >/dev/null
        usleep ${pause}000
        run "$cli" network-detach guest 1 >/dev/null
    done
    in_guest 60 "! [ -e /dev/xvdc ]"
    run "$cli" block-attach guest "/tmp/c.img,,xvdd,backendtype=$kind"
    in_guest 60 "soon '[ -e /dev/xvdd ]' && grep -q 'this is image c' /dev/xvdd"
    run "$cli" block-detach guest xvdd
    in_guest 60 "soon '! [ -e /dev/xvdd ]'"
done
refuse 'there is no such file' "$cli" block-attach guest /tmp/missing.img,,xvdc
refuse 'a disk of this vdev already' "$cli" block-attach guest /tmp/c.img,,xvda
refuse "is the guest's xvda already" "$cli" block-attach guest /tmp/a.img,,xvdc

echo "--- a guest that does not answer"
for kind in lodge kernel; do
    run "$cli" block-attach guest "/tmp/c.img,,xvdc,backendtype=$kind"
    run "$cli" network-attach guest mode=nat "backendtype=$kind"
    in_guest 60 "soon '[ -e /dev/xvdc ]' && grep -q 'this is image c' /dev/xvdc && soon '[ -e /sys/class/net/eth1 ]'"
    run "$cli" pause guest
    refuse 'the guest is paused.*front-end connected' "$cli" block-detach -t 3 guest xvdc
    shows "xvdc .* closing .* /tmp/c.img" "$cli" block-list
    run "$cli" network-detach -f guest 1
    run "$cli" unpause guest
    # What it was asked for it does now, and the command, given again, finds it done.
    in_guest 60 "soon '! [ -e /sys/class/net/eth1 ]'"
    run "$cli" block-detach guest xvdc
    run "$cli" block-attach guest "/tmp/c.img,,xvdd,backendtype=$kind"
    in_guest 60 "soon '[ -e /dev/xvdd ]' && { sleep 6000 </dev/xvdd & }"
    run "$cli" pause guest
    run "$cli" block-detach -f guest xvdd
    run "$cli" unpause guest
    in_guest 60 "soon '! [ -e /dev/xvdd ]'; kill \$!; ! [ -e /dev/xvdd ]"
    shows xvdb "$cli" block-list
    if "$cli" block-list | grep 'xvd[cd]'; then fail "a disk is still listed"; fi
done

echo "--- another size"
run "$cli" block-attach guest /tmp/c.img,,xvdc,backendtype=kernel
refuse 'read-only' "$cli" block-resize guest xvdb 16m
for disk in xvda xvdc; do
    run "$cli" block-resize guest $disk 16m
    in_guest 60 "soon '[ \$(cat /sys/block/$disk/size) = 32768 ]'"
    shows "$disk .* 16 " "$cli" block-list
    refuse 'it has 16 MiB, and 4 of them would be cut off: -s does it' "$cli" block-resize guest $disk 12m
    in_guest 30 "[ \$(cat /sys/block/$disk/size) = 32768 ]"
    run "$cli" block-resize -s guest $disk 12m
    in_guest 60 "soon '[ \$(cat /sys/block/$disk/size) = 24576 ]'"
done

echo "--- a restart keeps what is attached"
run "$cli" block-detach guest xvdc
run "$cli" block-attach guest /tmp/d.img,,xvdd
run "$cli" block-detach guest xvdb
type_line guest reboot
reborn guest "$first" 90
detach guest
up
in_guest 60 "soon '[ -e /dev/xvdd ] && [ -e /sys/class/net/eth0 ]'"
in_guest 30 'grep -q "this is image d" /dev/xvdd && ! [ -e /dev/xvdb ]'
in_guest 30 "ip link show eth0 | grep -q $mac"
run "$cli" list -l guest

echo "--- the end"
run "$cli" destroy guest
detach guest
gone guest 20
cat /var/log/lodge/backends.log
memory_back "$memory"
counts_back "$before"
run "$cli" resources
kernel_is_content
