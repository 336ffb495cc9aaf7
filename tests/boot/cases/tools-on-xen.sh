# SPDX-License-Identifier: GPL-2.0-only
# Our tools run on Debian's Xen: the same tour, the other hypervisor.
# boot: --hypervisor xen --tools lodge --guest --limit 420 --add dom0-tools/image/tour:/tour
exec sh /tour
