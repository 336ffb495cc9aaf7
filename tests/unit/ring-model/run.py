#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run spin over the ring's model and print a line per variant: states, depth, verdict.

A variant that is right must be explored to its end without an error. A variant with something left
out must be found wrong, and for the reason that was expected: a checker that finds nothing there
would prove nothing elsewhere.
"""
import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# What the checker calls its findings, and what they are here.
SLEEPS = "invalid end state"
WRONG = "assertion violated"
IDLE = "non-progress cycle"
MEANING = {SLEEPS: "both ends sleep, a notification is lost", WRONG: "a wrong index or slot",
           IDLE: "busy for ever, nothing is taken"}

# What to show, the model's words, whether under fairness (cycles) or states only, expected finding.
CHECKS = [
    ("both ends, two slots: safety", ["SLOTS=2"], False, None),
    ("both ends, two slots: progress", ["SLOTS=2", "BUFFER=1"], True, None),
    ("hostile front-end", ["EVIL_FRONT", "SLOTS=8"], False, None),
    ("hostile back-end", ["EVIL_BACK", "SLOTS=8"], False, None),
    ("without the second look", ["BROKEN_NO_RECHECK"], False, SLEEPS),
    ("without the barrier in push", ["BROKEN_PUSH_FENCE"], False, SLEEPS),
    ("without the barrier before sleep", ["BROKEN_SLEEP_FENCE"], False, SLEEPS),
    ("event index one too far", ["BROKEN_EVENT"], False, SLEEPS),
    ("published before it is written", ["BROKEN_ORDER"], False, WRONG),
    ("more requests than slots", ["BROKEN_OVERFILL"], False, WRONG),
    ("hostile front-end, trusted", ["EVIL_FRONT", "BROKEN_TRUST"], False, WRONG),
    ("hostile back-end, trusted", ["EVIL_BACK", "BROKEN_TRUST"], False, WRONG),
    ("looking instead of taking", ["BROKEN_SPIN", "BUFFER=1"], True, IDLE),
]
DEEP = [("both ends, three slots: safety", ["SLOTS=3"], False, None),
        ("both ends, two slots, deep buffers", ["SLOTS=2", "BUFFER=4"], False, None),
        ("both ends, two slots, buffers: progress", ["SLOTS=2"], True, None)]


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def explore(model, out, words, cycles, optimize):
    """The checker's output for one variant, or why there is none."""
    out.mkdir(parents=True, exist_ok=True)
    defines = [f"-D{word}" for word in words]
    modes = ["-DNP", "-DMEMLIM=6000"] if cycles else ["-DSAFETY", "-DMEMLIM=6000"]
    for command in (["spin", "-a", *defines, str(model)],
                    ["gcc", optimize, "-w", *modes, "-o", "pan", "pan.c"]):
        code, text = run(command, out)
        if code:
            return "failed: " + " ".join(command) + "\n" + text
    _, text = run(["./pan", "-m8000000"] + (["-l", "-f"] if cycles else []), out)
    (out / "log").write_text(text, encoding="utf-8")
    return text


def judge(text, expected):
    """(good, what to say) for the checker's output."""
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"^\s*(\d+) states, stored", text, re.M)
    if not errors or not states:
        return False, "the checker did not finish"
    found = re.search(r"^pan:\d+: (.*)$", text, re.M)
    if expected is None:
        if "max search depth too small" in text or "out of memory" in text:
            return False, "not explored to its end"
        good = errors[1] == "0"
        return good, f"{int(states[1]):>9,} states  " + ("holds" if good else found[1])
    if errors[1] == "0":
        return False, "found nothing, but this variant is wrong"
    if expected not in found[1]:
        return False, f"found another error: {found[1]}"
    return True, f"{int(states[1]):>9,} states  found: {MEANING[expected]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deep", action="store_true", help="also what takes minutes and gigabytes")
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    failed = 0
    checks = CHECKS + (DEEP if args.deep else [])

    def examine(number):
        name, words, cycles, expected = checks[number]
        begin = time.monotonic()
        # What is wrong is found at once: it is not worth a good compilation.
        text = explore(args.model.resolve(), args.out / str(number), words, cycles,
                       "-O0" if expected else "-O2")
        return name, judge(text, expected), text, time.monotonic() - begin

    # One after the other where each may need gigabytes.
    with ThreadPoolExecutor(1 if args.deep else 2) as pool:
        for name, (good, say), text, seconds in pool.map(examine, range(len(checks))):
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'}  {name:<40} {say} ({seconds:.1f} s)", flush=True)
            if not good:
                print("      " + "\n      ".join(text.splitlines()[:12]))
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
