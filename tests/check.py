# SPDX-License-Identifier: GPL-2.0-only
"""Run every test there is, one line each; the last line says "N passed, N failed".

A component that does not build is an error of its own and does not keep the others from being
tested. What runs on the host goes in one lane, one after the other, as they share what they build;
boots go beside it as far as there are processors, those of several virtual ones first: they take
longest, though one thread runs them all (see harness/dom0.py).
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import threading
import time

from harness.cases import Case, case_files
from harness.dom0 import SKIP_STATUS
from harness.guests import all_guests, boots, points_cases, run_guests, run_points
from harness.lanes import Lanes
from harness.paths import BUILD, IMAGE, LODGE, LOGS, ROOT
from harness.verdict import ERROR, FAILURE, SKIP, SUCCESS, Tally, TestProblem

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$")


class Check:
    """The run: what was asked for, and the tally."""

    def __init__(self, args):
        self.make = args.make.split()
        self.only = args.only.replace(",", " ").split()
        self.unused = set(self.only)  # words that no test has had in its name
        self.tally = Tally(LOGS)
        self.debug_lock = threading.Lock()
        self.debug_built = None

    def wanted(self, name):
        words = [word for word in self.only if word in name]
        self.unused -= set(words)
        return bool(words) or not self.only

    def names(self):
        """Of all tests that are wanted, built or not."""
        found = [name for kind in ("unit", "fuzz") for name in host_tests(kind)]
        found += [name for name, _, _ in boots("guests", self.tally, self.wanted, None,
                                               all_guests())]
        found += [name for name, _, _ in points_cases(self.tally, self.wanted, all_guests())]
        return [name for name in found + list(case_files()) if self.wanted(name)]

    def call(self, name, command, limit):
        """Run a command with its output in build/logs; (status, output, seconds)."""
        start = time.monotonic()
        path = os.path.join(LOGS, name.replace("/", "-") + ".log")
        with open(path, "w+", encoding="utf-8", errors="replace") as log:
            try:
                status = subprocess.call(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT, timeout=limit)
            except subprocess.TimeoutExpired:
                status = f"it ran longer than {limit} s"
            log.seek(0)
            output = log.read()
        return status, output, time.monotonic() - start

    def build(self, component, *variables):
        name = "-".join(["build/" + component, *variables])
        status, output, seconds = self.call(name, self.make + ["-C", component, *variables], 600)
        if status != 0:
            self.tally.add(name, ERROR, seconds, complaint(output))
        return status == 0

    def host_tests(self, kind, limit):
        """tests/unit and tests/fuzz: each folder's Makefile has a target check."""
        for name, folder in host_tests(kind).items():
            if self.wanted(name):
                result = self.call(name, self.make + ["-C", folder, "check"], limit)
                self._count(name, *result)

    def _count(self, name, status, output, seconds):
        lines = [line for line in output.splitlines()
                 if line.strip() and not line.startswith("make")]
        last = lines[-1] if lines else ""
        closing = CLOSING.match(last)
        if last.startswith("skip: ") and status == 0:
            self.tally.add(name, SKIP, seconds, last[len("skip: "):])
        elif closing and status == 0 and closing.group(2) == "0":
            self.tally.add(name, SUCCESS, seconds, weight=max(1, int(closing.group(1))))
        else:
            self.tally.add(name, SUCCESS if status == 0 else FAILURE, seconds,
                           f"{last[-160:]} (build/logs/{name.replace('/', '-')}.log)")

    def images(self, cases):
        """Kernel and images; without a kernel there is nothing to boot."""
        targets = ["image"]
        targets += ["xen"] if any(case.wants_xen() for case in cases) else []
        targets += ["guest-image"] if any(case.wants_debian() for case in cases) else []
        status, output, seconds = self.call("images", self.make + targets, 3600)
        if status != 0:
            self.tally.add("images", ERROR, seconds, complaint(output))
        return status == 0

    def everything(self, guests):
        """All tests; with the tiny guests or without."""
        lanes = Lanes()
        lanes.add(self._host)
        if guests:
            lanes.add(run_guests, self.tally, self.wanted)
            lanes.add(self._points)
        lanes.add(self._boots, lanes)
        lanes.run()

    def _points(self):
        """The tiny guests on the debug build."""
        cases = points_cases(self.tally, self.wanted)
        if cases and self.debug_build():
            run_points(self.tally, cases)

    def debug_build(self):
        """Whether there is one; whoever is the first to ask makes it."""
        with self.debug_lock:
            if self.debug_built is None:
                self.debug_built = self.build("hypervisor", "DEBUG=1")
        return self.debug_built

    def _cases(self):
        """The boot tests that are wanted; those with several processors first, as they take
        longest."""
        cases = []
        for name, path in case_files().items():
            if self.wanted(name):
                try:
                    cases.append(Case(name, path))
                except TestProblem as problem:
                    self.tally.add(name, problem.verdict, 0, str(problem))
        return sorted(cases, key=lambda case: (-case.processors(), case.name))

    def _boots(self, lanes):
        cases = self._cases()
        if not cases or not self.images(cases):
            return
        patched = [case for case in cases if case.boots_patched()]
        if patched:
            lanes.add(self._guest_kernel, lanes, patched)
        for case in cases:
            if case not in patched:
                lanes.add(self._boot_case, case)

    def _guest_kernel(self, lanes, cases):
        """The kernel of guest-patches/, built if it is not in the cache, then what boots it; other
        boots go on beside the build."""
        status, output, seconds = self.call("build/guest-kernel", [
            sys.executable, "guest-patches/build.py", "--build", BUILD, "--jobs",
            str(max(1, (os.cpu_count() or 1) // 2))], 3600)
        verdict, text = SUCCESS, ""
        if status != 0:
            verdict = SKIP if status == SKIP_STATUS else FAILURE
            text = f"{output.strip().splitlines()[-1:]} (build/logs/build-guest-kernel.log)"
        self.tally.add("build/guest-kernel", verdict, seconds, text)
        for case in cases if status == 0 else ():
            lanes.add(self._boot_case, case)

    def _host(self):
        self.host_tests("unit", 1800)
        self.host_tests("fuzz", 900)

    def _boot_case(self, case):
        if case.wants_debug() and not self.debug_build():
            return  # which is an error by itself
        self.tally.run(case.name, case.run)


def host_tests(kind):
    """The folder of each by its name."""
    makefiles = sorted(glob.glob(os.path.join(ROOT, "tests", kind, "*", "Makefile")))
    folders = [os.path.dirname(makefile) for makefile in makefiles]
    return {f"{kind}/{os.path.basename(folder)}": folder for folder in folders}


def complaint(output):
    """The line of a build's output that tells most."""
    lines = [line for line in output.splitlines() if re.search(r"error|\*\*\*|\.py: ", line)]
    return (lines or output.splitlines() or ["it said nothing"])[0][-200:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--make", default="make")
    parser.add_argument("--components", default="", help="folders to build first, in order")
    parser.add_argument("--only", default="", help="tests whose name contains one of these words")
    parser.add_argument("--list", action="store_true", help="only print their names")
    args = parser.parse_args()
    os.makedirs(LOGS, exist_ok=True)
    check = Check(args)
    if args.list:
        print("\n".join(check.names()))
    else:
        print("building", flush=True)
        built = {part: check.build(part) for part in args.components.split()}
        check.everything(built.get("tests/guests", not args.components) and os.path.exists(LODGE))
        print(f"logs are in {os.path.relpath(LOGS)}; images in {os.path.relpath(IMAGE)}")
    for word in sorted(check.unused):  # a slip of the finger must not look like success
        check.tally.add("ONLY=" + word, ERROR, 0,
                        "no test has that in its name; `make check LIST=1` prints all")
    return 0 if args.list and not check.tally.verdicts else check.tally.close()


if __name__ == "__main__":
    os.chdir(ROOT)
    os.makedirs(BUILD, exist_ok=True)
    sys.exit(main())
