# SPDX-License-Identifier: GPL-2.0-only
"""What a guest's boot is counted as: by all that the guest printed and how its machine ended. And
boot.txt, whose mistakes are errors."""

import contextlib
import glob
import io
import os
import tempfile
import unittest
from unittest import mock

from fake import Faked
from harness import boot_txt, guests
from harness.boot_txt import Boot, parse_boot
from harness.machine import DONE, POWERED_OFF
from harness.verdict import ERROR, FAILURE, SKIP, SUCCESS, Tally, TestProblem

GOOD = "RESULT success 8 checks\n"
TRIPLE_FAULT = POWERED_OFF  # to QEMU they are the same


class Booted(Faked):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch("harness.guests.cached_iso", lambda *_: "/dev/null"))
        self.enterContext(mock.patch("harness.guests.LOGS", self.folder))

    def counts_as(self, verdict, says, status=DONE, how=Boot(), **settings):
        return super().counts_as(verdict, guests.boot, "a-guest", "a.elf", how, binary="x",
                                 says=says, status=status, **settings)

    def test_success(self):
        self.counts_as(SUCCESS, GOOD)

    def test_the_worst_counts(self):
        self.counts_as(FAILURE, "RESULT failure 1 of 2\n" + GOOD)
        self.counts_as(ERROR, "RESULT error no memory\nRESULT skip\n" + GOOD)
        self.assertIn("no SMAP", self.counts_as(SKIP, "d0: RESULT skip no SMAP\n" + GOOD))

    def test_worse_after_a_success(self):
        self.counts_as(FAILURE, GOOD + "RESULT failure 1 of 2\n")
        self.counts_as(ERROR, GOOD + "trap 14\nRESULT error a trap that no test expected\n")

    def test_crash_after_a_result(self):
        crash = "(LODGE) the hardware domain has shut down: crash\n(LODGE) halted\n"
        self.assertIn("crash", self.counts_as(FAILURE, GOOD + crash, "stay"))
        self.counts_as(FAILURE, GOOD + "(LODGE) BUG at a.c:1\n(LODGE) halted; reset\n", "stay")
        self.counts_as(FAILURE, GOOD, TRIPLE_FAULT)

    def test_other_status(self):
        for status in (0, 2, 3, 5):
            self.assertIn("not by the guest's will", self.counts_as(FAILURE, GOOD, status))
        self.counts_as(FAILURE, "RESULT skip no reason\n", 3)

    def test_prints_nothing(self):
        self.assertIn("without a RESULT", self.counts_as(FAILURE, "", DONE))
        self.counts_as(FAILURE, "hello\nRESULTS success\n", DONE)

    def test_limit(self):
        limited = Boot(limit=1)
        self.assertIn("after 1 s", self.counts_as(FAILURE, GOOD, "stay", limited))
        with open(os.path.join(self.folder, "a-guest.log"), encoding="utf-8") as log:
            self.assertEqual(log.readline(), GOOD)

    def test_expect(self):
        wants = Boot(expect=r"cannot start: .*\bAPIC", end="expect")
        self.counts_as(SUCCESS, "(LODGE) cannot start: no APIC\n(LODGE) halted\n", "stay", wants)
        self.counts_as(FAILURE, "(LODGE) cannot start: no memory\n(LODGE) halted\n", "stay", wants)
        self.counts_as(FAILURE, GOOD, DONE, wants)
        self.counts_as(SUCCESS, "words\n" + GOOD, DONE, Boot(expect="word"))
        self.counts_as(FAILURE, "words\nRESULT failure 1\n", DONE, Boot(expect="word"))

    def test_xen(self):
        end = "(XEN) Hardware Dom0 halted: halting machine\n"
        crash = "(XEN) Hardware Dom0 crashed: rebooting machine in 5 seconds.\n" \
                "(XEN) Manual reset required ('noreboot' specified)\n"
        self.counts_as(SUCCESS, GOOD + end, "stay", side="xen")
        self.counts_as(FAILURE, GOOD + crash, "stay", side="xen")
        self.counts_as(FAILURE, end, "stay", side="xen")

    def test_debug(self):
        measured = []

        def counts_as(verdict, off):
            self.counts_as(verdict, off + GOOD, DONE, Boot(shift=1), debug=True, measured=measured)

        counts_as(SUCCESS, "interrupts off for 99998 ticks, here\n"
                           "interrupts off for 9 ticks, there\n")
        counts_as(FAILURE, "interrupts off for 100002 ticks, here\n")
        counts_as(FAILURE, "")
        self.assertEqual([instructions for instructions, _ in measured], [49999, 50001, 0])


class BootTxt(unittest.TestCase):
    def test_words(self):
        self.assertEqual(parse_boot("smp=2 limit=5 options='a=1 b' # smp=3\n"),
                         Boot(smp=2, limit=5, options="a=1 b"))
        self.assertIsNone(parse_boot("# nothing\n"))
        self.assertEqual(parse_boot(r'expect="a\(b" end=expect').expect, r"a\(b")

    def test_mistakes(self):
        for line, why in (("smpp=2", "no such word"), ("smp=2 limt=5", "limt=5"),
                          ("smp", "no such word"), ("smp=two", "number"), ("limit=", "number"),
                          ("limit=-1", "number"), ("smp=1 smp=2", "twice"),
                          ("end=now expect=x", "only be expect"), ("end=expect", "without"),
                          ("debug=yes", "only be no"), ("expect=( ", "expect=("),
                          ("cmdline='open", "No closing quotation")):
            with self.assertRaises(ValueError, msg=line) as wrong:
                parse_boot(line)
            self.assertIn(why, str(wrong.exception))

    def test_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "boot.txt")
            with open(path, "w", encoding="utf-8") as handle:
                handle.write("# a comment\nsmp=2\nsmpp=2\n")
            with self.assertRaisesRegex(TestProblem, r"boot\.txt:3: smpp=2: there is no such") as p:
                boot_txt.read_boots(path)
            self.assertEqual(p.exception.verdict, ERROR)

    def test_error_in_the_tally(self):
        broken = TestProblem(ERROR, "boot.txt:1: smpp=2")
        for kind in ("guests", "points"):
            tally, said = Tally(), io.StringIO()
            with mock.patch("harness.guests.boots_of", side_effect=broken), \
                    mock.patch("harness.guests.built_guests", lambda: {"one": "one.elf"}), \
                    contextlib.redirect_stdout(said):
                self.assertEqual(guests.boots(kind, tally, lambda name: True), [])
            self.assertEqual(tally.verdicts, [ERROR])
            self.assertIn(f"{kind}/one", said.getvalue())

    def test_all_there_are(self):
        paths = glob.glob(os.path.join(boot_txt.GUESTS, "*", "boot.txt"))
        self.assertGreater(len(paths), 20)
        for path in paths:
            boot_txt.read_boots(path)


if __name__ == "__main__":
    unittest.main()
