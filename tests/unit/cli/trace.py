#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`lodge trace` over fake_trace.c's records: the JSON by the rules of its format, slice by slice;
and what golden.txt cannot show: files, signals, a full disk, a second reader, a command's end."""

import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from harness import trace_events  # noqa: E402  pylint: disable=wrong-import-position

LODGE = os.path.abspath(sys.argv[1])
COUNT = {True: 0, False: 0}


def expect(what, holds, *more):
    COUNT[bool(holds)] += 1
    if not holds:
        print(f"does not hold: {what}", *more)


def lodge(folder, *words, **more):
    environment = dict(os.environ, LODGE_RUN_DIR=folder, LODGE_STATE_DIR=folder)
    return subprocess.run([LODGE, "trace", *words], cwd=folder, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60,
                          check=False, **{"stdout": subprocess.PIPE, **more})


def shape(folder):
    """What became of the fixed records."""
    done = lodge(folder, "-t", "0", "-o", "all.json")
    trace = trace_events.check(os.path.join(folder, "all.json"))
    expect("status", done.returncode == 0, done.stderr)
    expect("the form", not trace.faults, *trace.faults[:5])
    expect("counts", (trace.records, trace.lost) == (35, 37), trace.records, trace.lost)
    expect("loss is said", "37 records were lost, 35 are there" in done.stderr, done.stderr)
    send = trace.slices_of("Domain-0", "event_channel_op send")
    expect("one send", len(send) == 1 and send[0]["args"]["result"] == "0"
           and send[0]["args"]["port"] == "5" and send[0]["ts"] == 1 and send[0]["dur"] == 2, send)
    inner = trace.slices_of("web", "mmuext_op NEW_BASEPTR") + trace.slices_of("web", "stack_switch")
    outer = trace.slices_of("web", "multicall")
    expect("a multicall's calls are in it", len(outer) == 1 and outer[0]["depth"] == 0
           and outer[0]["dur"] == 5 and [s["depth"] for s in inner] == [1, 1], outer, inner)
    update = trace.slices_of("web", "mmu_update")
    expect("a call goes on on another CPU", len(update) == 1 and update[0]["dur"] == 5
           and update[0]["args"]["result"] == "to be continued", update)
    fault = trace.slices_of("web", "page fault")
    expect("a page fault", len(fault) == 1 and fault[0]["args"]["address"] == "0x7ffd0000"
           and fault[0]["args"]["to"] == "guest", fault)
    expect("an end without a beginning is no slice", not trace.slices_of("db"))
    runs = [(s["thread"], s["name"]) for s in trace.slices_of("CPUs", cat="schedule")]
    expect("who runs where", runs == [("CPU 0", "d0v0"), ("CPU 0", "d3v0"), ("CPU 1", "d3v0")],
           runs)
    expect("an event out of an interrupt is the CPU's",
           [i["thread"] for i in trace.instants if i["name"] == "event to d0v0 port 12"] ==
           ["CPU 0"])
    expect("an emulated instruction", [i["thread"] for i in trace.instants
                                       if (i["cat"], i["name"]) == ("emulated", "cpuid")] ==
           ["d3v0"])


def ends(folder):
    """How it ends: by a command, on a full disk, with somebody else at it."""
    done = lodge(folder, "-o", "a.json", "sh", "-c", "exit 7")
    expect("a command's status", done.returncode == 7, done)
    expect("its trace", not trace_events.check(os.path.join(folder, "a.json")).faults)
    done = lodge(folder, "-o", "a.json", "/nowhere/at/all")
    expect("a command that is not there", done.returncode == 1 and "cannot be run" in done.stderr,
           done)
    expect("its trace, too", not trace_events.check(os.path.join(folder, "a.json")).faults)
    for words in (("-o", "/dev/full"), ("-f", "json")):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = lodge(folder, "-t", "0", *words, stdout=full)
        expect("a full disk", done.returncode == 1 and
               "No space left on device" in done.stderr and done.stderr.count("\n") == 1, done)
    done = lodge(folder, "-t", "0", "-o", "no/such/folder.json")
    expect("no such folder", done.returncode == 1 and "No such file" in done.stderr, done)
    done = lodge(folder, LODGE, "trace", "-t", "0")
    expect("one at a time", done.returncode == 1 and "one trace at a time, and process" in
           done.stderr, done)


def until_a_signal(folder):
    """Without a time or a command: the output is complete when a signal has come."""
    environment = dict(os.environ, LODGE_RUN_DIR=folder, LODGE_STATE_DIR=folder)
    for form, number in (("text", signal.SIGTERM), ("json", signal.SIGINT)):
        with subprocess.Popen([LODGE, "trace", "--format", form], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            shown = process.stdout.readline()
            process.send_signal(number)
            shown += process.stdout.read()
            said = process.stderr.read()
        expect(f"{form} until a signal", process.returncode == 0, said)
        if form == "text":
            expect("a line for each record", shown.count("\n") == 36, shown)
        else:
            expect("complete JSON", not trace_events.Trace(shown).faults, shown)


def main():
    with tempfile.TemporaryDirectory(prefix="lodge-trace-") as folder:
        shape(folder)
        ends(folder)
        until_a_signal(folder)
    print(f"{COUNT[True]} passed, {COUNT[False]} failed")
    return 1 if COUNT[False] else 0


if __name__ == "__main__":
    sys.exit(main())
