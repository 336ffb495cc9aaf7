# SPDX-License-Identifier: GPL-2.0-only
"""Figures that a machine prints as "BENCH name number", and those of several sides."""

import re
import sys

from harness.verdict import TestProblem

FIGURE = re.compile(r"BENCH (\S+) (\d+)")


def figures(text):
    """By name, in the order in which they were printed."""
    return {name: int(value) for name, value in FIGURE.findall(text)}


def collect(sides, function):
    """What function(side) gives, by side; one that cannot be measured says why and stays empty."""
    rows = {}
    for side in sides:
        try:
            rows[side] = function(side)
        except TestProblem as problem:
            print(f"bench: {side}: {problem}", file=sys.stderr)
            rows[side] = {}
    return rows
