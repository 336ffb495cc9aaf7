# SPDX-License-Identifier: GPL-2.0-only
# What the boot tests' scripts share; they source it as /test-lib.sh. The functions for guests are
# the tour's.
. /lib/lodge/guest-lib.sh

# dom0_is_well VCPUS: everything the tools rely on, and no complaint of the kernel.
dom0_is_well() {
    [ "$(nproc)" = "$1" ] || fail "dom0 has $(nproc) vcpus instead of $1"
    for device in privcmd evtchn gntdev gntalloc xenbus_backend; do
        [ -c "/dev/xen/$device" ] || fail "/dev/xen/$device is missing"
    done
    grep -q control_d /proc/xen/capabilities || fail "dom0 is not the control domain"
    [ "$(cat /sys/hypervisor/type)" = xen ] || fail "/sys/hypervisor does not know the hypervisor"
    if dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|soft lockup|rcu.*stall'; then
        fail "the kernel complains"
    fi

    # The clock must go, and not run away: two seconds of sleep are about two seconds of uptime.
    from=$(awk '{ print int($1 * 100) }' /proc/uptime)
    sleep 2
    took=$(($(awk '{ print int($1 * 100) }' /proc/uptime) - from))
    [ $took -ge 195 ] && [ $took -le 400 ] || fail "a sleep of 2 s took $took hundredths"

    # User space does real work on every vcpu: processes, memory, page faults, signals.
    for worker in $(seq "$(nproc)"); do
        sh -c 'i=0; while [ $i -lt 60 ]; do echo $i | grep -q $i || exit 1; i=$((i + 1)); done' &
        eval "worker$worker=$!"
    done
    for worker in $(seq "$(nproc)"); do
        eval "wait \$worker$worker" || fail "worker $worker failed"
    done
    dd if=/dev/urandom of=/tmp/blob bs=1M count=8 2>/dev/null
    [ "$(md5sum </tmp/blob)" = "$(cat /tmp/blob | md5sum)" ] || fail "memory does not keep its content"
    rm /tmp/blob

    xenstore-write /tool/probe 42 || fail "xenstored takes no write"
    [ "$(xenstore-read /tool/probe)" = 42 ] || fail "xenstored lost what was written"
    run "$cli" list
    run "$cli" info
}
