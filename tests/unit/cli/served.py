#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the hypervisor's tables serve: hypercalls and control operations, a line each with the
hypercall's number, the operation's, and what `lodge trace` has to call it; for test_trace.c."""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lint"))
import rules  # noqa: E402  pylint: disable=wrong-import-position
from tree import Tree  # noqa: E402  pylint: disable=wrong-import-position

CALLS = re.compile(r"\b(?:ANY|CONTROL)\(__HYPERVISOR_(\w+),")
CALL_NUMBER = re.compile(r"^#define[ \t]+__HYPERVISOR_(\w+)[ \t]+(?:__HYPERVISOR_)?(\w+)",
                         re.MULTILINE)
FAMILY = {"DOMCTL": "domctl", "SYSCTL": "sysctl", "XENMEM": "memory_op", "XENPF": "platform_op"}
NO_OPERATION = 9999


def main():
    tree = Tree(TOP, ("hypervisor", "include/public"))
    headers = "\n".join(tree.read(path) for path in tree.files if path.startswith("include/"))
    calls = dict(CALL_NUMBER.findall(headers))
    calls = {name: calls.get(number, number) for name, number in calls.items()}
    numbers = dict(rules.NUMBER.findall(headers))
    for name in CALLS.findall(tree.read("hypervisor/pv/hypercall.c")):
        print(calls[name], NO_OPERATION, name)
    for path in tree.files:
        if path.startswith("hypervisor/") and path.endswith(".c"):
            for name, family in rules.OPERATION.findall(tree.read(path)):
                call = FAMILY[family]
                print(calls[call], numbers[name], call, name.partition(family + "_")[2])


if __name__ == "__main__":
    main()
