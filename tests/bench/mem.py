# SPDX-License-Identifier: GPL-2.0-only
"""Processes and memory for bench.py: membench natively, on Debian's Xen and on Lodge, with Debian's
kernel and, where `make guest-kernel` has made one, with the patched kernel in each of its modes.

A row has, for each side, the instructions beyond native and how often the hypervisor is entered,
each for one operation. Native is the same kernel on the bare machine of 3 GiB; native-small, of
256 MiB as the guests have, shows what the little memory costs by itself. A second table has what
a kernel with patches takes natively beside the same configuration without them, which may be SLOWER
at most.
"""

import json
import os
import sys

from sides import Side

from harness.paths import BUILD
from harness.verdict import TestProblem

GUEST_KERNEL = os.path.join(BUILD, "guest-kernel", "vmlinux")
NATIVE = "native"
UNPATCHED = "native@unpatched"
SLOWER = 0.005  # by what share of its instructions
STOCK = (NATIVE, "native-small", "xen", "lodge")
PATCHED = (UNPATCHED, "native@patched", "xen@patched", "lodge@patched,xen_batch=off",
           "lodge@patched,xen_batch=stock", "lodge@patched,xen_batch=on")


def default_sides():
    return STOCK + (PATCHED if os.path.exists(GUEST_KERNEL) else ())


def baseline(side, columns):
    """The side that another is compared with: its kernel natively, or Debian's."""
    own = NATIVE + ("" if side.kernel.name == "debian" else "@" + side.kernel.name)
    return own if own in columns else NATIVE


def collect(sides, order):
    """Measures by side and workload; a side that cannot be measured says why and is left out."""
    columns = {}
    for side in sides:
        try:
            columns[side.name] = side.run(order)
        except TestProblem as problem:
            print(f"bench: {side.name}: {problem}", file=sys.stderr)
    return columns


def cell(measure, native):
    """What a side has beyond native, and its entries."""
    if measure is None:
        return "-"
    if native is None:
        return f"{measure.figure:,}"
    entries = measure.entered()
    return f"{measure.figure - native.figure:+,}" + (f" / {entries:,.1f}" if entries else "")


def table(sides, columns):
    """Lines: a row for each workload."""
    shown = [side for side in sides if side.name in columns]
    titles = [side.name.replace(",xen_batch=", " ") for side in shown]
    names = list(dict.fromkeys(name for measures in columns.values() for name in measures))
    rows = [["instructions beyond native / entries"] + titles]
    for name in names:
        row = [name]
        for side in shown:
            against = baseline(side, columns)
            native = None if against == side.name else columns.get(against, {}).get(name)
            row.append(cell(columns[side.name].get(name), native))
        rows.append(row)
    return aligned(rows)


def aligned(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0])] +
                      [text.rjust(width) for text, width in zip(row[1:], widths[1:])]).rstrip()
            for row in rows]


def natively(sides, columns):
    """Lines: each kernel with patches beside the one without them, and what became slower."""
    for side in sides:
        stock = UNPATCHED + side.name.removeprefix(f"{NATIVE}@{side.kernel.name}")
        if stock == side.name or {stock, side.name} - columns.keys() or \
                side.kernel.name == "debian":
            continue
        rows, slower = [["instructions natively", stock, side.name, ""]], []
        for name, measure in columns[side.name].items():
            before = columns[stock][name].figure
            share = (measure.figure - before) / before
            rows.append([name, f"{before:,}", f"{measure.figure:,}", f"{100 * share:+.2f}%"])
            slower += [name] * (share > SLOWER)
        yield from aligned(rows)
        yield (f"slower by more than {100 * SLOWER:.1f}%: {', '.join(slower)}" if slower else
               f"none is slower by more than {100 * SLOWER:.1f}%")


def reasons(sides, columns):
    """Lines: why the hypervisor is entered, for each workload and side."""
    for side in sides:
        for name, measure in columns.get(side.name, {}).items():
            most = sorted(measure.entries.items(), key=lambda item: (-item[1], item[0]))
            text = ", ".join(f"{times:,.1f} {reason}" for reason, times in most if times >= 0.1)
            if text:
                yield f"{side.name} {name}: {text}"


def as_json(columns):
    return {side: {name: {"instructions": measure.figure, "places": measure.places,
                          "entries": measure.entries} for name, measure in measures.items()}
            for side, measures in columns.items()}


def report(texts=(), order="", path=""):
    """All of it. texts are the sides, order is membench's arguments, path a file for JSON."""
    sides = [Side(text) for text in texts or default_sides()]
    columns = collect(sides, order)
    print("\nprocesses and memory: for one operation")
    for line in table(sides, columns):
        print(line)
    print()
    for line in natively(sides, columns):
        print(line)
    print("\nentries into the hypervisor, for one operation")
    for line in reasons(sides, columns):
        print(line, flush=True)
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(as_json(columns), file, indent=1)
    return len(columns) == len(sides)
