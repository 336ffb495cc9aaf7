# SPDX-License-Identifier: GPL-2.0-only
# The kernel of guest-patches/ as dom0 and as a guest on Lodge: what the kernels of other releases
# have to do, and the switch of its batches.
# boot: --kernel patched --guest --guest-kernel patched --limit 300 --add tests/boot/cases/kernel-trixie.sh:/kernel-test
exec sh /kernel-test
