# SPDX-License-Identifier: GPL-2.0-only
"""I/O of a stock-kernel guest for bench.py: the same guest, program and dom0 script on each side.

A side is a hypervisor and a back-end: the stock kernel's, set up by the script itself so that no
tool makes a difference, or our own. Our tools run on both hypervisors.
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness.dom0 import XEN_CPU  # noqa: E402
from harness.options import run_script  # noqa: E402
from harness.paths import BUILD  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402
from cpio import Archive  # noqa: E402  (harness has put the image folder on the path)
from figures import collect, figures  # noqa: E402
from mkimage import add_program  # noqa: E402

# The processor that all sides run on. Without ERMS kernels copy with `rep movsq` and not with
# `rep movsb`, which QEMU counts (and executes) as one instruction per byte: with it the copies of
# guest and dom0, the same on all sides, are up to three quarters of all that is counted.
CPU = XEN_CPU + ",-erms"
IPERF = "/usr/bin/iperf3"
SIDES = {
    "lodge stock": ("lodge", "stock"),
    "lodge own": ("lodge", "own"),
    "lodge copy": ("lodge", "copy"),
    "xen stock": ("xen", "stock"),
}


WHERE = os.path.join(BUILD, "bench", "where.so")
HYPERVISOR = ".hypervisor"


def build():
    subprocess.run(["make", "-s", "-C", HERE], check=True)


def add_hypervisor(found, counts):
    """Behind each figure how much of it was executed in the hypervisor, by where.so's counts: a
    line for each thing that was measured."""
    lines = [[int(word) for word in line.split()[1:]] for line in counts.splitlines()]
    names = [name for name in found if "irqs" not in name]
    if len(lines) != len(names):
        raise TestProblem("failure", f"{len(lines)} counts for {len(names)} figures")
    shares = {name: line[0] / sum(line) for name, line in zip(names, lines)}
    both = {}
    for name, value in found.items():
        both[name] = value
        if name in shares:
            both[name + HYPERVISOR] = round(value * shares[name])
    return both


def on_side(side, what, icount=True):
    """One boot: all figures of `what` ("block" or "net") on one side."""
    hypervisor, backend = SIDES[side]
    name = f"bench-{what}-{side.replace(' ', '-')}{'' if icount else '-wall'}"
    with tempfile.TemporaryDirectory(prefix="lodge-bench-") as directory:
        inside = Archive()
        program = os.path.join(BUILD, "bench", "iobench")
        inside.file("bench/init", os.path.join(HERE, "guest-init"), 0o755)
        inside.file("bench/iobench", program, 0o755)
        add_program(inside, "usr/bin/iperf3", IPERF)
        archive = os.path.join(directory, "guest.cpio")
        inside.write(archive)
        counts = os.path.join(directory, "counts")
        plugin = {"extra": ("-plugin", f"{WHERE},out={counts}")} if icount else {}
        machine = run_script(
            os.path.join(HERE, "io.sh"), name, "--hypervisor", hypervisor, "--tools", "lodge",
            "--guest=demo", "--cpu", CPU, "--options",
            "dom0_mem=1024M" + (",max:1024M" if hypervisor == "xen" else ""), "--limit", "600",
            "--add", f"{archive}:/bench/guest.cpio", "--add", f"{program}:/usr/bin/iobench",
            "--add", f"{IPERF}:{IPERF}", "--add",
            os.path.join(HERE, "io-lib.sh") + ":/bench/io-lib.sh", *["--icount"] * icount,
            machine=plugin, what=what, backend=backend, wall=int(not icount))
        found = figures(machine.text)
        if not icount:
            return found
        with open(counts, encoding="ascii") as file:
            return add_hypervisor(found, file.read())


def measured(what, icount=True):
    """Figures by side."""
    sides = [side for side in SIDES if what == "block" or side != "lodge copy"]
    return collect(sides, lambda side: on_side(side, what, icount))


def rate(name, figure):
    """A time in nanoseconds as what people compare: (name with its unit, value)."""
    if "irqs" in name or name.endswith("kB/s"):
        return name, figure
    if "4k" in name:
        return name + ", IOPS", 10**9 // figure
    if "round-trip" in name:
        return name + ", us", figure // 1000
    return name + ", kB/s", 2**20 * 10**6 // figure


def table(title, rows, share=True):
    heads = "   Lodge's share, own's" if share else ""
    print(f"\n{title:36}" + "".join(f"{side:>14}" for side in rows) + heads)
    for name in dict.fromkeys(name for row in rows.values() for name in row):
        cells = "".join(f"{row[name]:14,}" if name in row else f"{'-':>14}"
                        for row in rows.values())
        shares = ""
        if share and "irqs" not in name and "warm-up" not in name and name in rows["xen stock"]:
            shares = "  ".join(f"{100 * rows[side][name] / rows['xen stock'][name]:5.0f} %"
                               if name in rows[side] else f"{'-':>7}"
                               for side in ("lodge stock", "lodge own"))
        print(f"{name:36}{cells}   {shares}".rstrip(), flush=True)


def report(what):
    """The two tables of one kind: instructions that were counted, and what the clock says."""
    build()
    table(f"{what}: instructions per {'request' if what == 'block' else 'MiB or round trip'}",
          measured(what))
    timed = measured(what, icount=False)
    table(f"{what}: by the clock",
          {side: dict(rate(*figure) for figure in row.items()) for side, row in timed.items()},
          share=False)


if __name__ == "__main__":
    # One side alone: guest_io.py "lodge stock" block [wall]
    build()
    for key, value in on_side(sys.argv[1], sys.argv[2], icount="wall" not in sys.argv).items():
        print(f"{key:32} {value:12,}")
