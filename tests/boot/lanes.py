# SPDX-License-Identifier: GPL-2.0-only
"""Several jobs side by side, as many as there are processors for.

A job says how many processors it has. One with several keeps little more than one of them busy
(mostly one virtual processor waits for the other), so it counts as one and a half, and half a
processor more is given away than there is: beside such a job another one runs, but not two.
"""

import os
import threading


class Lanes:
    """add() jobs, then run() them; a job may add more. run() returns when all have ended."""

    def __init__(self, processors=0):
        self._all = 2 * (processors or os.cpu_count() or 1) + 1  # in halves
        self._jobs = []
        self._free = self._all
        self._change = threading.Condition()
        self._broken = None

    def add(self, processors, function, *arguments):
        """function(*arguments) is a job with so many processors."""
        with self._change:
            self._jobs.append((min(processors + 1, self._all), function, arguments))
            self._change.notify()

    def run(self):
        """In the order in which they were added, but one that fits does not wait for one that
        does not. After an exception no more are begun, and it comes out here."""
        with self._change:
            while self._free < self._all or (self._jobs and not self._broken):
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

    def _carry_out(self, halves, function, arguments):
        broken = None
        try:
            function(*arguments)
        except BaseException as bug:  # an exception would end the thread, and nobody would know
            broken = bug
        with self._change:
            self._broken = self._broken or broken
            self._free += halves
            self._change.notify()
