# SPDX-License-Identifier: GPL-2.0-only
"""The bench's program and plugin, with few operations: every workload ends on Lodge, has a figure
that agrees with what the plugin counted, and shows the entries that are known of it."""

import os
import sys

from harness.paths import ROOT
from harness.verdict import FAILURE, TestProblem

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import sides  # noqa: E402

WORKLOADS = {"getppid", "fork-exit", "fork-exec", "fork-16M", "populate-4M", "populate-4M-small",
             "touch-4M", "mprotect-4M", "mprotect-4M-small", "ping-pong", "sigsegv", "compute",
             "tlb-walk"}


def insist(condition, text):
    if not condition:
        raise TestProblem(FAILURE, text)


def run(_):
    found = sides.Side("lodge-dom0").run("quick")
    insist(set(found) == WORKLOADS, f"measured: {', '.join(sorted(found))}")
    for name, measure in found.items():
        counted = sum(measure.places.values())
        insist(abs(counted - measure.figure) < 0.05 * measure.figure,
               f"{name}: {measure.figure} by the counter, {counted:.0f} by the plugin")
        stacks = sum(measure.stacks.values())
        insist(abs(stacks - counted) < 0.01 * counted, f"{name}: {stacks:.0f} are in functions")
    entries = found["getppid"].entries
    insist(1 == entries.get("syscall") <= entries.get("hypercall iret", 0) < 1.1,
           f"getppid enters for {entries}")
    touch = found["touch-4M"]
    insist(touch.entries.get("trap page_fault", 0) >= 1024, f"touch enters for {touch.entries}")
    deep = [chain for chain in found["fork-exit"].stacks
            if "copy_process" in chain and chain[-1].startswith("lodge:")]
    insist(deep, "no chain from fork into the hypervisor")
