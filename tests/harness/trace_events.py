# SPDX-License-Identifier: GPL-2.0-only
"""Is a file what viewers of the Trace Event Format take? And what is in it.

check() goes by the rules that `lodge trace` promises: on each track B and E nest and are complete,
times do not go back, every process and thread has one name, given before anything happens there.
"""

import json

PHASES = {"B", "E", "i", "M"}
NAMES = {"process_name", "thread_name", "process_sort_index"}


class Trace:
    """Slices and instants of a trace, each with what its track is called."""

    def __init__(self, text):
        self.faults = []
        self.slices = []  # dicts: process, thread, name, cat, args, ts, dur, depth
        self.instants = []
        self._processes, self._threads, self._open, self._last = {}, {}, {}, {}
        whole = json.loads(text)
        self.records = int(whole["otherData"]["records"])
        self.lost = int(whole["otherData"]["lost"])
        for event in whole["traceEvents"]:
            self._event(event)
        for track, stack in self._open.items():
            if stack:
                self._fault(f"{len(stack)} slices of {track} have no end", stack[-1])

    def _fault(self, what, event):
        self.faults.append(f"{what}: {event}")

    def _name(self, event):
        what, pid, track = event.get("name"), event["pid"], (event["pid"], event["tid"])
        if what not in NAMES:
            self._fault("metadata of an unknown kind", event)
        elif what == "process_sort_index":
            return
        names, key = (self._processes, pid) if what == "process_name" else (self._threads, track)
        if key in names:
            self._fault("named twice", event)
        names[key] = event["args"]["name"]
        if not isinstance(names[key], str):
            self._fault("the name is no text", event)

    def _event(self, event):
        phase = event.get("ph")
        if phase not in PHASES:
            self._fault("phase", event)
            return
        if not isinstance(event.get("pid"), int) or not isinstance(event.get("tid"), int):
            self._fault("pid and tid are numbers", event)
            return
        if phase == "M":
            self._name(event)
            return
        track = (event["pid"], event["tid"])
        if track not in self._threads or event["pid"] not in self._processes:
            self._fault("a track without a name", event)
            return
        if not isinstance(event.get("ts"), (int, float)) or event["ts"] < 0:
            self._fault("the time is no number", event)
            return
        if event["ts"] < self._last.get(track, 0):
            self._fault("time goes back", event)
        self._last[track] = event["ts"]
        self._happens(event, track)

    def _happens(self, event, track):
        stack = self._open.setdefault(track, [])
        entry = {"process": self._processes[track[0]], "thread": self._threads[track],
                 "name": event.get("name"), "cat": event.get("cat"), "ts": event["ts"],
                 "args": dict(event.get("args", {})), "depth": len(stack)}
        if event["ph"] == "E":
            if not stack:
                self._fault("an end without a beginning", event)
                return
            begun = stack.pop()
            begun["args"].update(entry["args"])
            begun["dur"] = event["ts"] - begun["ts"]
            return
        if not event.get("name") or not event.get("cat"):
            self._fault("without a name or a category", event)
        if event["ph"] == "i":
            if event.get("s") not in ("t", "p", "g"):
                self._fault("the scope of an instant", event)
            self.instants.append(entry)
        else:
            stack.append(entry)
            self.slices.append(entry)

    def slices_of(self, process=None, name=None, cat=None):
        return [s for s in self.slices
                if process in (None, s["process"]) and name in (None, s["name"])
                and cat in (None, s["cat"])]


def check(path):
    """The trace in a file, and what is wrong with it."""
    with open(path, encoding="utf-8") as handle:
        return Trace(handle.read())
