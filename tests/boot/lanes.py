# SPDX-License-Identifier: GPL-2.0-only
"""Several jobs side by side, as many as there are processors for.

A job says how many processors it keeps busy. A machine with two virtual processors runs alone on a
host with two: two threads of the emulator that share a processor wait for each other, and a test
would measure that.
"""

import os
import threading


class Lanes:
    """add() jobs, then run() them; a job may add more. run() returns when all have ended."""

    def __init__(self, width=0):
        self.width = width or os.cpu_count() or 1
        self._jobs = []
        self._free = self.width
        self._change = threading.Condition()
        self._broken = None

    def add(self, width, function, *arguments):
        """function(*arguments) keeps `width` processors busy, or all where there are fewer."""
        with self._change:
            self._jobs.append((min(width, self.width), function, arguments))
            self._change.notify()

    def run(self):
        """In the order in which they were added, but one that fits does not wait for one that
        does not. After an exception no more are begun, and it comes out here."""
        with self._change:
            while self._free < self.width or (self._jobs and not self._broken):
                fits = (job for job in self._jobs if job[0] <= self._free and not self._broken)
                job = next(fits, None)
                if not job:
                    self._change.wait()
                    continue
                self._jobs.remove(job)
                self._free -= job[0]
                threading.Thread(target=self._carry_out, args=job).start()
        if self._broken:
            raise self._broken

    def _carry_out(self, width, function, arguments):
        broken = None
        try:
            function(*arguments)
        except BaseException as bug:  # an exception would end the thread, and nobody would know
            broken = bug
        with self._change:
            self._broken = self._broken or broken
            self._free += width
            self._change.notify()
