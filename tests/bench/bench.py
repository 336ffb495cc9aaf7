# SPDX-License-Identifier: GPL-2.0-only
"""`make bench`: what operations cost on Lodge, beside Debian's Xen.

All sides run in one go, in the same QEMU under -icount (one instruction is one nanosecond for every
clock of the machine), so figures repeat to the digit and the host's load does not matter:
    guests   tiny kernels, build/guests/bench*.elf, that print "BENCH name instructions"
    create   `create` of a tiny guest, the first and the twentieth, by dom0's clock
    boot     wall time to dom0's init, without icount, sides in turn; this one is not exact
    mem      system calls, fork, page faults and the like in guests, beside the bare machine; see
             mem.py
    block    a stock-kernel guest's disk: the stock back-end, ours, and Xen's; guest_io.py has more
    net      the same for its network
"""

import argparse
import glob
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness.boot_txt import Boot  # noqa: E402
from harness.guests import boot  # noqa: E402
from harness.options import parse, prepare, run_script  # noqa: E402
from harness.paths import BUILD  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402
from figures import collect, figures  # noqa: E402
import guest_io  # noqa: E402
import mem  # noqa: E402

SIDES = ("lodge", "xen")
TINY = os.path.join(BUILD, "guests", "idle.elf")


def guest_figures(side, elf):
    """Boot a tiny kernel in dom0's place under icount; its figures."""
    text = boot(f"bench-{os.path.basename(elf)[:-4]}-{side}", elf, Boot(cpu="max,-smap"), side=side,
                icount=True)
    return figures(text)


def create_figures(side, count):
    machine = run_script(os.path.join(HERE, "create.sh"), f"bench-create-{side}", "--hypervisor",
                         side, "--icount", "--cpu", "max,-smap", "--limit", "900", "--add",
                         f"{TINY}:/idle.elf", count=count)
    found = figures(machine.text)
    return {name: found[name] for name in ("create-1", f"create-{count}") if name in found}


def boot_seconds(side):
    dom0 = prepare(parse(["--command", "true", "--hypervisor", side, "--cpu", "max,-smap",
                          "--name", f"bench-boot-{side}", "--no-daemons"]), echo=False)
    with dom0.machine() as machine:
        start = time.monotonic()
        machine.expect("dom0-script:", 170)
        return time.monotonic() - start


def table(title, rows, unit):
    """One line per name: both figures, and ours as a share of Xen's."""
    print(f"\n{title:36} {'Lodge':>12} {'Xen 4.17':>12}   {unit}")
    for name in dict.fromkeys(list(rows["lodge"]) + list(rows["xen"])):
        ours, theirs = rows["lodge"].get(name), rows["xen"].get(name)
        share = f"{100 * ours / theirs:5.0f} %" if ours is not None and theirs else ""
        cells = [f"{value:12,.{0 if isinstance(value, int) else 1}f}" if value is not None
                 else f"{'-':>12}" for value in (ours, theirs)]
        print(f"{name:36} {cells[0]} {cells[1]}   {share}", flush=True)


def boots(rounds):
    best = {side: {} for side in SIDES}
    for number in range(1, rounds + 1):
        for side in SIDES:
            best[side][f"run {number}"] = boot_seconds(side)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="",
                        choices=("guests", "create", "boot", "mem", "block", "net"))
    parser.add_argument("--rounds", type=int, default=3, help="boots of each side")
    parser.add_argument("--count", type=int, default=20, help="guests to create")
    parser.add_argument("--side", action="append", default=[], help="of mem: see sides.py")
    parser.add_argument("--workload", action="append", default=[],
                        help="of mem: a name in membench.c; none are all")
    parser.add_argument("--quick", action="store_true", help="of mem: few operations")
    parser.add_argument("--json", default="", help="of mem: write the figures here, too")
    args = parser.parse_args()
    try:
        if args.only in ("", "guests"):
            for elf in sorted(glob.glob(os.path.join(BUILD, "guests", "bench*.elf"))):
                table(os.path.basename(elf)[:-4],
                      collect(SIDES, lambda side: guest_figures(side, elf)),
                      "instructions per operation")
        if args.only in ("", "create") and os.path.exists(TINY):
            table("create a tiny guest",
                  collect(SIDES, lambda side: create_figures(side, args.count)),
                  "instructions")
        if args.only in ("", "boot"):
            table("boot to dom0's init", boots(args.rounds), "seconds of wall time")
        if args.only in ("", "mem"):
            mem.report(args.side, " ".join(["quick"] * args.quick + args.workload), args.json)
        for what in ("block", "net"):
            if args.only in ("", what):
                guest_io.report(what)
    except TestProblem as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
