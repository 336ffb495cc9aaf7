# SPDX-License-Identifier: GPL-2.0-only
# The demo's tour, so that it cannot break unnoticed.
# boot: --smp 2 --guest=demo --limit 420 --add dom0-tools/image/tour:/tour
exec sh /tour
