# SPDX-License-Identifier: GPL-2.0-only
# Guests made and unmade over and over; nothing may be missing after any round. soak.py sets rounds,
# and count, the number of guests at a time.
# Run by `make soak`.
. /test-lib.sh
before=$(free_memory)
round=1
while [ $round -le "$rounds" ]; do
    for number in $(seq "$count"); do
        "$cli" create /guest/guest.cfg "name=\"g$number\"" >/tmp/said 2>&1 ||
            fail "round $round, guest $number: $(cat /tmp/said)"
        attach g$number
    done
    for number in $(seq "$count"); do
        await g$number "guest is up" 600
    done
    for number in $(seq "$count"); do
        run "$cli" destroy g$number
        gone g$number 30
        detach g$number
    done
    memory_back "$before"
    echo "round $round of $rounds: $before free, as before"
    round=$((round + 1))
done
kernel_is_content
