#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Which functions a workload's instructions are executed in, and how two sides differ.

    tests/bench/profile.py fork-exit lodge-dom0
    tests/bench/profile.py fork-exit lodge-dom0 native --svg fork.svg
    tests/bench/profile.py mprotect-4M lodge-dom0@patched lodge-dom0@patched,xen_batch=stock

The first side is shown; with a second one, what the first has beyond it. Sides are as in sides.py,
workloads as in membench.c. The flame graph is of the first side: a box is a function, as wide as
what it and all that it called executed, and above its caller.
"""

import argparse
import json
import sys
from collections import Counter

import flame
from sides import Side
from harness.verdict import TestProblem


def by_function(stacks):
    """What each function executed itself."""
    found = Counter()
    for chain, count in stacks.items():
        found[chain[-1]] += count
    return found


def with_callees(stacks):
    """What each function and all that it called executed."""
    found = Counter()
    for chain, count in stacks.items():
        for function in set(chain):
            found[function] += count
    return found


def rows(first, second=None):
    """(function, instructions, with callees, beyond the second side), largest difference first."""
    own, whole = by_function(first.stacks), with_callees(first.stacks)
    other = by_function(second.stacks) if second else Counter()
    names = set(own) | set(other)
    found = [(name, own[name], whole[name], own[name] - other[name]) for name in names]
    return sorted(found, key=lambda row: (-abs(row[3]), row[0]))


def entry_lines(measure):
    """Entries into the hypervisor by reason, most frequent first."""
    return sorted(measure.entries.items(), key=lambda item: (-item[1], item[0]))


def show(workload, names, measures, top):
    first, second = measures[0], measures[1] if len(measures) > 1 else None
    for name, measure in zip(names, measures):
        parts = ", ".join(f"{place} {count:,.0f}" for place, count in measure.places.items())
        print(f"{workload} on {name}: {measure.figure:,} instructions ({parts}), "
              f"{measure.entered():,.2f} entries into the hypervisor")
    print(f"\n{'itself':>12} {'with callees':>13} {'beyond' if second else '':>12}  function")
    for name, own, whole, beyond in rows(first, second)[:top]:
        delta = f"{beyond:+12,.0f}" if second else f"{'':12}"
        print(f"{own:12,.0f} {whole:13,.0f} {delta}  {name}")
    if first.entries:
        print(f"\n{'times':>12} {'beyond' if second else '':>12}  entry")
    for reason, times in entry_lines(first)[:top]:
        delta = f"{times - second.entries.get(reason, 0):+12.2f}" if second else f"{'':12}"
        print(f"{times:12.2f} {delta}  {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", help="a name in membench.c, such as fork-exit")
    parser.add_argument("sides", nargs="+", metavar="SIDE", help="one, or two to compare")
    parser.add_argument("--top", type=int, default=40, help="lines")
    parser.add_argument("--quick", action="store_true", help="few operations: sooner, less exact")
    parser.add_argument("--svg", help="write the first side's flame graph here")
    parser.add_argument("--json", help="write functions and entries of all sides here")
    args = parser.parse_args()
    if len(args.sides) > 2:
        parser.error("two sides can be compared, not more")
    try:
        sides = [Side(text) for text in args.sides]
        order = ("quick " if args.quick else "") + args.workload
        measures = [side.run(order)[args.workload] for side in sides]
    except TestProblem as problem:
        print(f"profile.py: {problem}", file=sys.stderr)
        return 1
    show(args.workload, args.sides, measures, args.top)
    if args.svg:
        with open(args.svg, "w", encoding="utf-8") as file:
            file.write(flame.graph(measures[0].stacks, f"{args.workload} on {args.sides[0]}"))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({name: {"figure": measure.figure, "places": measure.places,
                              "functions": by_function(measure.stacks), "entries": measure.entries}
                       for name, measure in zip(args.sides, measures)}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
