# SPDX-License-Identifier: GPL-2.0-only
# The stock kernel comes up as dom0 with 2 vcpus on -cpu max: devices, clock, store, tools. Then ten
# stock-kernel guests of 128 MiB are alive at once, and destroyed, and not a page is missing. One has
# its kernel as Debian packs it.
# boot: --smp 2 --guest --limit 400
. /test-lib.sh
dom0_is_well 2
before=$(free_memory)
kernel=/guest/vmlinuz
for number in 1 2 3 4 5 6 7 8 9 10; do
    run "$cli" create /guest/guest.cfg "name=\"g$number\"" "kernel=\"$kernel\""
    attach g$number
    kernel=/guest/vmlinux
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
