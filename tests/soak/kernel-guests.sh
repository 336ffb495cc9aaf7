# SPDX-License-Identifier: GPL-2.0-only
# Guests with the kernel of guest-patches/ in hard surroundings: mmstress, which knows what must be
# in each of its pages, works in one while a vcpu of its goes off and comes back all the time, both
# are moved between processors, the guest is paused, and memory is taken and given. It is destroyed
# in the middle of that; then twenty more are made, and destroyed while they make processes. A debug
# build compares page tables with the types of frames in between. kernel.py sets seconds.
# Run by `make soak`.
. /test-lib.sh
size=$(wc -c </guest/mmstress)
dd if=/guest/mmstress of=/tmp/disk bs=64k conv=sync 2>/dev/null

# begin NAME MEMORY VCPUS: make a guest with mmstress on its disk.
begin() {
    run "$cli" create /guest/guest.cfg "name=\"$1\"" "memory=$2" "vcpus=$3" \
        'disk=["/tmp/disk,raw,xvda,r"]'
    attach "$1"
}

# ready NAME: it is up, with mmstress in its file system.
ready() {
    await "$1" "guest is up" 240
    guest_do "$1" 60 "dmesg -n 1; head -c $size /dev/xvda >/mmstress; chmod +x /mmstress"
}

# The hypervisor's own comparison, where it can make one: while no vcpu of dom0's but ours runs.
audited() {
    "$cli" dmesg -c >/dev/null 2>&1
    "$cli" debug-keys p
    "$cli" dmesg | grep -q "frames are what their types say"
}
audit() {
    "$cli" debug-keys h
    "$cli" dmesg | grep -q "key 'p'" || return 0
    within 20 audited || fail "the hypervisor's comparison did not come to an end"
    echo "types of frames compared"
}

free=$(free_memory)
begin hard 224 2
ready hard
type_line hard 'cpu=/sys/devices/system/cpu/cpu1/online; while [ ! -e /stop ]; do echo 0 >$cpu &&
    echo 1 >$cpu && echo turn >>/turns; done >/dev/null 2>&1 &'
type_line hard "(/mmstress --seconds $seconds"' --workers 3 --threads 2 --chunk-pages 24
    echo end""ed-$?-) >/said 2>&1 &'
# From here on nothing is asked of its console, which may be slow to answer.
type_line hard 'while ! grep -q ended /said; do sleep 1; done; cat /said; touch /stop'
round=0
until shows_text hard "^ended-"; do
    round=$((round + 1))
    [ $round -lt $((seconds * 20 + 600)) ] || fail "mmstress does not end"
    "$cli" vcpu-pin hard $((round / 2 % 2)) $((round % 2)) || fail "a vcpu is not moved"
    "$cli" pause hard || fail "the guest is not paused"
    [ $((round % 8)) != 0 ] || audit
    "$cli" unpause hard || fail "the guest does not run on"
    "$cli" mem-set hard $((176 + round % 4 * 16)) || fail "its memory is not changed"
    usleep 200000
done
shows_text hard "^ended-0-" || fail "mmstress found something wrong"
shows_text hard "^mmstress: [0-9]* operations" || fail "mmstress has nothing to say"
guest_do hard 60 'echo turns: $(wc -l </turns); [ "$(wc -l </turns)" -ge 2 ]'
echo "$round rounds; $(grep -E '^mmstress: [0-9]|^turns: ' /tmp/screen.hard | tr '\r\n' '  ')"
# A stock kernel takes a vcpu off with swapper_pg_dir loaded where loaded_mm is another one
# (xen_pv_cpu_disable()), of which CONFIG_DEBUG_VM warns once.
guest_fails hard 30 "dmesg | grep -E 'WARNING:|BUG:|Oops|soft lockup|rcu.*stall' |
    grep -v 'mm/tlb.c.*switch_mm_irqs_off'"
type_line hard '/mmstress --seconds 1000 --workers 3 --threads 2 --chunk-pages 24 &'
type_line hard 'until [ "$(pidof mmstress | wc -w)" -gt 3 ]; do sleep 0.1; done; echo n""ow'
await hard "^now" 60
run "$cli" destroy hard
gone hard 60
detach hard
memory_back "$free"
for four in 1 2 3 4 5; do
    for name in a b c d; do
        begin $name$four 112 2
    done
    for name in a b c d; do
        await $name$four "guest is up" 240
        type_line $name$four 'echo is 4""2; while :; do echo word | sh -c "read -r word"; done'
    done
    for name in a b c d; do
        await $name$four "^is 42" 60
        run "$cli" destroy $name$four
    done
    for name in a b c d; do
        gone $name$four 60
        detach $name$four
    done
    memory_back "$free"
done
audit
kernel_is_content
