# SPDX-License-Identifier: GPL-2.0-only
# dom0's kernel called at random: trinity, in its calls that have to do with memory, while faults
# bring many pages. kernel.py sets seconds and bound.
# Run by `make soak`.
. /kernel-lib.sh
echo $bound >$around
# Of its own accord it makes sockets, at which this version of it dies; it ends at an interrupt.
call_at_random() {
    timeout -k 20 -s INT $seconds su nobody -s /bin/sh -c \
        "exec trinity -q -C 4 -l off -g vm --disable-fds=sockets" >/tmp/said 2>&1 </dev/null
    calls=$(sed -n 's/.*Ran \([0-9]*\) syscalls.*/\1/p' /tmp/said)
    [ "${calls:-0}" -ge 100 ] || { tail -n 5 /tmp/said; fail "trinity made ${calls:-no} calls"; }
    echo "trinity made $calls calls"
}
GROWING="calls updates run_calls run_entries"
under_pressure call_at_random
