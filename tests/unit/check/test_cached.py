# SPDX-License-Identifier: GPL-2.0-only
"""What is made once and kept: found again, made where it is not there, the one before kept too."""

import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "dom0-tools", "image"))
from guest_image import cached  # noqa: E402
from mkimage import ImageError  # noqa: E402


class Cached(unittest.TestCase):
    def setUp(self):
        self.made = 0

    def make(self, work, path):
        self.made += 1
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(f"{os.path.isdir(work)}")

    def test_once(self):
        with tempfile.TemporaryDirectory() as cache:
            for number in (1, 2, 3, 3):
                path = cached(cache, "disk", f"{number}.img", 0, self.make)
                os.utime(path, (number, number))
            self.assertEqual(self.made, 3)
            self.assertEqual(sorted(os.listdir(cache)), ["disk-2.img", "disk-3.img"])

    def test_no_room(self):
        with tempfile.TemporaryDirectory() as cache:
            with self.assertRaises(ImageError):
                cached(cache, "disk", "1.img", 1 << 62, self.make)
            self.assertEqual((self.made, os.listdir(cache)), (0, []))


if __name__ == "__main__":
    unittest.main()
