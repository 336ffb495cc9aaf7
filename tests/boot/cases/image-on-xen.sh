# SPDX-License-Identifier: GPL-2.0-only
# dom0's image does its work on another hypervisor of the same ABI: modules, devices, daemons.
# boot: --hypervisor xen --limit 120
fail() {
    echo "FAIL: $*"
    exit 1
}
for device in privcmd evtchn gntdev gntalloc xenbus_backend; do
    [ -c "/dev/xen/$device" ] || fail "/dev/xen/$device is missing"
done
grep -q control_d /proc/xen/capabilities || fail "dom0 is not the control domain"
xenstore-write /tool/probe 42 || fail "xenstored takes no write"
[ "$(xenstore-read /tool/probe)" = 42 ] || fail "xenstored lost what was written"
