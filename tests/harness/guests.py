# SPDX-License-Identifier: GPL-2.0-only
"""Boot tiny test guests in dom0's place and take the verdicts they print.

A guest is build/guests/<case>.elf. It prints "RESULT success|skip|error|failure text" for each
thing it tests, the worst counts, and then ends the machine by power-off or by the debug-exit port.
A guest that ends without a RESULT line, or never ends, has failed. The first lines of its source
may say how to boot it: "boot: options=... smp=2 cpu=max,-smap limit=30 expect=regular expression"
in tests/guests/<case>/boot.txt, one boot a line; qemu="..." adds to QEMU's command line, line=1000
makes the serial line take so many characters a second. Where the file has no boot, the guest is for
a test in tests/boot/cases that creates it in a real dom0.
"""

import glob
import os
import re
import shlex
import time

from harness.dom0 import OPTIONS
from harness.machine import Machine
from harness.media import cached_iso
from harness.paths import BUILD, DEBUG, ISOS, LODGE, LOGS, ROOT
from harness.verdict import ERROR, FAILURE, ORDER, SUCCESS, TestProblem

RESULT = re.compile(r"^.*?RESULT (success|skip|error|failure)\b[ :]*(.*)$", re.MULTILINE)
LIMIT = 90
# The debug build measures how long each processor keeps interrupts off, in a machine whose clock
# counts instructions: with one processor, as several share that clock and take turns, and what the
# others execute would count as well (24,990,740 instructions in one stretch of guests/flushes with
# two). They are so many times as long there as they would be by the clock of a fast one, so that a
# guest that works for a while does not take as many instructions as that takes nanoseconds.
OFF = re.compile(r"interrupts off for (\d+) ticks, (.*)$", re.MULTILINE)
OFF_GOAL = 50000  # instructions between two preemption points
OFF_SHIFT = 2


def boots_of(case):
    """The machine settings of each boot of a case: one default boot unless boot.txt says more."""
    path = os.path.join(ROOT, "tests", "guests", case, "boot.txt")
    if not os.path.exists(path):
        return [{}]
    boots = []
    with open(path, encoding="utf-8") as handle:
        for line in handle:
            words = shlex.split(line, comments=True)
            if words:
                boots.append(dict(word.split("=", 1) for word in words))
    return boots


def boot_guest(name, elf, settings):
    """Boot once; the verdict and its text."""
    options = f"{OPTIONS['lodge']} {settings.get('options', '')}".strip()
    iso = cached_iso(ISOS, LODGE, options, [(elf, settings.get("cmdline", ""))])
    log = os.path.join(LOGS, name.replace("/", "-") + ".log")
    limit = int(settings.get("limit", LIMIT))
    with Machine(iso, log, limit=limit, smp=int(settings.get("smp", 1)),
                 cpu=settings.get("cpu", "max"), memory=int(settings.get("memory", 1024)),
                 line=int(settings.get("line", 0)),
                 extra=shlex.split(settings.get("qemu", ""))) as box:
        if "expect" in settings:
            box.expect(settings["expect"], limit)
            if settings.get("end", "") == "expect":
                return SUCCESS, ""
        box.wait()
    return judge(box)


def judge(box):
    results = RESULT.findall(box.text)
    if not results:
        return FAILURE, f"it ended without a RESULT line; last line: {box.last_line()}"
    worst = max(results, key=lambda result: ORDER.index(result[0]))
    return worst[0], worst[1].strip()


def off_options(settings, shift):
    """Of the debug build: report what is longer than the goal; vcpus share the one processor."""
    return f"irqs_off={OFF_GOAL << shift} dom0_max_vcpus={settings.get('smp', 1)}"


def judge_off(text, shift):
    """The longest time without interrupts in a debug build's output: instructions, and where."""
    found = [(int(ticks) >> shift, where) for ticks, where in OFF.findall(text)]
    return max(found, default=(0, "nothing was measured"))


def boot_debug(name, elf, settings):
    """Boot once with the debug build and one processor; the verdict on its preemption points."""
    shift = int(settings.get("shift", OFF_SHIFT))
    options = f"{OPTIONS['lodge']} {settings.get('options', '')} {off_options(settings, shift)}"
    iso = cached_iso(ISOS, DEBUG, options, [(elf, settings.get("cmdline", ""))])
    log = os.path.join(LOGS, name.replace("/", "-") + ".log")
    with Machine(iso, log, limit=2 * int(settings.get("limit", LIMIT)), icount=True, shift=shift,
                 cpu=settings.get("cpu", "max"), memory=int(settings.get("memory", 1024)),
                 extra=shlex.split(settings.get("qemu", ""))) as box:
        box.wait()
    verdict, text = judge(box)
    longest, where = judge_off(box.text, shift)
    if verdict == SUCCESS and (longest == 0 or longest > OFF_GOAL):
        verdict, text = FAILURE, f"interrupts off for {longest} instructions, {where}"
    return verdict, text, longest


def attempt(tally, name, function, *arguments):
    """One line for a boot; function returns a verdict, its text, and perhaps more."""
    start = time.monotonic()
    rest = ()
    try:
        verdict, text, *rest = function(name, *arguments)
    except TestProblem as problem:
        verdict, text = problem.verdict, str(problem)
    except (OSError, ValueError) as bug:
        verdict, text = ERROR, f"{type(bug).__name__}: {bug}"
    tally.add(name, verdict, time.monotonic() - start, text)
    return rest


def built_guests():
    """The name and the file of each."""
    return [(os.path.basename(elf)[:-len(".elf")], elf)
            for elf in sorted(glob.glob(os.path.join(BUILD, "guests", "*.elf")))]


def run_guests(tally, wanted):
    """All guests that are built; a line each."""
    for case, elf in built_guests():
        for number, settings in enumerate(boots_of(case)):
            name = f"guests/{case}" + (f".{number}" if number else "")
            if wanted(name):
                attempt(tally, name, boot_guest, elf, settings)


def points_cases(wanted):
    """The first boot of each guest that can be booted on the debug build: name, file, settings."""
    cases = []
    for case, elf in built_guests():
        for settings in boots_of(case)[:1]:
            name = f"points/{case}"
            if wanted(name) and "end" not in settings and settings.get("debug") != "no":
                cases.append((name, elf, settings))
    return cases


def run_points(tally, cases):
    """What points_cases() gave, a line each for its preemption points; and the longest of all."""
    longest = {}
    for name, elf, settings in cases:
        for instructions in attempt(tally, name, boot_debug, elf, settings):
            longest[name] = instructions
    if longest:
        name = max(longest, key=longest.get)
        print(f"longest time without interrupts: {longest[name]} instructions, in {name}")
