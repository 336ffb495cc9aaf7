# SPDX-License-Identifier: GPL-2.0-only
"""Parts of `make soak`: guests that come and go, and guests that work, for as long as one likes.

lives makes and unmakes guests over and over in one boot; after each round all memory is back:
    tests/soak/soak.py lives --rounds 200 --guests 10

load has guests that use their disks and the network at once. Each writes random data to its disk,
reads it back past every cache and compares; fetches a file from a web server in dom0 and compares;
and pings. A guest that makes no progress for two minutes has stalled. When all are gone, dom0 holds
what it held before: memory, event channels, grants, store nodes:
    tests/soak/soak.py load --guests 8 --minutes 10 [--backend kernel]
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness.options import run_script  # noqa: E402
from harness.paths import LOGS  # noqa: E402
from harness.verdict import Tally  # noqa: E402


def soak(what, *words, **values):
    run_script(os.path.join(HERE, what + ".sh"), "soak-" + what, "--guest", "--smp", "2", "--tools",
               "lodge", *words, echo=True, **values)


def lives(args):
    soak("lives", "--hypervisor", args.hypervisor, "--limit",
         str(300 + args.rounds * args.guests * 60), rounds=args.rounds, count=args.guests)


def load(args):
    seconds = int(args.minutes * 60)
    soak("load", "--options", "dom0_mem=900M", "--limit", str(seconds + 1200), "--add",
         os.path.join(HERE, "load-guest.sh") + ":/load.sh", count=args.guests, seconds=seconds,
         backend=args.backend, stall=args.patience)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="what", required=True)
    options = kinds.add_parser("lives")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--guests", type=int, default=10)
    options.add_argument("--hypervisor", choices=("lodge", "xen"), default="lodge")
    options = kinds.add_parser("load")
    options.add_argument("--guests", type=int, default=8)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--backend", choices=("lodge", "kernel"), default="lodge")
    options.add_argument("--patience", type=int, default=120,
                         help="seconds a guest may stand still")
    args = parser.parse_args()
    tally = Tally(LOGS)
    tally.run(f"soak/{args.what}", {"lives": lives, "load": load}[args.what], args)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
