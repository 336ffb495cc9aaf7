#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`lodge top` on terminals: what its keys do, and that the terminal is afterwards what it was,
whether the end is a key, a signal, or a stop that may last. Each terminal is a pseudo one whose
kernel knows no size, as a serial line's: 24 rows of 80 columns are drawn. What is waited for is
what appears, never a time.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios

LODGE = sys.argv[1]
ROWS, COLUMNS = 24, 80
PATIENCE = 30  # seconds, for what must come
passed = failed = 0


def check(what, holds):
    """Counts it, and says what does not hold."""
    global passed, failed  # pylint: disable=global-statement
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"does not hold: {what}")


SEQUENCE = re.compile(rb"\x1b(?:\[([?\d;]*)([A-Za-z])|[()].|[=>78])|[\x00-\x1f]|[^\x00-\x1f\x1b]+")


def screen(seen):
    """What is to be seen then, row by row: as much of a VT100 as the library makes use of."""
    rows = [[" "] * COLUMNS for _ in range(ROWS)]
    y = x = 0
    for found in SEQUENCE.finditer(seen):
        what, numbers, letter = found[0], (found[1] or b"").strip(b"?"), found[2]
        values = [int(n) for n in numbers.split(b";") if n]
        n = values[0] if values else 1
        if letter == b"H":
            y, x = (values + [1, 1])[:2] if values else (1, 1)
            y, x = y - 1, x - 1
        elif letter in (b"A", b"B"):
            y += n if letter == b"B" else -n
        elif letter in (b"C", b"D"):
            x += n if letter == b"C" else -n
        elif letter == b"K":
            cells = range(0, x + 1) if values == [1] else range(x, COLUMNS)
            for i in cells:
                rows[y][i] = " "
        elif letter == b"J":
            rows[y][x:] = [" "] * (COLUMNS - x)
            rows[y + 1:] = [[" "] * COLUMNS for _ in rows[y + 1:]]
        elif what == b"\r":
            x = 0
        elif what == b"\n":
            y = min(y + 1, ROWS - 1)
        elif what == b"\b":
            x -= 1
        elif what == b"\t":
            x = (x // 8 + 1) * 8
        elif what[0] >= 0x20:
            for character in what.decode():
                rows[y][min(x, COLUMNS - 1)] = character
                x += 1
    return ["".join(row).rstrip() for row in rows]


class Terminal:
    """A pseudo terminal whose session `lodge top` runs in, in a process group of its own."""

    def __init__(self, term, *options, locale="C"):
        self.ours, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self.seen = b""
        env = {"PATH": os.environ["PATH"], "LC_ALL": locale, "TERMINFO_DIRS": "/lib/terminfo"}
        if term:
            env["TERM"] = term
        # Of the same session as its parent, or a stop would be ignored.
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [LODGE, "top", *options], env=env, stdin=self.theirs, stdout=self.theirs,
            stderr=subprocess.STDOUT, process_group=0)

    def shows(self, text, row=None):
        """Waits until it is on the screen, or in that row of it."""
        while not any(text in line for i, line in enumerate(screen(self.seen))
                      if row in (None, i)):
            if not select.select([self.ours], [], [], PATIENCE)[0]:
                return False
            try:
                self.seen += os.read(self.ours, 4096)
            except OSError:
                return False
        return True

    def key(self, text):
        os.write(self.ours, text.encode())

    def is_as_before(self):
        return termios.tcgetattr(self.theirs) == self.before

    def stopped(self):
        """Waits until it has stopped."""
        return os.WIFSTOPPED(os.waitpid(self.process.pid, os.WUNTRACED)[1])

    def take(self):
        """What is there."""
        while select.select([self.ours], [], [], 0)[0]:
            self.seen += os.read(self.ours, 65536)

    def ends(self):
        """Waits for its end; the status."""
        for _ in range(PATIENCE * 5):
            self.take()
            try:
                status = self.process.wait(0.2)
                self.take()
                return status
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        return None


def starts(t):
    check("it draws, the keys in the last row", t.shows("q quit", ROWS - 1))


def keys():
    """Keys that sort, select, renew, and end it."""
    t = Terminal("vt100", "-d", "3600")
    starts(t)
    check("keys come without a newline", not t.is_as_before())
    for key, name in (("m", "memory"), ("e", "entries"), ("d", "disk"), ("n", "network"),
                      ("s", "name"), ("i", "id"), ("c", "cpu")):
        t.key(key)
        check(f"{key} sorts by {name}", t.shows(f"sort ({name})"))
    check("Domain-0 is the selected one", t.shows("by reason" + " " * 27 + "Domain-0"))
    t.key("j")
    check("the next domain is selected", t.shows("by reason" + " " * 27 + "web"))
    t.key("\x1bOB")
    check("and by its arrow", t.shows("by reason" + " " * 27 + "db"))
    t.key("k")
    check("the one before is selected", t.shows("by reason" + " " * 27 + "web"))
    check("an interval of an hour", t.shows("every 3600.0 s", 0))
    t.key(" ")
    while "every 3600.0 s" in screen(t.seen)[0] and select.select([t.ours], [], [], PATIENCE)[0]:
        t.seen += os.read(t.ours, 4096)
    check("a space renews at once", "every 3600.0 s" not in screen(t.seen)[0])
    t.key("q")
    check("q ends it well", t.ends() == 0)
    check("the terminal is as it was", t.is_as_before())


def signals():
    """Signals that end it, and one that stops it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        t = Terminal("vt100", "-d", "3600")
        starts(t)
        t.process.send_signal(number)
        check(f"signal {number} ends it well", t.ends() == 0)
        check(f"after signal {number} the terminal is as it was", t.is_as_before())
    t = Terminal("vt100", "-d", "3600")
    starts(t)
    os.close(t.theirs)
    os.close(t.ours)
    check("it ends with its terminal", t.process.wait(PATIENCE) == 0)
    t = Terminal("vt100", "-d", "3600")
    starts(t)
    t.process.send_signal(signal.SIGTSTP)
    check("it stops", t.stopped())
    check("while it is stopped the terminal is as it was", t.is_as_before())
    t.seen = b""
    t.process.send_signal(signal.SIGCONT)
    starts(t)
    t.key("q")
    check("it ends well after that", t.ends() == 0)
    check("the terminal is as it was in the end", t.is_as_before())


def terminals():
    """Terminals that can more, and less."""
    t = Terminal("vt100", "-d", "3600", locale="C.UTF-8")
    check("bars are blocks where the locale has them", t.shows("\u2588"))
    t.key("q")
    check("and it ends well", t.ends() == 0)
    for term in ("dumb", "no-such-terminal", None):
        t = Terminal(term, "-d", "0.1", "-n", "2")
        check(f"{term}: it ends after as many as were asked for", t.ends() == 0)
        check(f"{term}: text of two times, and no sequences",
              t.seen.count(b"lodge top") == 2 and b"\x1b" not in t.seen)
        check(f"{term}: the terminal is as it was", t.is_as_before())


keys()
signals()
terminals()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
