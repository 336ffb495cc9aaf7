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
import glob
import os
import shlex
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.dom0 import OPTIONS, xen_hypervisor  # noqa: E402
from harness.guests import (OFF_GOAL, OFF_SHIFT, RESULT, boots_of, judge_off,  # noqa: E402
                            off_options)
from harness.machine import Machine  # noqa: E402
from harness.media import cached_iso  # noqa: E402
from harness.paths import BUILD, DEBUG, LODGE, LOGS  # noqa: E402
from harness.verdict import FAILURE, TestProblem, Tally  # noqa: E402


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


def boot(name, number, settings, args):
    """One boot; (verdict, text). The serial log stays in build/logs."""
    elf = os.path.join(BUILD, "guests", name + ".elf")
    side = "xen" if args.xen else "lodge"
    binary = args.hypervisor or (xen_hypervisor() if args.xen else DEBUG if args.debug else LODGE)
    shift = int(settings.get("shift", OFF_SHIFT)) if args.debug else 0
    options = f"{OPTIONS[side]} {settings.get('options', '')} {args.options}".strip()
    if args.debug:
        options += " " + off_options(settings, shift)
    cpu = args.cpu or settings.get("cpu", "max")
    if args.xen and "smap" not in cpu:
        cpu += ",-smap"  # Debian's Xen loses dom0 early where it sees SMAP
    iso = cached_iso(os.path.join(BUILD, "guests", "iso"), binary, options,
                     [(elf, args.cmdline or settings.get("cmdline", ""))])
    limit = args.limit or int(settings.get("limit", 40)) * (2 if args.icount or args.debug else 1)
    log = os.path.join(LOGS, f"guests-{name}{f'.{number}' if number else ''}-{side}.log")
    smp = args.smp or (1 if args.debug else int(settings.get("smp", 1)))
    with Machine(iso, log, limit=limit, smp=smp, cpu=cpu,
                 memory=args.memory or int(settings.get("memory", 1024)),
                 icount=args.icount or args.debug, shift=shift,
                 gdb=args.gdb, line=int(settings.get("line", 0)),
                 extra=shlex.split(settings.get("qemu", "")),
                 echo=not args.quiet) as box:
        if settings.get("expect"):
            box.expect(settings["expect"], limit)
        if settings.get("end", "") != "expect":
            box.expect(r"RESULT (success|skip|error|failure).*\n", limit)
        if args.debug:
            box.wait()
            longest, where = judge_off(box.text, shift)
            if longest == 0 or longest > OFF_GOAL:
                return FAILURE, f"interrupts off for {longest} instructions, {where}"
    results = RESULT.findall(box.text)
    if not results:
        return ("success", "") if settings.get("end", "") == "expect" else (FAILURE, "no RESULT")
    return results[-1][0], results[-1][1].strip()


def main():
    args = arguments()
    built = sorted(os.path.basename(elf)[:-4] for elf in glob.glob(f"{BUILD}/guests/*.elf"))
    tally = Tally()
    for name in args.guests or built:
        if name not in built:
            sys.exit(f"run.py: {name}: no such guest; build/guests has: {' '.join(built)}")
        for number, settings in enumerate(boots_of(name)):
            start = time.monotonic()
            try:
                verdict, text = boot(name, number, settings, args)
            except TestProblem as problem:
                verdict, text = problem.verdict, str(problem)
            label = name + (f".{number}" if number else "")
            tally.add(label, verdict, time.monotonic() - start, text)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
