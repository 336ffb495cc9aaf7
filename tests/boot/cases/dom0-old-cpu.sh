# SPDX-License-Identifier: GPL-2.0-only
# The stock kernel comes up as dom0 with 2 vcpu(s) on -cpu qemu64,+svm: devices, clock, store, tools.
# boot: --smp 2 --cpu qemu64,+svm --limit 240
. /test-lib.sh
dom0_is_well 2
