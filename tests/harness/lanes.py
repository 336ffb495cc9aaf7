# SPDX-License-Identifier: GPL-2.0-only
"""Several jobs side by side, as many as there are processors, each of which one job keeps busy."""

import os
import threading


class Lanes:
    """add() jobs, then run() them; a job may add more. run() returns when all have ended."""

    def __init__(self, processors=0):
        self._all = processors or len(os.sched_getaffinity(0))
        self._jobs = []
        self._free = self._all
        self._change = threading.Condition()
        self._broken = None

    def add(self, function, *arguments):
        """function(*arguments) is a job."""
        with self._change:
            self._jobs.append((function, arguments))
            self._change.notify()

    def run(self):
        """In the order in which they were added. After an exception no more are begun, and it comes
        out here."""
        with self._change:
            while self._free < self._all or (self._jobs and not self._broken):
                if not self._free or not self._jobs or self._broken:
                    self._change.wait()
                    continue
                self._free -= 1
                threading.Thread(target=self._carry_out, args=self._jobs.pop(0)).start()
        if self._broken:
            raise self._broken

    def _carry_out(self, function, arguments):
        broken = None
        try:
            function(*arguments)
        except BaseException as bug:  # an exception would end the thread, and nobody would know
            broken = bug
        with self._change:
            self._broken = self._broken or broken
            self._free += 1
            self._change.notify()
