# SPDX-License-Identifier: GPL-2.0-only
# The kernel of Debian's next release, 6.12, as dom0 and as a guest: it maps all of the first MiB
# when it starts, for one. `make kernels` does the same with those of other releases and flavours.
# boot: --kernel trixie --guest --guest-kernel trixie --limit 300
. /test-lib.sh
dom0_is_well "$(nproc)"
run "$cli" create /guest/guest.cfg
attach guest
await guest "guest is up: $(cat /guest/release)" 180
type_line guest 'dmesg -n 1; cat /sys/hypervisor/type; echo $((6 * 7))'
await guest "^42" 60
guest_fails guest 30 "dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace'"
type_line guest poweroff
gone guest 60
detach guest
kernel_is_content
