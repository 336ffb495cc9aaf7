# SPDX-License-Identifier: GPL-2.0-only
# Ten stock-kernel guests of 128 MiB alive at once, all destroyed, and not a page is missing. One has
# the kernel as Debian packs it, the others as unpacked once: to unpack it is seconds of work.
# boot: --smp 2 --guest --limit 400
. /test-lib.sh
run extract-kernel /guest/vmlinuz /tmp/vmlinux
before=$(free_memory)
kernel=/guest/vmlinuz
for number in 1 2 3 4 5 6 7 8 9 10; do
    run "$cli" create /guest/guest.cfg "name=\"g$number\"" "kernel=\"$kernel\"" \
        'extra="console=hvc0 loglevel=4 cryptomgr.notests"'
    attach g$number
    kernel=/tmp/vmlinux
done
for number in 1 2 3 4 5 6 7 8 9 10; do
    await g$number "guest is up" 200
done
run "$cli" list
for number in 1 2 3 4 5 6 7 8 9 10; do
    type_line g$number "echo alive \$((40 + $number))"
done
for number in 1 2 3 4 5 6 7 8 9 10; do
    await g$number "^alive $((40 + number))" 60
    run "$cli" destroy g$number
done
for number in 1 2 3 4 5 6 7 8 9 10; do
    gone g$number 20
done
memory_back "$before"
