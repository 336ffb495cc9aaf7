#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Machines for the driver's own tests. As a program it stands in QEMU's place: it says on its
serial line what FAKE_SAYS has, and ends with the status FAKE_STATUS, or with "stay" as that stands
still until something is typed. Who imports it can import the harness."""

import contextlib
import io
import os
import socket
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from harness.verdict import Tally  # noqa: E402


class Faked(unittest.TestCase):
    """Boots in which QEMU is this file."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch("harness.machine.QEMU", os.path.abspath(__file__)))

    def counts_as(self, verdict, function, *arguments, says, status, **settings):
        """What the tally says of a boot, which has to have this verdict."""
        tally, said = Tally(), io.StringIO()
        with mock.patch.dict(os.environ, FAKE_SAYS=says, FAKE_STATUS=str(status)), \
                contextlib.redirect_stdout(said):
            tally.run("a-boot", function, *arguments, **settings)
        self.assertEqual(tally.verdicts, [verdict], said.getvalue())
        return said.getvalue()


def main():
    chardev = next(word for word in sys.argv if word.startswith("socket,id=serial,path="))
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(chardev.partition("path=")[2])
        line.sendall(os.environ["FAKE_SAYS"].encode())
        if os.environ["FAKE_STATUS"] == "stay":
            line.recv(1)
            return 0
    return int(os.environ["FAKE_STATUS"])


if __name__ == "__main__":
    sys.exit(main())
