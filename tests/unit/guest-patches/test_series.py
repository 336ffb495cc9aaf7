# SPDX-License-Identifier: GPL-2.0-only
"""The series as commits and as patches, and where a kernel with some of it is kept: on a source of
one file."""

import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "guest-patches"))
import build  # noqa: E402
import export  # noqa: E402
import series  # noqa: E402
import source  # noqa: E402
import tree  # noqa: E402

HEAD = """mm: {number} becomes more

# No comment of git's, but why.

Measured: nothing.

Without the extension: nothing.
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)


class Series(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.patches = os.path.join(folder.name, "patches")
        self.source = os.path.join(folder.name, "source")
        os.mkdir(self.patches)
        os.mkdir(self.source)
        for module in (series, source):
            patch = mock.patch.object(module, "PATCHES", self.patches)
            patch.start()
            self.addCleanup(patch.stop)
        write(os.path.join(self.source, "a"), "0\n")
        tree.commit_source(self.source)
        tree.git(self.source, "checkout", "-q", "-b", "made")
        for number in "1", "2", "3":
            write(os.path.join(self.source, "a"), number + "\n")
            tree.git(self.source, "commit", "-q", "-a", "--cleanup=verbatim", "-F", "-",
                     text=HEAD.format(number=number))
        self.names = self.export("made")

    def export(self, branch):
        commits = export.git(self.source, "rev-list", "--reverse", f"master..{branch}").split()
        return export.export(self.source, commits)

    def contents(self):
        texts = {}
        for name in os.listdir(self.patches):
            with open(os.path.join(self.patches, name), encoding="utf-8") as handle:
                texts[name] = handle.read()
        return texts

    def test_there_and_back(self):
        """Commits that are made of patches make the same patches."""
        before = self.contents()
        self.assertIn("\n# No comment", before[self.names[0]])
        tree.git(self.source, "checkout", "-q", "master")
        tree.commit_series(self.source)
        self.assertEqual(self.export("series"), self.names)
        self.assertEqual(self.contents(), before)

    def test_nothing_is_overwritten(self):
        with self.assertRaisesRegex(source.KernelError, "is there already"):
            tree.make("/nowhere", self.source)

    def test_up_to(self):
        self.assertEqual(source.series(), self.names)
        self.assertEqual(source.series("0002"), self.names[:2])
        self.assertEqual(build.patches_of("debug", "0001"), self.names[:1])
        self.assertEqual(build.patches_of("unpatched"), [])
        with self.assertRaisesRegex(source.KernelError, "0004"):
            source.series("0004")

    def test_kept(self):
        """A kernel has the same place for as long as it would be the same: what a patch says of
        itself does not count, what it does, and how many there are, does."""
        made = build.Build(os.path.dirname(self.patches), 1)
        places = [made.kept("1", "patched", source.series(name)) for name in self.names]
        self.assertEqual(len(set(places)), 3)
        first = os.path.join(self.patches, self.names[0])
        text = self.contents()[self.names[0]]
        write(first, text.replace("Measured: nothing", "Measured: much"))
        self.assertEqual(made.kept("1", "patched", self.names), places[2])
        write(first, text.replace("+1", "+4"))
        self.assertNotEqual(made.kept("1", "patched", self.names), places[2])

    def test_folders(self):
        folders = [build.out_folder("b", *words) for words in (
            ("patched",), ("debug",), ("patched", self.names[1]), ("debug", self.names[1]))]
        self.assertEqual(folders, ["b/guest-kernel", "b/guest-kernel-debug", "b/guest-kernel-0002",
                                   "b/guest-kernel-debug-0002"])


if __name__ == "__main__":
    unittest.main()
