# SPDX-License-Identifier: GPL-2.0-only
"""Transactions: isolation, and conflicts exactly where something that was seen has changed."""

import os
import subprocess
import unittest

import wire
from test_protocol import Case
from wire import strings


class Transactions(Case):
    def setUp(self):
        super().setUp()
        self.other = self.daemon.client()
        self.root.write("/t/a", "1")
        self.root.write("/t/b", "2")

    def conflict(self, tx):
        self.refused("EAGAIN", self.root.end, tx)

    def test_isolation(self):
        tx = self.root.start()
        self.root.write("/t/a", "new", tx)
        self.root.write("/t/c", "3", tx)
        self.assertEqual(self.other.read("/t/a"), b"1")
        self.refused("ENOENT", self.other.read, "/t/c")
        self.assertEqual(self.root.read("/t/a", tx), b"new")
        self.assertEqual(self.root.directory("/t", tx), ["a", "b", "c"])
        self.other.write("/t/b", "outside")
        self.assertEqual(self.root.read("/t/b", tx), b"2")
        self.root.end(tx, commit=False)
        self.assertEqual(self.other.read("/t/a"), b"1")
        self.refused("ENOENT", self.other.read, "/t/c")

    def test_commit(self):
        tx = self.root.start()
        self.root.write("/t/c/d", "x", tx)
        self.root.rm("/t/b", tx)
        self.root.set_perms("/t/a", "r0", tx=tx)
        self.root.mkdir("/t/e", tx)
        self.root.end(tx)
        self.assertEqual(self.other.directory("/t"), ["a", "c", "e"])
        self.assertEqual(self.other.read("/t/c/d"), b"x")
        self.assertEqual(self.other.perms("/t/a"), ["r0"])
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_read_value_conflicts(self):
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.root.write("/t/b", "x", tx)
        self.other.write("/t/a", "changed")
        self.conflict(tx)
        self.assertEqual(self.root.read("/t/b"), b"2")

    def test_lost_update_conflicts(self):
        tx = self.root.start()
        count = int(self.root.read("/t/a", tx)) + 1
        self.root.write("/t/a", str(count), tx)
        self.other.write("/t/a", "10")
        self.conflict(tx)
        self.assertEqual(self.root.read("/t/a"), b"10")

    def test_listing_conflicts(self):
        tx = self.root.start()
        self.root.directory("/t", tx)
        self.other.mkdir("/t/new")
        self.conflict(tx)

    def test_absence_conflicts(self):
        tx = self.root.start()
        self.refused("ENOENT", self.root.read, "/t/lock", tx)
        self.root.write("/t/lock", "mine", tx)
        self.other.write("/t/lock", "theirs")
        self.conflict(tx)
        self.assertEqual(self.root.read("/t/lock"), b"theirs")

    def test_removal_conflicts(self):
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.other.rm("/t")
        self.conflict(tx)

    def test_permissions_conflict(self):
        tx = self.root.start()
        self.root.perms("/t/a", tx)
        self.other.set_perms("/t/a", "n0", "r5")
        self.conflict(tx)

    def test_removed_parent_conflicts(self):
        tx = self.root.start()
        self.root.rm("/t/a", tx)
        self.other.rm("/t")
        self.conflict(tx)

    def test_siblings_do_not_conflict(self):
        tx, tx2 = self.root.start(), self.other.start()
        self.root.write("/t/one", "1", tx)
        self.other.write("/t/two", "2", tx2)
        self.root.end(tx)
        self.other.end(tx2)
        self.assertEqual(self.root.directory("/t"), ["a", "b", "one", "two"])

    def test_change_next_door_does_not_conflict(self):
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.root.perms("/t/a", tx)
        self.root.write("/t/c", "x", tx)
        self.other.write("/t/b", "changed")
        self.other.mkdir("/t/a/child")
        self.other.write("/elsewhere", "x")
        self.root.end(tx)
        self.assertEqual(self.root.read("/t/c"), b"x")

    def test_value_put_back_does_not_conflict(self):
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.root.write("/t/c", "x", tx)
        self.other.write("/t/a", "changed")
        self.other.write("/t/a", "1")
        self.root.end(tx)

    def test_own_write_read_back_does_not_conflict(self):
        tx = self.root.start()
        self.root.write("/t/a", "mine", tx)
        self.assertEqual(self.root.read("/t/a", tx), b"mine")
        self.other.write("/t/a", "theirs")
        self.root.end(tx)
        self.assertEqual(self.root.read("/t/a"), b"mine")

    def test_read_only_and_empty(self):
        tx = self.root.start()
        self.root.end(tx)
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.root.end(tx)
        tx = self.root.start()
        self.root.read("/t/a", tx)
        self.other.write("/t/a", "x")
        self.conflict(tx)

    def test_remove_and_create_again(self):
        self.root.write("/t/a/kid", "x")
        tx = self.root.start()
        self.root.rm("/t/a", tx)
        self.root.write("/t/a", "again", tx)
        self.assertEqual(self.root.directory("/t/a", tx), [])
        self.root.end(tx)
        self.assertEqual(self.root.read("/t/a"), b"again")
        self.assertEqual(self.root.directory("/t/a"), [])
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_watches_fire_at_the_commit_only(self):
        self.other.watch("/t", "tok")
        self.other.drain()
        tx = self.root.start()
        self.root.write("/t/a", "x", tx)
        self.root.write("/t/new/deep", "y", tx)
        self.assertEqual(self.other.drain(), [])
        self.root.end(tx)
        self.assertEqual(self.other.drain(), [("/t/a", "tok"), ("/t/new/deep", "tok")])
        tx = self.root.start()
        self.root.write("/t/a", "z", tx)
        self.root.end(tx, commit=False)
        self.assertEqual(self.other.drain(), [])

    def test_tools_transaction_that_is_refused_in_part(self):
        self.root.mkdir("/tools")
        done = subprocess.run([f"{wire.BUILD}/list_test", "half", "/tools"], text=True,
                              env=dict(os.environ, XENSTORED_PATH=self.daemon.socket),
                              stdout=subprocess.PIPE, timeout=wire.PATIENCE, check=True)
        self.assertRegex(done.stdout, "^-22 .*/tools/no.path")
        self.assertEqual(self.root.directory("/tools"), [])

    def test_ids(self):
        self.refused("ENOENT", self.root.end, 77)
        self.refused("ENOENT", self.root.read, "/t/a", 77)
        self.refused("ENOENT", self.root.end, 0)
        tx = self.root.start()
        self.refused("EBUSY", self.root.talk, wire.TX_START, strings(""), tx)
        self.refused("ENOENT", self.other.read, "/t/a", tx + 1)
        self.root.end(tx)
        self.refused("ENOENT", self.root.end, tx)

    def test_many_at_once(self):
        """Counters under contention: every increment that was committed is there."""
        clients = [self.daemon.client() for _ in range(8)]
        self.root.write("/n", "0")
        done = [0] * len(clients)
        open_tx = [None] * len(clients)
        step = 0
        while sum(done) < 100:
            step += 1
            self.assertLess(step, 100000)
            i = step * 7 % len(clients)
            c = clients[i]
            if open_tx[i] is None:
                tx = c.start()
                c.write("/n", str(int(c.read("/n", tx)) + 1), tx)
                open_tx[i] = tx
                continue
            try:
                c.end(open_tx[i])
                done[i] += 1
            except wire.StoreError as e:
                self.assertEqual(str(e), "EAGAIN")
            open_tx[i] = None
        self.assertEqual(int(self.root.read("/n")), sum(done))


if __name__ == "__main__":
    unittest.main()
