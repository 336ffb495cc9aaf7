# SPDX-License-Identifier: GPL-2.0-only
"""`make kernels`: Debian's other kernels, each as dom0 with itself as its guest; those of the cloud
flavour, which cannot be dom0, as guests of the newest stock kernel. So are those of the real-time
flavour where they are named: most starts of one end in an endless row of events that the kernel
sends to itself, on Debian's Xen as well.

Not part of `make check`, but for one of them (cases/kernel-trixie.sh, whose script this runs), as
each wants to be fetched:
    tests/boot/kernels.py trixie-rt bullseye-cloud
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.options import run_script  # noqa: E402
from harness.paths import LOGS  # noqa: E402
from harness.verdict import Tally  # noqa: E402

KERNELS = ("bullseye", "bookworm-backports", "trixie", "bullseye-cloud", "bookworm-cloud",
           "trixie-cloud")
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases", "kernel-trixie.sh")


def boot(name, smp):
    """One machine; raises TestProblem unless all is well."""
    words = ["--guest", "--guest-kernel", name, "--smp", str(smp), "--limit", "400"]
    if not name.endswith(("-cloud", "-rt")):
        words += ["--kernel", name]
    run_script(SCRIPT, f"kernels-{name}", *words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smp", type=int, default=1, help="processors of the machine")
    parser.add_argument("names", nargs="*", default=KERNELS, help="SUITE or SUITE-FLAVOUR")
    args = parser.parse_args()
    tally = Tally(LOGS)
    for name in args.names:
        tally.run(f"kernels/{name}", boot, name, args.smp)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
