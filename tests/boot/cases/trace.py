# SPDX-License-Identifier: GPL-2.0-only
"""`lodge trace` of guests in a real dom0: on the host its JSON goes by the rules of the format, and
a guest that makes a call so many times has so many slices of it."""

import base64
import gzip
import os
import re

from harness import trace_events
from harness.dom0 import Dom0, carry_out
from harness.paths import BUILD, LODGE
from harness.verdict import FAILURE, SKIP, TestProblem

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "trace.sh")
MARK, MARKS = 0x7ace0000, 500  # tests/guests/trace


def insist(condition, text):
    if not condition:
        raise TestProblem(FAILURE, text)


def trace_of(machine, name):
    shown = re.search(rf"^trace-begin {name}\r?\n(.*?)^trace-end {name}", machine.text,
                      re.MULTILINE | re.DOTALL)
    insist(shown, f"{name} was not shown")
    packed = "".join(re.findall(r"^[A-Za-z0-9+/=]+\r?$", shown.group(1), re.MULTILINE))
    trace = trace_events.Trace(gzip.decompress(base64.b64decode(packed)).decode())
    insist(not trace.faults, f"{name}: {'; '.join(trace.faults[:3])}")
    insist(trace.lost == 0, f"{name}: {trace.lost} records were lost")
    return trace


def tiny(trace):
    calls = trace.slices_of("tiny", "vm_assist")
    insist(len(calls) == MARKS, f"{len(calls)} slices of {MARKS} calls")
    insist([int(c["args"]["arg1"], 16) - MARK for c in calls] == list(range(MARKS)),
           "their arguments are not those of the calls, in their order")
    insist({c["args"]["result"] for c in calls} == {"-22 EINVAL"}, "their results")
    insist({c["thread"][-2:] for c in calls} == {"v0"}, "their thread")
    runs = [s for s in trace.slices_of("CPUs", cat="schedule") if s["name"] == calls[0]["thread"]]
    insist(runs, "the guest never runs on a CPU")
    inside = [c for c in calls
              if any(r["ts"] <= c["ts"] and c["ts"] + c["dur"] <= r["ts"] + r["dur"] for r in runs)]
    insist(len(inside) > MARKS * 9 // 10, "calls at times when the guest runs nowhere")
    insist(trace.slices_of("tiny", "sched_op shutdown"), "no shutdown")


def linux(trace):
    names = {s["name"] for s in trace.slices_of("guest", cat="hypercall")}
    insist({"sched_op block", "vcpu_op set_singleshot_timer"} <= names, f"calls: {names}")
    insist(trace.slices_of("CPUs", cat="schedule"), "no vcpu on a CPU")
    insist(any(i["name"] == "event upcall" for i in trace.instants), "no upcall")
    insist({s["process"] for s in trace.slices} <= {"guest", "CPUs"}, "of others, too")


def run(name):
    if not os.path.exists(LODGE):
        raise TestProblem(SKIP, "the hypervisor is not built")
    dom0 = Dom0(name, smp=2, guest=True, limit=400)
    dom0.add(os.path.join(BUILD, "guests", "trace.elf"), "/tiny.elf")
    dom0.overlay.file("test-lib.sh", os.path.join(HERE, "..", "..", "harness", "test-lib.sh"),
                      0o644)
    with open(SCRIPT, encoding="utf-8") as handle:
        dom0.script(handle.read())
    machine = carry_out(dom0)
    tiny(trace_of(machine, "tiny.json"))
    linux(trace_of(machine, "linux.json"))
