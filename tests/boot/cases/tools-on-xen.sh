# SPDX-License-Identifier: GPL-2.0-only
# dom0's image and our tools do their work on Debian's Xen: the same tour, the other hypervisor.
# boot: --hypervisor xen --tools lodge --guest --limit 420 --add dom0-tools/image/tour:/tour
. /test-lib.sh
dom0_is_well 1
exec sh /tour
