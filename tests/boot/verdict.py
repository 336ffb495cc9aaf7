# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts of tests, ordered: success < skip < error < failure; of several the worst wins.

An error is a test that could not be carried out; a failure is one whose answer was wrong. Both
count as failed in the closing line. A skip says why, and counts as neither.
"""

import threading

SUCCESS, SKIP, ERROR, FAILURE = "success", "skip", "error", "failure"
ORDER = (SUCCESS, SKIP, ERROR, FAILURE)


class TestProblem(Exception):
    """Raised to end a test with a verdict other than success."""

    def __init__(self, verdict, text):
        super().__init__(text)
        self.verdict = verdict


class Tally:
    """Prints a line per test and the closing "N passed, N failed". Any thread may add."""

    def __init__(self):
        self.verdicts = []
        self._lock = threading.Lock()

    def add(self, name, verdict, seconds, text="", weight=1):
        """One line; weight is the number of tests that a success stands for."""
        if weight > 1:
            name += f" ({weight} tests)"
        note = f"  {text}" if text and verdict != SUCCESS else ""
        with self._lock:
            self.verdicts += [verdict] * weight
            print(f"{verdict:8} {name:44} {seconds:6.1f} s{note}", flush=True)

    def worst(self):
        return max(self.verdicts, key=ORDER.index, default=SUCCESS)

    def close(self):
        """The last line of all; 0 or 1 for the exit status. No test at all is no success."""
        passed = self.verdicts.count(SUCCESS)
        skipped = self.verdicts.count(SKIP)
        failed = len(self.verdicts) - passed - skipped
        if skipped:
            print(f"{skipped} skipped")
        print(f"{passed} passed, {failed} failed", flush=True)
        return 1 if failed or not self.verdicts else 0
