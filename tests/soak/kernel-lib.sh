# SPDX-License-Identifier: GPL-2.0-only
# What the long tests of dom0's kernel share: a machine in which memory is short, with swap on
# /dev/vda, and proof that what is to be tested is tested. They source it as /kernel-lib.sh.
. /test-lib.sh
mount -t debugfs debugfs /sys/kernel/debug
mkswap /dev/vda >/dev/null && swapon /dev/vda || fail "no swap"
mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp
mkdir -m 777 /tmp/work && cd /tmp/work
chmod 1777 /dev/shm
sysctl -q -w vm.unprivileged_userfaultfd=1
# Not root, as whom they would poison memory and change the machine.
grep -q nobody /etc/passwd || echo "nobody:x:65534:65534::/tmp:/bin/sh" >>/etc/passwd
memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
batch=/sys/kernel/debug/xen/batch
around=/proc/sys/vm/anon_fault_around_pages

# The kernel has its checks, and all parts of the patches are in use.
zcat /proc/config.gz >/tmp/config
for check in DEBUG_VM PAGE_TABLE_CHECK_ENFORCED DEBUG_ATOMIC_SLEEP PROVE_LOCKING; do
    grep -q "^CONFIG_$check=y" /tmp/config || fail "the kernel is built without $check"
done
[ "$(cat $batch/mode)" = on ] && ! grep ' off$' $batch/parts || fail "parts of the patches are off"

# What must grow where pages come and go under pressure: swap both ways, and what the patches count.
GROWING="pswpin pswpout calls updates run_calls run_entries"
sums() {
    cat /proc/vmstat $batch/counters | awk -v wanted="$GROWING" \
        'BEGIN { n = split(wanted, names) } { sum[$1] = $2 }
         END { for (i = 1; i <= n; i++) print names[i], sum[names[i]] + 0 }'
}

# under_pressure COMMAND ...: it succeeds, and all of that grew meanwhile.
under_pressure() {
    sums >/tmp/before
    run "$@"
    sums | paste /tmp/before - | awk '{ print $1, $4 - $2 }' >/tmp/grown
    echo "grown: $(tr '\n' ' ' </tmp/grown)"
    ! grep ' 0$' /tmp/grown || fail "$1: that did not grow"
    kernel_is_well
}

# No complaint, and lockdep has not given up, as it does after its first one.
kernel_is_well() {
    kernel_is_content
    ! dmesg | grep -E 'kernel BUG|Bad page|bad pmd|bad pte|general protection' ||
        fail "the kernel complains"
    dmesg | grep -q 'Linux version' || fail "the kernel's log has lost its beginning"
    grep -q 'debug_locks: *1$' /proc/lockdep_stats || fail "lockdep has given up"
    [ "$(awk '$1 == "mismatches" { print $2 }' $batch/counters)" = 0 ] || fail "a conversion was wrong"
}
