# SPDX-License-Identifier: GPL-2.0-only
"""Boot tiny test guests in dom0's place and take the verdicts they print.

A guest is build/guests/<case>.elf. It prints "RESULT success|skip|error|failure text" for each
thing it tests, the worst counts, and then ends the machine. One that never ends, that ends in
another way than kit_shutdown() does, or without a RESULT line, has failed, whatever it printed.
How it is booted is said in tests/guests/<case>/boot.txt, a boot a line (boot_txt.py).
"""

import glob
import os
import re
import shlex

from harness.boot_txt import boots_of
from harness.dom0 import OPTIONS, xen_hypervisor
from harness.machine import DONE, POWERED_OFF, Machine
from harness.media import cached_iso
from harness.paths import BUILD, DEBUG, ISOS, LODGE, LOGS, ROOT
from harness.verdict import FAILURE, ORDER, SUCCESS, TestProblem

RESULT = re.compile(r"^.*?RESULT (success|skip|error|failure)\b[ :]*(.*)$", re.MULTILINE)
# The debug build measures how long each processor keeps interrupts off, in a machine whose clock
# counts instructions. It has one processor: several would share that clock and take turns, and what
# the others execute would count as well (24,990,740 instructions in one stretch of guests/flushes
# with two). An instruction takes 2^shift nanoseconds of the machine's time, more than on a real
# one: a guest that works for a given time executes fewer of them.
OFF = re.compile(r"interrupts off for (\d+) ticks, (.*)$", re.MULTILINE)
OFF_GOAL = 50000  # instructions between two preemption points
# How a machine ends whose guest has called kit_shutdown(): Lodge lets it use QEMU's debug exit.
ORDERLY = {"lodge": DONE, "xen": POWERED_OFF}


def boot(name, elf, how, side="lodge", binary="", debug=False, icount=False, smp=0, limit=0,
         measured=None, **machine):
    """Boot once; what it printed, or a TestProblem with the verdict if that is not success.

    how is a line of boot.txt, side lodge or xen, binary another hypervisor than the built one. smp
    are the machine's processors where how.smp are to be the guest's alone, limit takes the place of
    how.limit. debug is for Lodge's debug build: measured is a list that gets (instructions, where
    and in whose boot) for its longest time without interrupts."""
    binary = binary or (xen_hypervisor() if side == "xen" else DEBUG if debug else LODGE)
    options, cpu, shift = f"{OPTIONS[side]} {how.options}".strip(), how.cpu, 0
    if debug:
        shift = how.shift
        # It reports what is longer than the goal; the vcpus share the one processor.
        options += f" irqs_off={OFF_GOAL << shift} dom0_max_vcpus={how.smp}"
    if side == "xen" and "smap" not in cpu:
        cpu += ",-smap"  # Debian's Xen loses dom0 early where it sees SMAP
    iso = cached_iso(ISOS, binary, options, [(elf, how.cmdline)])
    log = os.path.join(LOGS, name.replace("/", "-") + ".log")
    limit = limit or how.limit * (2 if debug or icount else 1)
    with Machine(iso, log, limit=limit, smp=smp or (1 if debug else how.smp), cpu=cpu,
                 memory=how.memory, line=how.line, icount=debug or icount, shift=shift,
                 extra=shlex.split(how.qemu), **machine) as box:
        if how.expect:
            box.expect(how.expect, limit)
            if how.end == "expect":
                return box.text
        status = box.wait()
    longest, where = longest_off(box.text, shift)
    if debug and measured is not None:
        measured.append((longest, f"{where}, in {name}"))
    judge(box.text, status == ORDERLY[side], box.last_line())
    if debug and (longest == 0 or longest > OFF_GOAL):
        raise TestProblem(FAILURE, f"interrupts off for {longest} instructions, {where}")
    return box.text


def judge(text, orderly, last):
    """Raises TestProblem unless what a guest printed, and how it ended, is a success."""
    results = RESULT.findall(text)
    if not results:
        raise TestProblem(FAILURE, f"it ended without a RESULT line; last line: {last}")
    verdict, why = max(results, key=lambda result: ORDER.index(result[0]))
    if not orderly and verdict != FAILURE:
        raise TestProblem(FAILURE, f"the machine ended after RESULT {verdict}, but not by the "
                                   f"guest's will; last line: {last}")
    if verdict != SUCCESS:
        raise TestProblem(verdict, why.strip())


def longest_off(text, shift):
    """The longest time without interrupts in a debug build's output: instructions, and where."""
    found = [(int(ticks) >> shift, where) for ticks, where in OFF.findall(text)]
    return max(found, default=(0, "nothing was measured"))


def say_longest(measured):
    if measured:
        instructions, where = max(measured)
        print(f"longest time without interrupts: {instructions} instructions, {where}")


def all_guests():
    """Where the file of each guest is when it is built, by its name."""
    cases = sorted(os.path.basename(os.path.dirname(path))
                   for path in glob.glob(os.path.join(ROOT, "tests", "guests", "*", "main.c")))
    return {case: os.path.join(BUILD, "guests", case + ".elf") for case in cases}


def built_guests():
    """The file of each guest by its name."""
    return {case: elf for case, elf in all_guests().items() if os.path.exists(elf)}


def boots(kind, tally, wanted, most=None, guests=None):
    """The boots, `most` of each guest, of those guests, or all that are built: (name, file, how). A
    boot.txt with a mistake in it is an error in the tally."""
    found = []
    for case, elf in (built_guests() if guests is None else guests).items():
        try:
            hows = boots_of(case)[:most]
        except TestProblem as problem:
            if wanted(f"{kind}/{case}"):
                tally.add(f"{kind}/{case}", problem.verdict, 0, str(problem))
            continue
        for number, how in enumerate(hows):
            name = f"{kind}/{case}" + (f".{number}" if number else "")
            if wanted(name):
                found.append((name, elf, how))
    return found


def run_guests(tally, wanted):
    """All guests that are built; a line each."""
    for name, elf, how in boots("guests", tally, wanted):
        tally.run(name, boot, name, elf, how)


def points_cases(tally, wanted, guests=None):
    """The first boot of each guest that can be booted on the debug build: name, file, how."""
    return [(name, elf, how) for name, elf, how in boots("points", tally, wanted, 1, guests)
            if not how.end and how.debug != "no"]


def run_points(tally, cases):
    """What points_cases() gave, a line each for its preemption points; and the longest of all."""
    measured = []
    for name, elf, how in cases:
        tally.run(name, boot, name, elf, how, debug=True, measured=measured)
    say_longest(measured)
