#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Puts GRUB onto the disk of debian_host.py's machine, in that machine, and is gone then.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
end() { set +e; sync; echo u >/proc/sysrq-trigger; poweroff -f; }
trap end EXIT
set -ex
mount -o remount,rw /
mkfs.vfat -n EFI /dev/vda2
mkdir -p /boot/efi
mount /dev/vda2 /boot/efi
grub-install --target=i386-pc /dev/vda
grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
grub-editenv /boot/grub/grubenv create
update-grub
umount /boot/efi
rm /setup
echo setup-is-done
