# SPDX-License-Identifier: GPL-2.0-only
# Debian's own xl, xenstored and xenconsoled drive Lodge: what they say of the machine, a guest's
# life, a CPU policy, which the guest's kernel finds in place, processors in and out of use.
# boot: --tools xen --guest --smp 2 --limit 300 --add build/xen/usr/lib/xen-4.17/bin/xen-hptool:/usr/sbin/xen-hptool
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
xl info | grep -q '^cc_compile_date *: [0-9-]* [0-9:]* UTC' || fail "xl info: $(xl info)"
run xl info -n
run xl sched-credit2 -s -r 2000
xl sched-credit2 -s | grep -q 'ratelimit=2000us' || fail "$(xl sched-credit2 -s)"
dmesg | grep -q 'mcelog: /dev/mcelog registered' || fail "$(dmesg | grep mcelog)"
run xl list
xen-cpuid -p >/tmp/policies || fail "xen-cpuid -p"
for policy in Raw Host "PV Max" "PV Default"; do
    grep -q "^$policy policy: [0-9]* leaves, [12] MSRs" /tmp/policies || fail "no policy $policy"
done
free=$(xl info free_memory)
run xl create /guest/guest.cfg 'cpuid="host,aes=0,avx=0"'
run xl list -v
run xl vcpu-list
await "guest is up"
echo 'echo year $(date +%Y).' >"$(xenstore-read /local/domain/1/console/tty)"
await "^year [0-9]*[.]"
grep -q "^year $(date +%Y)[.]" /var/log/xen/console/guest-guest.log || fail "the guest's clock: $(grep '^year' /var/log/xen/console/guest-guest.log)"
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

# As on Debian's Xen, to the word.
hptool() { # STATUS TEXT COMMAND ...
    wanted=$1 text=$2
    shift 2
    said=$(xen-hptool "$@" 2>&1)
    status=$?
    echo "+ xen-hptool $*: $said"
    [ $status = "$wanted" ] && echo "$said" | grep -q "$text" || fail "xen-hptool $*: status $status"
}
run xl vcpu-pin guest 0 1
hptool 0 "CPU 1 offlined successfully" cpu-offline 1
[ "$(xl info nr_cpus)" = 1 ] || fail "there are $(xl info nr_cpus) processors"
hptool 1 "CPU 1 offline failed (error 17: File exists)" cpu-offline 1
echo 'echo goes on, $((6 * 7))' >"$(xenstore-read /local/domain/1/console/tty)"
await "^goes on, 42" # though it was pinned there
hptool 0 "CPU 1 onlined successfully" cpu-online 1
hptool 1 "CPU 1 online failed (error 17: File exists)" cpu-online 1
[ "$(xl info nr_cpus)" = 2 ] || fail "there are $(xl info nr_cpus) processors"
hptool 1 "CPU 0 offline failed (error 22: Invalid argument)" cpu-offline 0
hptool 1 "CPU 9 offline failed (error 22: Invalid argument)" cpu-offline 9
hptool 1 "CPU 9 online failed (error 22: Invalid argument)" cpu-online 9
hptool 1 "Unable to disable SMT: errno 95, Operation not supported" smt-disable
hptool 1 "Unable to enable SMT: errno 95, Operation not supported" smt-enable

run xl shutdown -w guest
tries=60
while xl domid guest 2>/dev/null; do # it has shut down; the xl of its creation takes it away now
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "it is still there: $(xl list)"
    sleep 1
done
run xl create /guest/guest.cfg
run xl destroy guest
tries=60
until [ "$(xl info free_memory)" = "$free" ]; do # xenconsoled lets go a moment later
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "memory is missing: $free, $(xl info free_memory)"
    sleep 1
done
exit 0
