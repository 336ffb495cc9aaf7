# SPDX-License-Identifier: GPL-2.0-only
# dom0's kernel under pressure: mmstress, which knows what must be in each of its pages; stress-ng's
# stressors of memory and processes, which verify what they did, together and with more memory wanted
# than there is, so that pages go to swap on /dev/vda and come back; then trinity, which calls the
# kernel at random. kernel_soak.py fills in SECONDS.
# Run by `make soak`.
. /test-lib.sh
mkswap /dev/vda >/dev/null && swapon /dev/vda || fail "no swap"
mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp
mkdir -m 777 /tmp/work && cd /tmp/work
chmod 1777 /dev/shm
sysctl -q -w vm.unprivileged_userfaultfd=1
# Not root, as whom both would poison memory and change the machine.
grep -q nobody /etc/passwd || echo "nobody:x:65534:65534::/tmp:/bin/sh" >>/etc/passwd
memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
each=$((memory / 4))
stress() {
    echo "stress-ng $*"
    su nobody -s /bin/sh -c "stress-ng --verify --oomable --temp-path /tmp/work --timeout SECONDS \
        --metrics-brief $*" >/tmp/said 2>&1
    status=$?
    grep -E "fail|passed|failed|unsuccessful|pageswap|vm |fork " /tmp/said | tail -n 12
    [ $status = 0 ] || { cat /tmp/said; fail "stress-ng ended with status $status"; }
    kernel_is_content
}
# Each thread has 24 chunks; together they are more than there is memory. With and without faults
# that bring more pages than one, where the kernel can do that.
around=/proc/sys/vm/anon_fault_around_pages
pages=$((memory * 256 * 5 / 4 / (24 * 4 * 3)))
for bound in 1 64; do
    if [ -e $around ]; then
        echo $bound >$around
    elif [ $bound != 1 ]; then
        continue
    fi
    run mmstress --seconds SECONDS --workers 4 --threads 3 --chunk-pages $pages
    kernel_is_content
done
# Fork, mmap, mprotect, mremap, madvise and swap side by side, under pressure.
stress --fork 2 --mmap 2 --mmap-bytes 32m --mprotect 2 --mremap 2 --mremap-bytes 16m --madvise 2 \
    --vm 4 --vm-bytes ${each}m --vm-keep
grep -E '^(pswpin|pswpout) ' /proc/vmstat
[ "$(awk '/^pswpin/ {print $2}' /proc/vmstat)" -gt 0 ] || fail "nothing came back from swap"
stress --fault 2 --mmapfork 1 --mmapmany 1 --mmapfixed 1 --munmap 1 --brk 1 --stack 1 --vfork 1 \
    --clone 1 --mlock 1 --mincore 1 --remap 1 --userfaultfd 1 --vm-rw 1 --sigsegv 1 --switch 1 \
    --pipe 1 --shm 1 --zombie 1
echo "trinity"
# Of its own accord it makes sockets, at which this version of it dies; it ends at an interrupt.
timeout -k 20 -s INT SECONDS su nobody -s /bin/sh -c \
    "exec trinity -q -C 4 -l off -g vm --disable-fds=sockets" >/tmp/said 2>&1 </dev/null
calls=$(sed -n 's/.*Ran \([0-9]*\) syscalls.*/\1/p' /tmp/said)
[ "${calls:-0}" -ge 100 ] || { tail -n 5 /tmp/said; fail "trinity made ${calls:-no} calls"; }
echo "trinity made $calls calls"
kernel_is_content
