# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own tests of its memory management (tools/testing/selftests/vm), in dom0: each with
# its arguments is a line of /vm/list. Prints "VM TEST STATUS"; kernel.py judges.
# Run by `make soak`.
. /test-lib.sh
mount -t debugfs debugfs /sys/kernel/debug
mount -t tmpfs tmpfs /tmp
# mremap_test maps more than there is, and touches little of it.
sysctl -q -w vm.overcommit_memory=1
grep -q nobody /etc/passwd || echo "nobody:x:65534:65534::/tmp:/bin/sh" >>/etc/passwd
cd /vm
chmod 755 . *
while read -r test; do
    case $test in
    on-fault-limit) # root has no limit
        timeout 300 su nobody -s /bin/sh -c "./$test" >/tmp/said 2>&1 </dev/null ;;
    soft-dirty) # wants to know how large a huge page would be, without which it tests nothing
        mount -t tmpfs tmpfs /sys/kernel/mm
        mkdir /sys/kernel/mm/transparent_hugepage
        echo 2097152 >/sys/kernel/mm/transparent_hugepage/hpage_pmd_size
        timeout 300 "./$test" >/tmp/said 2>&1 </dev/null ;;
    *) # shellcheck disable=SC2086 # a line of words
        timeout 300 ./$test >/tmp/said 2>&1 </dev/null ;;
    esac
    status=$?
    [ "$test" != soft-dirty ] || umount /sys/kernel/mm
    [ $status = 0 ] || grep -v '^ok' /tmp/said | tail -n 8
    printf '\nVM %s %s\n' "$(echo $test | tr ' ' ,)" "$status"
done <list
kernel_is_content
