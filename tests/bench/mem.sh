# SPDX-License-Identifier: GPL-2.0-only
# In dom0: a guest that measures (sides.py, which sets words for its kernel). Its console is waited
# for without looking again and again, which would be work for the machine.
. /bench/io-lib.sh
mkfifo /tmp/keys.mem /tmp/said.mem
"$cli" create -p /bench/mem.cfg "extra=\"console=hvc0 $words\"" || fail "no guest"
"$cli" console mem <>/tmp/keys.mem 1<>/tmp/said.mem 2>&1 &
"$cli" unpause mem
hear mem BENCH-END
