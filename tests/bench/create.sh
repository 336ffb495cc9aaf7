# SPDX-License-Identifier: GPL-2.0-only
# In dom0: how long `create` of a tiny guest takes, by the kernel's log. bench.py sets count, the
# number of guests.
. /test-lib.sh
[ -x /usr/bin/lodge ] || cli=xl
mark() { echo "bench $1" >/dev/kmsg; }
for number in $(seq "$count"); do
    printf 'name = "b%s"\nkernel = "/idle.elf"\nmemory = 8\n' "$number" >/tmp/bench.cfg
    mark "from-$number"
    "$cli" create /tmp/bench.cfg >/tmp/said 2>&1 || fail "$(cat /tmp/said)"
    mark "to-$number"
done
dmesg | awk '/bench (from|to)-/ {
    at = $0; sub(/^\[ */, "", at); sub(/\].*/, "", at); split($NF, part, "-")
    if (part[1] == "from") start = at
    else printf "BENCH create-%d %d\n", part[2], (at - start) * 1000000000
}'
