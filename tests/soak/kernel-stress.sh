# SPDX-License-Identifier: GPL-2.0-only
# dom0's kernel under pressure: mmstress, which knows what must be in each of its pages, and
# stress-ng's stressors of memory and processes, which verify what they did, together and with more
# memory wanted than there is, so that pages go to swap and come back. kernel.py sets
# seconds, and bound, the number of pages that a fault may bring.
# Run by `make soak`.
. /kernel-lib.sh
each=$((memory / 4))
stress() {
    echo "stress-ng $*"
    su nobody -s /bin/sh -c "stress-ng --verify --oomable --temp-path /tmp/work --timeout $seconds \
        --metrics-brief $*" >/tmp/said 2>&1
    status=$?
    grep -E "fail|passed|failed|unsuccessful|pageswap|vm |fork " /tmp/said | tail -n 12
    [ $status = 0 ] || { cat /tmp/said; fail "stress-ng ended with status $status"; }
}
pages_stress() {
    mmstress --seconds $seconds --workers 4 --threads 3 --chunk-pages $pages >/tmp/said
    status=$?
    cat /tmp/said
    return $status
}
# Each thread has 24 chunks; together they are as large as all memory, of which the kernel has a part.
pages=$((memory * 256 / (24 * 4 * 3)))
echo $bound >$around
under_pressure pages_stress
brought=$(sed -n 's/.* \([0-9]*\) pages came with.*/\1/p' /tmp/said)
[ $((brought > 0)) = $((bound > 1)) ] ||
    fail "where a fault may bring $bound pages, $brought came with the fault of another one"
# Fork, mmap, mprotect, mremap, madvise and swap side by side.
under_pressure stress --fork 2 --mmap 2 --mmap-bytes 32m --mprotect 2 --mremap 2 \
    --mremap-bytes 16m --madvise 2 --vm 4 --vm-bytes ${each}m --vm-keep
stress --fault 2 --mmapfork 1 --mmapmany 1 --mmapfixed 1 --munmap 1 --brk 1 --stack 1 --vfork 1 \
    --clone 1 --mlock 1 --mincore 1 --remap 1 --userfaultfd 1 --vm-rw 1 --sigsegv 1 --switch 1 \
    --pipe 1 --shm 1 --zombie 1
kernel_is_well
