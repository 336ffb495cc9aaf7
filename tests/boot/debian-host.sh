#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What boot/debian-host does on its machine, by parts; see there. /mnt has the tree, a guest's kernel
# and its initrd.
export PAGER=cat SYSTEMD_COLORS=0
part=$1

. /mnt/lodge/dom0-tools/image/guest-lib.sh
fail() { # what this machine can tell of it
    echo "FAIL: $*"
    systemctl --no-pager --plain list-units 'lodge*' 'xen*' 'libvirt*'
    journalctl --no-pager -n 30
    tail -n 20 /var/log/lodge/* /var/log/xen/* /var/log/libvirt/libxl/* 2>/dev/null
    exit 1
}
active() {
    [ "$(systemctl is-active "$1")" = active ]
}
files() { # what an installation could touch
    find /boot /etc /usr/local /usr/lib/systemd /usr/lib/lodge ! -type d 2>/dev/null |
        grep -v -e /etc/ld.so.cache -e /boot/grub/grubenv | sort
}
guest_says() { # NAME TEXT
    grep -q -e "$2" "/var/log/lodge/console-$1.log" 2>/dev/null
}
config() { # NAME
    cat >"/root/$1.cfg" <<END
name = "$1"
kernel = "/mnt/guest/vmlinux"
ramdisk = "/mnt/guest/initrd"
memory = 96
vcpus = 1
extra = "console=hvc0 loglevel=4 cryptomgr.notests"
on_reboot = "restart"
END
}

case $part in
before)
    files >/root/before
    md5sum /boot/grub/grub.cfg >/root/menu-before
    ;;

install)
    mkdir -p /usr/src/lodge
    cp -a /mnt/lodge /usr/src/ || fail "no room for the tree"
    cd /usr/src/lodge || exit 1
    run make install
    grep -q "menuentry 'Lodge, with Linux $(uname -r)'" /boot/grub/grub.cfg || fail "no entry in the menu"
    grub-script-check /boot/grub/grub.cfg || fail "GRUB cannot read its menu"
    [ "$(systemctl is-enabled lodge.target)" = enabled ] || fail "lodge.target is not enabled"
    run grub-reboot "Lodge, with Linux $(uname -r)"
    ;;

services)
    for unit in lodge-xenstored lodge-consoled lodge-monitor lodge-backends; do
        within 60 active $unit.service || fail "$unit does not run"
    done
    active xen.service && fail "Debian's xen.service has started"
    [ "$(pidof xenstored | wc -w)" = 1 ] || fail "xenstored runs $(pidof xenstored | wc -w) times"
    pidof xenconsoled && fail "both console daemons run"
    run lodge info
    run lodge list
    [ -d /sys/firmware/acpi/tables ] || fail "dom0 has not found the ACPI tables"
    dmesg | grep -E 'BUG:|Oops|Call Trace' && fail "the kernel complains"
    ;;

screen-text) # a BIOS leaves text mode to the kernel
    dmesg | grep 'colour VGA+ 80x25' || fail "dom0 has no text screen: $(dmesg | grep -i console)"
    ;;

screen-pixels) # EFI has no text: dom0 draws it on the frame buffer that GRUB has set up
    dmesg | grep 'efifb: framebuffer at' || fail "dom0 has no frame buffer: $(dmesg | grep -i -e fb -e console)"
    dmesg | grep 'switching to colour frame buffer device' || fail "the console is not on it"
    echo "this is shown" >/dev/tty1
    [ "$(head -c 4M /dev/fb0 | tr -d '\0' | head -c 1000 | wc -c)" = 1000 ] || fail "the screen is black"
    ;;

store-dies) # nobody else ends, and it is there again
    before=$(pidof lodge-consoled lodge-monitor lodge-backends)
    kill -9 "$(pidof xenstored)"
    within 60 xenstore-exists /local/domain/0 || fail "the store has not come back"
    [ "$(pidof lodge-consoled lodge-monitor lodge-backends)" = "$before" ] || fail "others ended with the store"
    ;;

lodge)
    config first
    run lodge create /root/first.cfg
    within 180 guest_says first "guest is up" || fail "its console says: $(tail -n 5 /var/log/lodge/console-first.log)"
    run lodge list
    run lodge shutdown -w first
    ;;

xl)
    config second
    run xl info
    run xl list
    run xl create /root/second.cfg
    within 180 guest_says second "guest is up" || fail "its console says: $(tail -n 5 /var/log/lodge/console-second.log)"
    run xl list -v
    run lodge list
    run xl shutdown -w second
    gone second 60
    ;;

libvirt)
    cat >/root/third.xml <<END
<domain type='xen'>
  <name>third</name>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpv'>linux</type>
    <kernel>/mnt/guest/vmlinux</kernel>
    <initrd>/mnt/guest/initrd</initrd>
    <cmdline>console=hvc0 loglevel=4 cryptomgr.notests</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <console type='pty'><target type='xen' port='0'/></console>
  </devices>
</domain>
END
    run systemctl start libvirtd.service
    run virsh define /root/third.xml
    run virsh start third
    run virsh list --all
    within 180 guest_says third "guest is up" || fail "its console says: $(tail -n 5 /var/log/lodge/console-third.log)"
    run virsh dominfo third
    {
        within 30 [ -s /tmp/console ] # its greeting
        printf 'echo virsh-$((6 * 7))\r'
        within 60 grep -q virsh-42 /tmp/console
        printf '\035'
    } | script -qefc 'virsh console third' /tmp/console
    grep -q virsh-42 /tmp/console || fail "virsh console shows: $(cat /tmp/console)"
    run virsh setmem third 80M --live
    truncate -s 16M /root/disk.img
    loop=$(losetup --find --show /root/disk.img) || fail "no loop device"
    run virsh attach-disk third "$loop" xvdb --driver phy --targetbus xen
    run virsh domblklist third
    run virsh detach-disk third xvdb
    run losetup -d "$loop"
    run virsh shutdown third
    gone third 90
    run virsh undefine third
    ;;

uninstall)
    cd /usr/src/lodge || exit 1
    run make uninstall
    files >/root/after
    diff /root/before /root/after || fail "files are left, or gone"
    md5sum --check --quiet /root/menu-before || fail "GRUB's menu is not what it was"
    ;;

*)
    fail "there is no part $part"
    ;;
esac
echo "part $part is well"
