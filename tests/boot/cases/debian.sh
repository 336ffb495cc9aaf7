# SPDX-License-Identifier: GPL-2.0-only
# The demo's second act, so that it cannot break unnoticed: two complete Debian guests.
# boot: --debian 2 --smp 2 --limit 900 --add dom0-tools/image/tour-debian:/tour-debian
exec sh /tour-debian
