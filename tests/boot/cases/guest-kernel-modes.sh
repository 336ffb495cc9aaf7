# SPDX-License-Identifier: GPL-2.0-only
# The kernel of guest-patches/ changes its mode while processes are made, run and end on two
# processors: page tables that were pinned in one mode are changed and unpinned in another one.
# boot: --kernel patched --smp 2 --limit 300
. /test-lib.sh
batch=/sys/kernel/debug/xen/batch
[ -e $batch/mode ] || mount -t debugfs none /sys/kernel/debug
[ "$(cat $batch/mode)" = on ] || fail "the mode at the start is $(cat $batch/mode)"
for part in walk spare switch whole switch_to area; do
    grep -q "^$part on$" $batch/parts || fail "$part is not on: $(cat $batch/parts)"
done
storm() {
    n=0
    while [ ! -e /tmp/stop ]; do
        [ "$(echo $n | sh -c 'read -r word; echo $word')" = $n ] || echo "round $n" >>/tmp/broken
        n=$((n + 1))
        echo $n >"/tmp/storm.$1"
    done
}
storms_have_been() {
    for storm in 1 2 3; do
        [ "$(cat /tmp/storm.$storm 2>/dev/null || echo 0)" -gt 5 ] 2>/dev/null || return 1
    done
}
storm 1 &
storm 2 &
storm 3 &
for round in 1 2 3 4 5 6; do
    for mode in stock off on; do
        echo $mode >$batch/mode || fail "mode $mode was refused"
        # Stays for two changes: its page tables are of another mode when it ends.
        sh -c 'sleep 1.5; exit 7' &
        last=$!
        sleep 0.4
    done
done
wait $last
[ $? = 7 ] || fail "a process did not end as it should"
within 120 storms_have_been || fail "a storm does not get on: $(cat /tmp/storm.*)"
touch /tmp/stop
wait
[ ! -e /tmp/broken ] || fail "a word was lost: $(head -n 3 /tmp/broken)"
echo "rounds: $(cat /tmp/storm.1 /tmp/storm.2 /tmp/storm.3 | tr '\n' ' ')"
grep -q "^whole on$" $batch/parts || fail "whole is not on again"
kernel_is_content
