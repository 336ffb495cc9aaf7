# SPDX-License-Identifier: GPL-2.0-only
# The same kernel as dom0 and as a guest on Debian's Xen, which has none of Lodge's extensions.
# boot: --hypervisor xen --tools lodge --kernel patched --guest --guest-kernel patched --limit 420 --add tests/boot/cases/kernel-trixie.sh:/kernel-test
exec sh /kernel-test
