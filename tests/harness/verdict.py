# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts of tests, ordered: success < skip < error < failure; of several the worst wins.

An error is a test that could not be carried out; a failure is one whose answer was wrong. Both
count as failed in the closing line. A skip says why, and counts as neither.
"""

import os
import re
import threading
import time

SUCCESS, SKIP, ERROR, FAILURE = "success", "skip", "error", "failure"
ORDER = (SUCCESS, SKIP, ERROR, FAILURE)
TELLING = re.compile(
    r"FAIL|RESULT (failure|error)|[Ee]rror\b|Assertion|Traceback|Sanitizer|lockup|rcu.*stall")
QUOTED, LAST, WIDTH = 12, 12, 200


class TestProblem(Exception):
    """Raised to end a test with a verdict other than success."""

    def __init__(self, verdict, text):
        super().__init__(text)
        self.verdict = verdict


class Tally:
    """Prints a line per test and the closing "N passed, N failed". Any thread may add.

    What did not succeed is said again at the end, with the telling lines of its log in folder logs:
    of a run elsewhere one may see no more than the end of the output.
    """

    def __init__(self, logs=None):
        self.verdicts = []
        self.logs = logs
        self.bad = []
        self._lock = threading.Lock()

    def add(self, name, verdict, seconds, text="", weight=1):
        """One line; weight is the number of tests that a success stands for."""
        shown = f"{name} ({weight} tests)" if weight > 1 else name
        note = f"  {text}" if text and verdict != SUCCESS else ""
        line = f"{verdict:8} {shown:44} {seconds:6.1f} s{note}"
        with self._lock:
            self.verdicts += [verdict] * weight
            if verdict in (ERROR, FAILURE):
                self.bad.append((name, line))
            print(line, flush=True)

    def run(self, name, function, *arguments, **settings):
        """One line for what function does; it raises what is not a success, and may return a text.

        A broken test is an error of that test, not of the run.
        """
        start, verdict = time.monotonic(), SUCCESS
        try:
            text = function(*arguments, **settings)
        except TestProblem as problem:
            verdict, text = problem.verdict, str(problem)
        except Exception as bug:
            verdict, text = ERROR, f"{type(bug).__name__}: {bug}"
        self.add(name, verdict, time.monotonic() - start, text)

    def worst(self):
        return max(self.verdicts, key=ORDER.index, default=SUCCESS)

    def _quote(self, name):
        """Of a test's log: the first lines that look like its complaint, and the last ones."""
        path = os.path.join(self.logs or "", name.replace("/", "-") + ".log")
        if not os.path.isfile(path):
            return
        with open(path, encoding="utf-8", errors="replace") as log:
            lines = [line.rstrip()[:WIDTH] for line in log if line.strip()]
        telling = [line for line in lines[:-LAST] if TELLING.search(line)]
        for line in telling[:QUOTED] + ["..."] * (len(lines) > LAST) + lines[-LAST:]:
            print("    " + line)

    def close(self):
        """The last line of all; 0 or 1 for the exit status. No test at all is no success."""
        if self.bad:
            print("without success, with lines of their logs:")
        for name, line in self.bad:
            print(line)
            self._quote(name)
        passed = self.verdicts.count(SUCCESS)
        skipped = self.verdicts.count(SKIP)
        failed = len(self.verdicts) - passed - skipped
        if skipped:
            print(f"{skipped} skipped")
        print(f"{passed} passed, {failed} failed", flush=True)
        return 1 if failed or not self.verdicts else 0
