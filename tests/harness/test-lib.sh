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
    kernel_is_content

    # The clock must go, and not run away: two seconds of sleep are about two seconds of uptime, or
    # a few more on a machine that has much else to do.
    from=$(awk '{ print int($1 * 100) }' /proc/uptime)
    sleep 2
    took=$(($(awk '{ print int($1 * 100) }' /proc/uptime) - from))
    [ $took -ge 195 ] && [ $took -le 6000 ] || fail "a sleep of 2 s took $took hundredths"

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

# dom0's kernel has complained of nothing since its start.
kernel_is_content() {
    ! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|soft lockup|rcu.*stall' ||
        fail "the kernel complains"
}

# disk_nodes NAME TYPE DEVID IMAGE MODE [KEY VALUE ...]: a disk for a guest, written into the store
# by hand: what the daemon does with it must not depend on the command line's doing. TYPE is
# lodge-vbd or vbd.
disk_nodes() {
    dom=$("$cli" domid "$1")
    back=/local/domain/0/backend/$2/$dom/$3
    front=/local/domain/$dom/device/vbd/$3
    xenstore-write "$front/backend" "$back" "$front/backend-id" 0 "$front/virtual-device" "$3" \
        "$front/device-type" disk "$front/state" 1
    xenstore-chmod -r "$front" "n$dom" r0
    xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$dom" "$back/online" 1 \
        "$back/lodge-hotplug" 1 "$back/domain" "$1" "$back/params" "$4" "$back/mode" "$5" \
        "$back/dev" "disk$3"
    shift 5
    while [ $# -gt 1 ]; do
        xenstore-write "$back/$1" "$2"
        shift 2
    done
    xenstore-chmod -r "$back" n0 "r$dom"
    xenstore-write "$back/state" 1
}

# back_path NAME TYPE DEVID: a device's back directory.
back_path() {
    echo "/local/domain/0/backend/$2/$("$cli" domid "$1")/$3"
}

# back_node NAME TYPE DEVID KEY: a node in it, or nothing.
back_node() {
    xenstore-read "$(back_path "$1" "$2" "$3")/$4" 2>/dev/null
}

# node_is PATH VALUE: does the store have this there?
node_is() {
    [ "$(xenstore-read "$1" 2>/dev/null)" = "$2" ]
}

# back_state NAME TYPE DEVID STATE SECONDS: wait for a back-end's state.
back_state() {
    within "$5" node_is "$(back_path "$1" "$2" "$3")/state" "$4" || {
        cat /var/log/lodge/backends.log
        fail "$2 $3 of $1 is in state $(back_node "$1" "$2" "$3" state), not $4"; }
}

# guest_do NAME SECONDS COMMAND: run a shell command in the guest and insist on its success.
guest_do() {
    mark=$(cat /proc/sys/kernel/random/uuid)
    type_line "$1" "$3"
    type_line "$1" "echo status-\$?-$mark"
    within "$2" shows_text "$1" "^status-[0-9]*-$mark" || {
        tail -n 20 /var/log/lodge/backends.log; fail "$1 never ended: $3"; }
    shows_text "$1" "^status-0-$mark" || {
        tail -n 20 /var/log/lodge/backends.log; fail "$1 failed: $3"; }
}

# guest_fails NAME SECONDS COMMAND: the command must fail.
guest_fails() {
    guest_do "$1" "$2" "! { $3; }"
}

# programs_end SECONDS NAME ...: wait until none of these programs runs.
programs_end() {
    patience=$1
    shift
    within "$patience" none_runs "$@" || { ps; fail "still there: $(pidof "$@"), of $*"; }
}

none_runs() {
    ! pidof "$@" >/dev/null
}

# log_has PATTERN: the back-ends' log says so.
log_has() {
    within 60 grep -q -- "$1" /var/log/lodge/backends.log || {
        tail -n 30 /var/log/lodge/backends.log; fail "no log of \"$1\""; }
}

# counts: what must be the same before and after a guest: dom0's ports, the grants that it has mapped,
# the store's nodes.
counts() {
    "$cli" resources | awk '$1 == "Domain-0" { print $5 + $6, $9 } /^xenstore/ { print $8 }' | tr '\n' ' '
}

# counts_back WHAT: ports may take a moment to go.
counts_back() {
    within 20 counts_are "$1" || {
        "$cli" resources; fail "the counts were $1, now they are $(counts)"; }
}

counts_are() {
    [ "$(counts)" = "$1" ]
}

# store_settles: wait until nobody changes the store any more, as after a guest's start.
store_settles() {
    within 60 store_is_quiet || fail "the store is changed all the time"
}

store_is_quiet() {
    quiet_before=$(xenstore-ls -fp /)
    usleep 800000
    [ "$(xenstore-ls -fp /)" = "$quiet_before" ]
}

# reborn NAME DOMID SECONDS: wait until the guest has another domain than this one.
reborn() {
    within "$3" is_reborn "$1" "$2" || {
        cat /var/log/lodge/lodge-monitor.log; fail "$1 did not come back"; }
}

is_reborn() {
    [ "$("$cli" domid "$1" 2>/dev/null || echo "$2")" != "$2" ]
}
