# SPDX-License-Identifier: GPL-2.0-only
"""The boot tests, tests/boot/cases: scripts that a real dom0 runs, and Python modules.

A script says in its opening comment, behind "# boot:", with which options of tests/boot/run.py its
dom0 is booted; what is not one of them is an error. A module's run(name) raises TestProblem, or
returns for success; it boots what it likes.
"""

import glob
import importlib.util
import os
import re
import shlex

from harness.dom0 import carry_out
from harness.options import parse_boot_line, prepare
from harness.paths import LODGE, ROOT
from harness.verdict import ERROR, SKIP, TestProblem

CASES = os.path.join(ROOT, "tests", "boot", "cases")
BOOT = re.compile(r"\s*#+\s*boot\s*:(.*)", re.IGNORECASE)


def case_files():
    """The path of each by its name."""
    paths = [path for kind in ("sh", "py") for path in glob.glob(os.path.join(CASES, "*." + kind))]
    return {"boot/" + os.path.splitext(os.path.basename(path))[0]: path for path in sorted(paths)}


def _mistake(path, number, text):
    return TestProblem(ERROR, f"{os.path.relpath(path, ROOT)}:{number}: {text}")


def boot_args(path, name):
    """What a script's boot line asks for; raises TestProblem where it is not understood."""
    found, opening = ("", 1), True
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            opening = opening and line.startswith("#")
            match = BOOT.match(line)
            if match and not opening:
                raise _mistake(path, number, "a boot line is a part of the opening comment")
            if match and found[0]:
                raise _mistake(path, number, "a second boot line")
            if match:
                found = match.group(1), number
    text, number = found
    try:
        return parse_boot_line(shlex.split(text), path, name.replace("/", "-"))
    except ValueError as wrong:
        raise _mistake(path, number, wrong) from wrong


class Case:
    """A test and what it wants; a boot line that is not understood raises TestProblem."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.args = boot_args(path, name) if path.endswith(".sh") else None

    def processors(self):
        """How many the machine has; of a module's it is not known."""
        return self.args.smp if self.args else 2

    def wants_debug(self):
        return self.args is not None and self.args.debug

    def wants_xen(self):
        return self.args is not None and "xen" in (self.args.hypervisor, self.args.tools)

    def wants_debian(self):
        return self.args is not None and self.args.debian > 0

    def boots_patched(self):
        """Does it boot the kernel of guest-patches/?"""
        return os.path.basename(self.path).startswith("guest-kernel")

    def run(self):
        if self.args is None:
            return self.module().run(self.name.replace("/", "-"))
        if self.args.hypervisor == "lodge" and not os.path.exists(LODGE):
            raise TestProblem(SKIP, "the hypervisor is not built")
        carry_out(prepare(self.args, echo=False))
        return ""

    def module(self):
        """What is behind the name of a Python test."""
        spec = importlib.util.spec_from_file_location(os.path.basename(self.path)[:-3], self.path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
