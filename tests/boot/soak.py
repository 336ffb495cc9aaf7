# SPDX-License-Identifier: GPL-2.0-only
"""`make soak`: guests made and unmade over and over in one boot; nothing may be missing at the end.

Not part of `make check`, as it takes from half an hour to as long as one likes:
    tests/boot/soak.py --rounds 200 --guests 10
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.dom0 import script_status  # noqa: E402
from harness.options import parse, prepare  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402

SCRIPT = """#!/bin/sh
. /test-lib.sh
before=$(free_memory)
round=1
while [ $round -le {rounds} ]; do
    for number in $(seq {guests}); do
        "$cli" create /guest/guest.cfg "name=\\"g$number\\"" >/tmp/said 2>&1 ||
            fail "round $round, guest $number: $(cat /tmp/said)"
        attach g$number
    done
    for number in $(seq {guests}); do
        await g$number "guest is up" 600
    done
    for number in $(seq {guests}); do
        run "$cli" destroy g$number
        gone g$number 30
        detach g$number
    done
    memory_back "$before"
    echo "round $round of {rounds}: $before free, as before"
    round=$((round + 1))
done
kernel_is_content
"""


def endure(boot, files=None):
    """Boots and waits for the script's end; `files` are dom0's beside the image, {name: text}.
    Prints the verdict and returns the exit status."""
    start = time.monotonic()
    try:
        dom0 = prepare(boot)
        for name, text in (files or {}).items():
            dom0.overlay.data(name, text.encode(), 0o755)
        with dom0.machine() as machine:
            machine.wait()
            status = script_status(machine)
    except TestProblem as problem:
        print(f"{boot.name}: {problem}")
        return 1
    print(f"{boot.name}: {'SUCCESS' if status == 0 else 'FAILURE'} after "
          f"{time.monotonic() - start:.0f} s; the log is build/logs/{boot.name}.log")
    return 1 if status else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--guests", type=int, default=10)
    parser.add_argument("--hypervisor", choices=("lodge", "xen"), default="lodge")
    args = parser.parse_args()
    limit = 300 + args.rounds * args.guests * 60
    boot = parse(["--command", "true", "--name", "soak", "--guest", "--smp", "2", "--tools",
                  "lodge", "--hypervisor", args.hypervisor, "--limit", str(limit)])
    boot.command = SCRIPT.format(rounds=args.rounds, guests=args.guests)
    return endure(boot)


if __name__ == "__main__":
    sys.exit(main())
