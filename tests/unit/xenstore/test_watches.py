# SPDX-License-Identifier: GPL-2.0-only
"""Watches: which changes are told to whom, in which form, and what a slow reader gets."""

import subprocess
import unittest

import wire
from test_protocol import Case
from wire import strings


class Watches(Case):
    def setUp(self):
        super().setUp()
        self.other = self.daemon.client()
        self.root.write("/w/a", "1")

    def watch(self, path, token="t"):
        self.other.watch(path, token)
        self.assertEqual(self.other.drain(), [(path, token)])

    def test_first_event(self):
        self.watch("/w")
        self.watch("/does/not/exist", "u")

    def test_changes(self):
        self.watch("/w")
        self.root.write("/w/a", "2")
        self.root.mkdir("/w/b/c")
        self.root.set_perms("/w/a", "n0", "r1")
        self.root.rm("/w/b")
        self.root.rm("/w")
        self.assertEqual(self.other.drain(), [("/w/a", "t"), ("/w/b/c", "t"), ("/w/a", "t"),
                                              ("/w/b", "t"), ("/w", "t")])

    def test_nothing_changed_nothing_told(self):
        self.watch("/w")
        self.root.mkdir("/w/a")
        self.root.read("/w/a")
        self.root.rm("/w/missing")
        self.root.write("/wa", "not below")
        self.root.write("/v", "not below")
        self.assertEqual(self.other.drain(), [])

    def test_root_hears_all(self):
        self.watch("/")
        self.root.write("/w/a", "2")
        self.root.write("/q", "2")
        self.assertEqual(self.other.drain(), [("/w/a", "t"), ("/q", "t")])

    def test_removal_reaches_watches_below(self):
        self.root.write("/w/x/y", "1")
        self.watch("/w/x/y", "deep")
        self.watch("/w/x/none", "none")
        self.root.rm("/w")
        self.assertEqual(self.other.drain(), [("/w/x/y", "deep")])

    def test_relative_watches(self):
        self.other.watch("home/x", "t")
        self.assertEqual(self.other.event(), ("home/x", "t"))
        self.root.write("/local/domain/0/home/x/y", "1")
        self.assertEqual(self.other.event(), ("home/x/y", "t"))

    def test_two_watches_on_one_path(self):
        self.watch("/w", "one")
        self.watch("/w", "two")
        self.refused("EEXIST", self.other.watch, "/w", "one")
        self.root.write("/w/a", "2")
        self.assertEqual(sorted(self.other.drain()), [("/w/a", "one"), ("/w/a", "two")])
        self.other.unwatch("/w", "one")
        self.root.write("/w/a", "3")
        self.assertEqual(self.other.drain(), [("/w/a", "two")])

    def test_unwatch(self):
        self.refused("ENOENT", self.other.unwatch, "/w", "t")
        self.watch("/w")
        self.refused("ENOENT", self.other.unwatch, "/w", "other")
        self.refused("ENOENT", self.root.unwatch, "/w", "t")
        self.other.unwatch("/w", "t")
        self.root.write("/w/a", "2")
        self.assertEqual(self.other.drain(), [])
        self.watch("/w")

    def test_reset_watches(self):
        self.watch("/w", "one")
        self.watch("/w/a", "two")
        tx = self.other.start()
        self.other.talk(wire.RESET_WATCHES, strings(""))
        self.root.write("/w/a", "2")
        self.assertEqual(self.other.drain(), [])
        self.refused("ENOENT", self.other.end, tx)

    def test_own_changes_are_told(self):
        self.watch("/w")
        self.other.write("/w/a", "2")
        self.assertEqual(self.other.drain(), [("/w/a", "t")])

    def test_long_tokens(self):
        self.watch("/w", "t" * 1000)
        self.refused("EINVAL", self.other.watch, "/w", "t" * 2000)

    def test_slow_reader_gets_merged_events(self):
        """A reader that stops costs the daemon little, writers nothing, and learns all paths."""
        self.watch("/w")
        for i in range(3000):
            self.root.write("/w/a", str(i))
            self.root.write(f"/w/{i % 5}", "x")
        waiting = int(self.root.control("memreport").split("events")[1].split()[0])
        self.assertLess(waiting, 100)
        heard = self.other.drain()
        self.assertEqual(set(heard), {("/w/a", "t")} | {(f"/w/{i}", "t") for i in range(5)})

    def flood(self, *words):
        done = subprocess.run([f"{wire.BUILD}/list_test", *words], text=True,
                              timeout=300, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(self.daemon.environment, XENSTORED_PATH=self.daemon.socket))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_busy_client_is_told_at_once(self):
        """The tools' connection, which reads events while it waits for answers (list_test.c)."""
        told, last = self.flood("flood", "/tool/f")
        self.assertGreaterEqual(int(told), 300)
        self.assertEqual(last, "/tool/f/299")

    def test_library_keeps_few_events(self):
        """Nobody reads them, while ever new paths are written: those that wait are folded."""
        waiting, own = self.flood("flood-library", "/tool/l", "6000")
        self.assertGreaterEqual(int(waiting), 4097)
        self.assertLess(int(waiting), 6000)
        self.assertGreaterEqual(int(own), 2)  # the watch's first one is, too

    def test_many_watches(self):
        for i in range(2000):
            self.other.watch(f"/many/{i}", "t")
        self.other.drain()
        self.root.write("/many/1234/x", "1")
        self.assertEqual(self.other.drain(), [("/many/1234/x", "t")])


class Special(Case):
    fake = True

    def test_introduce_and_release(self):
        watcher = self.daemon.client()
        watcher.watch("@introduceDomain", "in")
        watcher.watch("@releaseDomain", "out")
        self.assertEqual(len(watcher.drain()), 2)
        self.daemon.guest(3)
        self.assertEqual(watcher.drain(), [("@introduceDomain", "in")])
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(3)), b"T\0")
        self.root.talk(wire.RELEASE, strings(3))
        self.assertEqual(watcher.drain(), [("@releaseDomain", "out")])
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(3)), b"F\0")
        self.refused("ENOENT", self.root.talk, wire.RELEASE, strings(3))

    def test_guests_hear_of_it_only_if_allowed(self):
        guest = self.daemon.guest(3)
        guest.watch("@introduceDomain", "in")
        self.assertEqual(guest.drain(), [("@introduceDomain", "in")])  # as any new watch
        self.daemon.guest(4)
        self.assertEqual(guest.drain(), [])
        self.refused("EACCES", guest.perms, "@introduceDomain")
        self.refused("EACCES", guest.set_perms, "@introduceDomain", "r0")
        self.root.set_perms("@introduceDomain", "n0", "r3")
        self.assertEqual(self.root.perms("@introduceDomain"), ["n0", "r3"])
        self.daemon.guest(5)
        self.assertEqual(guest.drain(), [("@introduceDomain", "in")])


if __name__ == "__main__":
    unittest.main()
