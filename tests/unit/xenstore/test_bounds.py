# SPDX-License-Identifier: GPL-2.0-only
"""What one request may cost: memory and journal of a commit, deep paths; and a full file system,
which the daemon outlives and after which it saves again."""

import os
import random
import time
import unittest

import wire
from test_protocol import Case
from wire import StoreError

DEEP = "/".join(["d"] * 560)


class Bounds(Case):
    fake = True

    def journal(self):
        return int(self.root.control("memreport").split("journal")[1].split()[0])

    def peak(self):
        """The daemon's largest resident memory so far, in bytes."""
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as f:
            return int(f.read().split("VmHWM:")[1].split()[0]) << 10

    def again(self):
        self.daemon.kill()
        self.daemon.start()
        self.root = self.daemon.client()


class Commits(Bounds):
    def test_deep_paths_made_and_removed(self):
        """Within every quota a guest could have the commit note a quarter of a million paths."""
        guest = self.daemon.guest(5)
        before = self.peak()
        tx = guest.start()
        with self.assertRaises(StoreError) as caught:
            for _ in range(500):
                guest.write(DEEP, "x", tx)
                guest.rm("d", tx)
            guest.write(DEEP, "x", tx)
            guest.end(tx)
        self.assertEqual(str(caught.exception), "ENOSPC")
        self.refused("ENOSPC", guest.end, tx)
        self.assertLess(self.peak() - before, 300 << 20)  # the sanitizer keeps what was freed
        self.assertLess(os.path.getsize(f"{self.daemon.directory}/journal"), 2 << 20)
        self.again()
        guest.write("x", "1")
        self.assertEqual(guest.directory("/local/domain/5"), ["x"])

    def test_a_node_in_each_request(self):
        """As many as there may be requests: that they are new does not count."""
        guest = self.daemon.guest(5)
        tx = guest.start()
        for i in range(990):
            guest.write(f"d/{i}", "x", tx)
        guest.end(tx)
        self.assertEqual(guest.read("d/989"), b"x")

    def test_what_exists_in_the_end_is_noted_once(self):
        """dom0 has no quotas, so that all of it is done."""
        self.root.watch("/t", "t")
        self.root.drain()
        journal = self.journal()
        tx = self.root.start()
        for i in range(300):
            self.root.write(f"/t/{DEEP}", str(i), tx)
            self.root.rm("/t/d", tx)
        self.root.write(f"/t/{DEEP}", "last", tx)
        for i in range(100):
            self.root.write("/t/kept", str(i), tx)
        self.root.end(tx)
        self.assertLess(self.journal() - journal, 64 << 10)
        self.assertEqual(self.root.drain(), [(f"/t/{DEEP}", "t"), ("/t/kept", "t")])
        self.again()
        self.assertEqual(self.root.directory("/t"), ["d", "kept"])
        self.assertEqual(self.root.read(f"/t/{DEEP}"), b"last")
        self.assertEqual(self.root.read("/t/kept"), b"99")

    def test_removed_and_made_again(self):
        self.root.write("/t/a/kid", "x")
        self.root.write("/t/a", "old")
        self.root.set_perms("/t/a", "n5", "r6")
        self.root.write("/t/stays", "x")
        for path in ("/t/a/kid", "/t/a", "/t/stays"):
            self.root.watch(path, "w")
        self.root.drain()
        tx = self.root.start()
        self.root.rm("/t", tx)
        self.root.write("/t/a/other", "y", tx)
        self.root.write("/t/stays", "x", tx)  # the same value is an event, too
        self.root.end(tx)
        self.assertEqual(set(self.root.drain()), {("/t/a", "w"), ("/t/a/kid", "w"),
                                                  ("/t/a/other", "w"), ("/t/stays", "w")})
        self.again()
        self.assertEqual(self.root.read("/t/a"), b"")
        self.assertEqual(self.root.perms("/t/a"), ["n0"])
        self.assertEqual(self.root.directory("/t/a"), ["other"])
        self.assertEqual(self.root.read("/t/stays"), b"x")
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_watcher_that_loses_its_right(self):
        guest = self.daemon.guest(5)
        self.root.write("/t/a", "1")
        self.root.set_perms("/t/a", "n0", "r5")
        guest.watch("/t/a", "w")
        guest.drain()
        tx = self.root.start()
        self.root.set_perms("/t/a", "n0", tx=tx)
        self.root.write("/t/a", "2", tx)
        self.root.end(tx)
        self.assertEqual(guest.drain(), [("/t/a", "w")])
        tx = self.root.start()
        self.root.write("/t/a", "3", tx)
        self.root.end(tx)
        self.assertEqual(guest.drain(), [])


class Any(Bounds):
    """Whatever is done, in transactions and outside: a daemon that was killed finds it again, and
    whoever watches has heard of each node that is not as it was."""

    def setUp(self):
        super().setUp()
        self.rng = random.Random(11)

    def path(self):
        names = [self.rng.choice(("a", "ab", "b", "c-1")) for _ in range(self.rng.randint(1, 5))]
        return "/t/" + "/".join(names)

    def dump(self, path="/t"):
        nodes = {path: (self.root.read(path), tuple(self.root.perms(path)))}
        for name in self.root.directory(path):
            nodes.update(self.dump(f"{path}/{name}"))
        return nodes

    def change(self, tx):
        what = self.rng.randrange(5)
        try:
            if what < 2:
                self.root.write(self.path(), str(self.rng.randrange(3)), tx)
            elif what == 2:
                self.root.mkdir(self.path(), tx)
            elif what == 3:
                self.root.rm(self.path(), tx)
            else:
                self.root.set_perms(self.path(), f"n{self.rng.randrange(3)}", "r7", tx=tx)
        except StoreError as e:
            self.assertEqual(str(e), "ENOENT")

    def test_random_changes(self):
        self.root.mkdir("/t")
        for turn in range(60):
            before = self.dump()
            watcher = self.daemon.client()
            watcher.watch("/t", "w")
            watcher.drain()
            tx = self.root.start() if turn % 3 else 0
            for _ in range(self.rng.randint(1, 12)):
                self.change(tx)
            if tx:
                self.root.end(tx)
            after = self.dump()
            heard = {path for path, _ in watcher.drain()}
            watcher.close()
            for path in set(before) | set(after):
                if before.get(path) != after.get(path):
                    self.assertTrue(any(self.tells(path, h, after) for h in heard), (path, heard))
            self.assertEqual(self.root.control("check"), "OK\n")
            if turn % 4 == 3:
                self.again()
                self.assertEqual(self.dump(), after)

    @staticmethod
    def tells(path, heard, after):
        """An event names the node; or what went away with it; or for what it was made on the way.
        """
        return heard == path or (path not in after and path.startswith(heard + "/")) or \
            (path in after and heard.startswith(path + "/"))


class DeepPaths(Bounds):
    def test_one_request(self):
        """The way to a deep node is saved once, not anew for each node on it."""
        journal = self.journal()
        self.root.write(f"/{DEEP}", "x")
        self.assertLess(self.journal() - journal, 64 << 10)
        self.root.set_perms("/d/d", "n0", "r7")
        tx = self.root.start()
        self.root.write(f"/e/{DEEP}", "y", tx)
        self.root.end(tx)
        self.assertLess(self.journal() - journal, 128 << 10)
        for _ in range(2):
            self.again()
            self.assertEqual(self.root.read(f"/{DEEP}"), b"x")
            self.assertEqual(self.root.read(f"/e/{DEEP}"), b"y")
            self.assertEqual(self.root.perms("/d/d"), ["n0", "r7"])
            self.assertEqual(self.root.perms("/d/d/d"), ["n0"])
        # The second start has read a snapshot.
        self.assertLess(self.journal(), 128 << 10)


class NoRoom(Bounds):
    """The file system is full: as long as a file of that name is there, nothing can grow."""

    def setUp(self):
        super().setUp()
        self.full = f"{self.daemon.directory}/no-room"

    def fill(self):
        with open(self.full, "w", encoding="ascii"):
            pass

    def until_saving_ends(self):
        for i in range(1000):
            self.root.write("/fill", b"x" * 3000)
            if not self.journal():
                return
        self.fail("the journal has grown all the same")

    def test_saving_is_resumed(self):
        guest = self.daemon.guest(5)
        guest.write("before", "1")
        self.fill()
        self.until_saving_ends()
        guest.write("meanwhile", "2")
        os.unlink(self.full)
        deadline = time.monotonic() + wire.PATIENCE
        while not self.journal() and time.monotonic() < deadline:
            time.sleep(0.05)  # no request brings it about: the daemon looks by itself
        self.assertTrue(self.journal())
        guest.write("after", "3")
        self.again()
        for name, value in (("before", b"1"), ("meanwhile", b"2"), ("after", b"3")):
            self.assertEqual(guest.read(name), value)

    def test_room_that_a_shorter_journal_makes(self):
        """What is removed with the journal that has become too long may be enough for a new one."""
        with open(self.full, "w", encoding="ascii") as f:
            f.write("1000000")  # bytes that a file may have
        for i in range(1000):
            self.root.write("/fill", f"{i} " + "x" * 3000)
            self.assertTrue(self.journal())
        lines = [line for line in self.daemon.read_log().splitlines()
                 if "error: no room" in line]
        self.assertEqual(len(lines), 1)
        self.again()
        self.assertTrue(self.root.read("/fill").startswith(b"999 "))

    def test_journal_that_cannot_be_written_anew(self):
        """The old one stays in force, and takes further records as far as it has room."""
        journal = 0
        while journal < (1 << 20) - 20000:
            self.root.write("/fill", b"x" * 3000)
            journal = self.journal()
        with open(self.full, "w", encoding="ascii") as f:
            f.write("new")
        for i in range(100):
            self.root.write("/fill", f"{i} " + "x" * 3000)
        self.assertGreater(self.journal(), 1 << 20)
        self.again()
        self.assertTrue(self.root.read("/fill").startswith(b"99 "))
        os.unlink(self.full)
        self.again()
        self.assertLess(self.journal(), 1 << 20)

    def test_start_without_room(self):
        self.root.write("/a", "1")
        self.daemon.kill()
        os.unlink(f"{self.daemon.directory}/journal")
        self.fill()
        self.daemon.start()
        self.root = self.daemon.client()
        self.assertFalse(self.journal())
        self.root.write("/a", "2")
        os.unlink(self.full)
        deadline = time.monotonic() + wire.PATIENCE
        while not self.journal() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.again()
        self.assertEqual(self.root.read("/a"), b"2")


if __name__ == "__main__":
    unittest.main()
