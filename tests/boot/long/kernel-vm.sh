# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own tests of its memory management (tools/testing/selftests/vm), in dom0: each with
# its arguments is a line of /vm/list. Prints "VM TEST STATUS"; kernel_soak.py judges.
# Run by `make soak`.
. /test-lib.sh
mount -t debugfs debugfs /sys/kernel/debug
mount -t tmpfs tmpfs /tmp
cd /vm
while read -r test; do
    # shellcheck disable=SC2086 # a line of words
    timeout 300 ./$test >/tmp/said 2>&1 </dev/null
    status=$?
    [ $status = 0 ] || tail -n 5 /tmp/said
    printf '\nVM %s %s\n' "$(echo $test | tr ' ' ,)" "$status"
done <list
kernel_is_content
