# SPDX-License-Identifier: GPL-2.0-only
# Debian's own xl, xenstored and xenconsoled drive Lodge: what they say of the machine, a guest's
# life, and a CPU policy, which the guest's kernel finds in place.
# boot: --tools xen --guest --limit 300
fail() {
    echo "FAIL: $*"
    xl list
    xl dmesg | tail -n 40
    exit 1
}
run() {
    echo "+ $*"
    "$@" || fail "$*"
}
await() { # what the guest's console has said
    tries=90
    until grep -q "$1" /var/log/xen/console/guest-guest.log; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "its console does not say $1: $(tail -n 5 /var/log/xen/console/*)"
        sleep 1
    done
}

mkdir -p /var/log/xen/console
kill "$(pidof xenconsoled)" || fail "there is no xenconsoled"
run xenconsoled --log=guest --log-dir=/var/log/xen/console --pid-file=/run/xenconsoled.pid
run xl info
xl info | grep -q '^xen_caps .*xen-3.0-x86_64' || fail "xl info: capabilities"
run xl list
free=$(xl info free_memory)
run xl create /guest/guest.cfg 'cpuid="host,aes=0,avx=0"'
run xl list -v
run xl vcpu-list
await "guest is up"
echo 'echo flags: $(grep -o -w -e aes -e avx -e sse2 /proc/cpuinfo).' >"$(xenstore-read /local/domain/1/console/tty)"
await "^flags: .*[.]"
grep -q '^flags: sse2[.]' /var/log/xen/console/guest-guest.log || fail "the guest's processor has: $(grep flags: /var/log/xen/console/guest-guest.log)"
run xl pause guest
xl list guest | grep -q ' [r-][b-]p---' || fail "it is not paused: $(xl list)"
run xl unpause guest
run xl sched-credit2 -d guest -w 512
xl sched-credit2 -d guest | grep -q ' 512 ' || fail "its weight: $(xl sched-credit2)"
run xl vcpu-pin guest 0 0
run xl domid guest
run xl uptime
xl dmesg | grep -q "Lodge" || fail "xl dmesg"
run xl debug-keys q
run xl shutdown -w guest
run xl create /guest/guest.cfg
run xl destroy guest
[ "$(xl info free_memory)" = "$free" ] || fail "memory is missing: $free, $(xl info free_memory)"
exit 0
