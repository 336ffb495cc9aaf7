# SPDX-License-Identifier: GPL-2.0-only
# What boot/guest-kernel-native does on the bare machine.
fail() {
    echo "FAIL: $*"
    exit 1
}
[ -e /sys/hypervisor/type ] && fail "there is a hypervisor: $(cat /sys/hypervisor/type)"
[ "$(nproc)" = 2 ] || fail "$(nproc) processors instead of 2"
for worker in 1 2; do
    sh -c 'i=0; while [ $i -lt 60 ]; do echo $i | grep -q $i || exit 1; i=$((i + 1)); done' &
    eval "worker$worker=$!"
done
wait $worker1 || fail "the first worker"
wait $worker2 || fail "the second worker"
dd if=/dev/urandom of=/tmp/blob bs=1M count=8 2>/dev/null
[ "$(md5sum </tmp/blob)" = "$(cat /tmp/blob | md5sum)" ] || fail "memory does not keep its content"
! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|soft lockup|rcu.*stall' ||
    fail "the kernel complains"
