#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What `make install` puts on a machine does its work there: the kernel hook unpacks and removes,
# passes over kernels that cannot be dom0, leaves nothing half-done; the menu entry is GRUB's syntax
# and names existing files. The unpacking tool is played by scripts.
cd "$(dirname "$0")/../../../dom0-tools/grub" || exit 1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export ROOT_DIR="$root" LODGE_EXTRACT="$root/extract"
passed=0
failed=0

verify() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $what"
    fi
}

extractor() {
    printf '#!/bin/sh\n%s\n' "$1" >"$LODGE_EXTRACT"
    chmod +x "$LODGE_EXTRACT"
}

mkdir -p "$root/boot" "$root/etc/kernel/postinst.d" "$root/etc/kernel/postrm.d"
cp kernel-hook "$root/etc/kernel/postinst.d/lodge"
cp kernel-hook "$root/etc/kernel/postrm.d/lodge"
hook() {
    "$root/etc/kernel/$1/lodge" "$2" >"$root/out" 2>&1
}
for version in 6.1.0-9-amd64 6.1.0-10-amd64 6.1.0-10-cloud-amd64; do
    echo kernel >"$root/boot/vmlinuz-$version"
    echo initrd >"$root/boot/initrd.img-$version"
    echo CONFIG_XEN_DOM0=y >"$root/boot/config-$version" # what kernels of all ages have
done
echo "# CONFIG_XEN_DOM0 is not set" >"$root/boot/config-6.1.0-10-cloud-amd64"

extractor 'echo half >"$2"; exit 1'
hook postinst.d 6.1.0-9-amd64
verify "a kernel that cannot be unpacked does not break dpkg" [ $? -eq 0 ]
verify "it says which kernel" grep -q 6.1.0-9-amd64 "$root/out"
verify "nothing half-written stays" [ -z "$(ls "$root/boot/lodge")" ]

extractor 'cp "$1" "$2"'
hook postinst.d 6.1.0-9-amd64
verify "a new kernel is unpacked" [ -s "$root/boot/lodge/vmlinux-6.1.0-9-amd64" ]
hook postinst.d 6.1.0-10-cloud-amd64
verify "a kernel without dom0 support is passed over" \
    [ ! -e "$root/boot/lodge/vmlinux-6.1.0-10-cloud-amd64" ]
"$root/etc/kernel/postinst.d/lodge" >"$root/out"
verify "without a version, all kernels" [ -s "$root/boot/lodge/vmlinux-6.1.0-10-amd64" ]
extractor 'echo again >"$2"'
hook postinst.d 6.1.0-9-amd64
verify "an unpacked kernel is not unpacked again" \
    grep -q kernel "$root/boot/lodge/vmlinux-6.1.0-9-amd64"

menu() {
    GRUB_DEVICE_UUID=1234 GRUB_CMDLINE_LINUX="quiet" ./22_lodge >"$root/menu" 2>"$root/out"
}
menu
verify "no hypervisor, no entry" [ ! -s "$root/menu" ]
: >"$root/boot/lodge/lodge.elf"
menu
verify "GRUB can read the menu" grub-script-check "$root/menu"
verify "one entry per kernel" [ "$(grep -c '^menuentry' "$root/menu")" = 2 ]
verify "the newest comes first" sh -c "grep -m1 ^menuentry '$root/menu' | grep -q 6.1.0-10-amd64"
verify "dom0 finds its root" grep -q "vmlinux-6.1.0-9-amd64 root=UUID=1234 ro quiet" "$root/menu"
for file in $(grep -oE '/boot/[^ ]+' "$root/menu" | sort -u); do
    verify "$file exists" [ -e "$root$file" ]
done

hook postrm.d 6.1.0-9-amd64
verify "a removed kernel's copy goes too" [ ! -e "$root/boot/lodge/vmlinux-6.1.0-9-amd64" ]

make -s install DESTDIR="$root/dest" PREFIX=/usr TOP="$root/top" >"$root/out" 2>&1
verify "install refuses when there is no hypervisor" [ $? -ne 0 ]
mkdir -p "$root/top/build/hypervisor"
: >"$root/top/build/hypervisor/lodge.elf"
make -s install DESTDIR="$root/dest" PREFIX=/usr TOP="$root/top" >"$root/out" 2>&1
verify "staging works" [ $? -eq 0 ]
verify "the hook looks below PREFIX" \
    grep -q '/usr/lib/lodge/extract-kernel' "$root/dest/etc/kernel/postinst.d/lodge"
verify "Debian's Xen keeps away from Lodge" grep -q "^ExecCondition=.*-lodge" \
    "$root/dest/lib/systemd/system/xen.service.d/lodge.conf"
for unit in lodge-*.service; do
    verify "$unit keeps away from Xen" grep -q "^ExecCondition=.*-lodge" "$unit"
    [ "$unit" = lodge-xenstored.service ] ||
        verify "$unit says which process it is" grep -q "^PIDFile=/run/lodge/${unit%.service}.pid" "$unit"
    verify "$unit does not end with another" sh -c "! grep -q '^Requires=' '$unit'"
done

# A machine that has something in the same folders, before, with Lodge, and after.
machine=$root/machine
mkdir -p "$machine/etc/default" "$machine/usr/lib/lodge-of-others" "$machine/etc/kernel/postinst.d"
chmod 750 "$machine/usr/lib"
echo "other" >"$machine/etc/kernel/postinst.d/other"
listing() {
    (cd "$machine" && find . -printf '%p %m %l\n' | sort)
}
files() {
    (cd "$machine" && find . ! -type d | sort)
}
files >"$root/before"
./install.sh install "$root/dest" /usr "$machine" >"$root/out" 2>&1
verify "install works" [ $? -eq 0 ]
verify "the hypervisor is there" [ -e "$machine/boot/lodge/lodge.elf" ]
verify "a folder keeps its mode" [ "$(stat -c %a "$machine/usr/lib")" = 750 ]
listing >"$root/once"
./install.sh install "$root/dest" /usr "$machine" >"$root/out" 2>&1
listing >"$root/twice"
verify "a second time changes nothing" cmp -s "$root/once" "$root/twice"
mkdir -p "$machine/usr/sbin"
: >"$machine/usr/sbin/of-before"
sed 's|^/usr/lib/lodge/installed$|&\n/usr/sbin/of-before|' "$machine/usr/lib/lodge/installed" >"$root/list"
cp "$root/list" "$machine/usr/lib/lodge/installed"
./install.sh install "$root/dest" /usr "$machine" >"$root/out" 2>&1
verify "what a new version has no more goes" [ ! -e "$machine/usr/sbin/of-before" ]
: >"$machine/boot/lodge/vmlinux-6.1.0-9-amd64"
./install.sh uninstall /usr "$machine" >"$root/out" 2>&1
verify "uninstall works" [ $? -eq 0 ]
files >"$root/after"
verify "no file is left" cmp -s "$root/before" "$root/after"
./install.sh uninstall /usr "$machine" >"$root/out" 2>&1
verify "uninstall says when there is nothing" [ $? -ne 0 ]

./install.sh install "$root/dest" /usr "$machine" >"$root/out" 2>&1
echo 'LODGE_OPTIONS="mine"' >"$machine/etc/default/lodge"
./install.sh install "$root/dest" /usr "$machine" >"$root/out" 2>&1
verify "settings survive an installation" grep -q mine "$machine/etc/default/lodge"
./install.sh uninstall /usr "$machine" >"$root/out" 2>&1
verify "changed settings stay, and it is said" \
    sh -c "grep -q mine '$machine/etc/default/lodge' && grep -q 'stays' '$root/out'"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
