# SPDX-License-Identifier: GPL-2.0-only
# dom0's image does its work on another hypervisor of the same ABI, with that one's tools.
# boot: --hypervisor xen --limit 240
LODGE=xl
. /test-lib.sh
dom0_is_well 1
