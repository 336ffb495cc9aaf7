# SPDX-License-Identifier: GPL-2.0-only
"""What a boot test is counted as: by its script's status and how its machine ended. And the line
"# boot:" of a script, whose mistakes are errors."""

import os
import tempfile
import unittest

from fake import Faked
from harness.cases import Case, boot_args, case_files
from harness.dom0 import carry_out, with_shell
from harness.machine import POWERED_OFF, Machine
from harness.verdict import ERROR, FAILURE, SKIP, SUCCESS, TestProblem


class Scripts(Faked):
    """Scripts in a dom0 whose machine is a fake one."""

    def counts_as(self, verdict, says, status=POWERED_OFF, limit=60):
        class Dom0:
            """What carry_out() asks of one."""
            machine = staticmethod(lambda: Machine("", os.path.join(self.folder, "log"), limit))

        return super().counts_as(verdict, carry_out, Dom0, says=says, status=status)

    def test_status(self):
        self.counts_as(SUCCESS, "all is well\ndom0-status: 0\n")
        self.counts_as(SKIP, "dom0-status: 77\n")
        said = self.counts_as(FAILURE, "FAIL: no disk\nFAIL 2\ndom0-status: 1\n")
        self.assertIn("status 1; FAIL: no disk; FAIL 2", said)
        self.counts_as(FAILURE, "dom0-status: 0\ndom0-status: 3\n")

    def test_no_status(self):
        self.assertIn("without a status", self.counts_as(FAILURE, "Linux version 6.1\n"))
        self.counts_as(FAILURE, "echo dom0-status: 0\n")

    def test_crash_behind_the_status(self):
        self.counts_as(FAILURE, "dom0-status: 0\n(LODGE) BUG at a.c:1\n(LODGE) halted\n", "stay")

    def test_limit(self):
        self.assertIn("after 1 s", self.counts_as(FAILURE, "dom0-status: 0\n", "stay", 1))


class Lines(unittest.TestCase):
    def args(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "case.sh")
            with open(path, "w", encoding="utf-8") as handle:
                handle.write(text)
            return boot_args(path, "boot/case")

    def test_words(self):
        args = self.args("# About.\n# boot: --smp 2 --guest=demo --dom0 'a=1 b' --set N='x y'\n.")
        self.assertEqual((args.smp, args.guest, args.dom0, args.set, args.name),
                         (2, "demo", "a=1 b", [("N", "x y")], "boot-case"))
        self.assertEqual(self.args("# About.\n").smp, 1)

    def test_mistakes(self):
        for text, number, why in (
                ("#\n# boot: --smpp 2\n", 2, "unrecognized arguments: --smpp 2"),
                ("# boot: --smp 2 limit=5\n", 1, "unrecognized arguments: limit=5"),
                ("# boot: --smp two\n", 1, "invalid int value"),
                ("# boot: --hypervisor kvm\n", 1, "invalid choice"),
                ("# boot: --lim 5\n", 1, "unrecognized arguments: --lim 5"),  # no abbreviations
                ("# boot: --name x\n", 1, "unrecognized"),
                ("# boot: --dom0 'open\n", 1, "No closing quotation"),
                ("# boot: --set 1=2\n", 1, "NAME=VALUE"),
                ("# boot: --smp 2\n#boot : --smp 4\n", 2, "a second boot line"),
                ("# About.\n\n# boot: --smp 2\n", 3, "opening comment")):
            with self.assertRaisesRegex(TestProblem, rf"case\.sh:{number}: .*{why}") as wrong:
                self.args(text)
            self.assertEqual(wrong.exception.verdict, ERROR)

    def test_all_there_are(self):
        cases = [Case(name, path) for name, path in case_files().items()]
        modules = [case.module() for case in cases if case.args is None]
        self.assertGreater(len(cases) - len(modules), 20)
        for module in modules:
            self.assertTrue(callable(module.run), module)


class Shell(unittest.TestCase):
    def test_values(self):
        self.assertEqual(with_shell("#!/bin/bash\necho $a\n", {"a": "it's", "n": 2}),
                         "#!/bin/bash\na='it'\"'\"'s'\nn=2\necho $a\n")
        self.assertEqual(with_shell("true"), "#!/bin/sh\ntrue\n")


if __name__ == "__main__":
    unittest.main()
