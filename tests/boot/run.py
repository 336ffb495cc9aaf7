#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run a shell script in a real dom0 and exit with its status.

    tests/boot/run.py --script FILE [--add host-file:/path/in/dom0 ...]
    tests/boot/run.py --hypervisor xen --command 'ls -l /dev/xen'
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.dom0 import script_status  # noqa: E402
from harness.options import parse, prepare  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402


def main():
    args = parse(says=__doc__.splitlines()[0])
    try:
        machine = prepare(args).machine()
        if args.shell:
            return subprocess.call(machine.interactive())
        start = time.monotonic()
        with machine:
            machine.wait()
            status = script_status(machine)
        print(f"run.py: script status {status} after {time.monotonic() - start:.1f} s; "
              f"log {os.path.relpath(machine.log_path)}", file=sys.stderr)
        return status
    except (TestProblem, OSError) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main())
