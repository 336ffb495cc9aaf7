#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot test guests one at a time and show what they print: for whoever writes or debugs one.

`make check` boots all of them on Lodge; this boots those that are named, on Lodge or, with --xen,
on Debian's Xen (`make xen` unpacks it), which tells whether a check that fails is the test's
mistake or the hypervisor's. --icount makes the clock count instructions, as the bench guest wants.

    tests/guests/run.py --xen traps mmu          two guests, on Debian's Xen
    tests/guests/run.py --icount bench           instructions per operation
    tests/guests/run.py --debug mmu latency      distance between preemption points (make -C
                                                 hypervisor DEBUG=1)
    tests/guests/run.py --smp 2 --options "loglvl=all" vcpu
    tests/guests/run.py --smp 2 --cmdline "rounds=50000 from=100" --limit 900 hammer-mmu
"""

import argparse
import dataclasses
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.boot_txt import boots_of  # noqa: E402
from harness.guests import boot, built_guests, say_longest  # noqa: E402
from harness.verdict import Tally, TestProblem  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("guests", nargs="*", help="folders beside kit/; none: all that are built")
    parser.add_argument("--xen", action="store_true", help="on Debian's Xen instead of Lodge")
    parser.add_argument("--hypervisor", default="", help="another binary than the built one")
    parser.add_argument("--icount", action="store_true", help="one instruction is one nanosecond")
    parser.add_argument("--debug", action="store_true",
                        help="the debug build, one processor, and its time without interrupts")
    parser.add_argument("--smp", type=int, default=0, help="processors of the machine")
    parser.add_argument("--cpu", default="", help="QEMU's processor model")
    parser.add_argument("--memory", type=int, default=0, help="MiB of the machine")
    parser.add_argument("--options", default="", help="further hypervisor options")
    parser.add_argument("--cmdline", default="", help="the guest's command line, for its own")
    parser.add_argument("--limit", type=int, default=0, help="seconds")
    parser.add_argument("--gdb", default="", help="as QEMU's -gdb, for example tcp::1234")
    parser.add_argument("--quiet", action="store_true", help="verdicts only")
    return parser.parse_args()


def adjusted(how, args):
    """A boot with what else was asked for; the serial log is build/logs/guests-NAME-SIDE.log."""
    asked = {word: getattr(args, word) for word in ("cpu", "memory", "cmdline")}
    return dataclasses.replace(how, options=f"{how.options} {args.options}".strip(),
                               **{word: value for word, value in asked.items() if value})


def main():
    args = arguments()
    built = built_guests()
    tally, measured, side = Tally(), [], "xen" if args.xen else "lodge"
    for name in args.guests or built:
        if name not in built:
            sys.exit(f"run.py: {name}: no such guest; build/guests has: {' '.join(built)}")
        try:
            boots = boots_of(name)
        except TestProblem as problem:
            tally.add(name, problem.verdict, 0, str(problem))
            continue
        for number, how in enumerate(boots):
            label = name + (f".{number}" if number else "")
            tally.run(label, boot, f"guests/{label}-{side}", built[name], adjusted(how, args),
                      side=side, binary=args.hypervisor, debug=args.debug, icount=args.icount,
                      smp=args.smp, limit=args.limit, measured=measured, gdb=args.gdb,
                      echo=not args.quiet)
    say_longest(measured)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
