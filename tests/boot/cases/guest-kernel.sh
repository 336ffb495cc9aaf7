# SPDX-License-Identifier: GPL-2.0-only
# The kernel of guest-patches/ as dom0 and as a guest on Lodge: what the kernels of other releases
# have to do; before that, pages of a program go to swap, come back or end there with the program.
# boot: --kernel patched --guest --guest-kernel patched --limit 300 --add tests/boot/cases/kernel-trixie.sh:/kernel-test
. /test-lib.sh
counter() {
    awk -v name="$1" '$1 == name {print $2}' /proc/vmstat
}
dd if=/dev/zero of=/swap bs=1M count=48 2>/dev/null
losetup /dev/loop0 /swap
mkswap /dev/loop0 >/dev/null
swapon /dev/loop0 || fail "no swap"
mkdir -p /tmp/cgroup
mount -t cgroup2 none /tmp/cgroup
# Ten megabytes, and a wait for the word to go through them again.
awk 'BEGIN {
    for (i = 0; i < 100000; i++) page[i] = i "-" i
    print "filled"
    while ((getline < "/tmp/word") <= 0) { close("/tmp/word"); system("sleep 0.2") }
    for (i = 0; i < 100000; i += 2) if (page[i] != i "-" i) { print "wrong"; exit 1 }
    print "right"
    while (1) system("sleep 0.2")
}' >/tmp/holder 2>&1 &
holder=$!
within 120 grep -q filled /tmp/holder || fail "the holder did not start: $(cat /tmp/holder)"
echo 64M >/tmp/cgroup/memory.reclaim 2>/dev/null # as much as there is
[ "$(counter pswpout)" -gt 500 ] || fail "only $(counter pswpout) pages went to swap"
echo go >/tmp/word
within 60 grep -q right /tmp/holder || fail "what came back from swap is not what it was"
echo "pages swapped out $(counter pswpout), in $(counter pswpin)"
echo 64M >/tmp/cgroup/memory.reclaim 2>/dev/null
kill $holder
wait $holder
swapoff /dev/loop0 || fail "swap does not end"
losetup -d /dev/loop0
rm /swap
umount /tmp/cgroup
kernel_is_content
exec sh /kernel-test
