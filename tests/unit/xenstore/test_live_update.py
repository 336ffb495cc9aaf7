# SPDX-License-Identifier: GPL-2.0-only
"""The daemon becomes another program: neither guests nor clients of the socket lose anything."""

import os
import shutil
import subprocess
import unittest

import wire
from test_protocol import Case
from wire import strings


class LiveUpdate(Case):
    fake = True

    def setUp(self):
        super().setUp()
        self.pid = self.daemon.process.pid
        self.program = f"{self.daemon.directory}/next"
        shutil.copy(self.daemon.program, self.program)

    def running(self):
        return os.readlink(f"/proc/{self.pid}/exe")

    def update(self, client):
        self.assertEqual(client.control("live-update", "-f", self.program), "OK")
        self.assertEqual(client.control("live-update", "-s", "-t", "60"), "OK")
        self.assertEqual(self.running(), self.program)

    def test_everybody_goes_on(self):
        guest, other, slow = self.daemon.guest(5), self.daemon.client(), self.daemon.client()
        guest.write("x", "1")
        guest.watch("x", "tok")
        guest.drain()
        other.watch("/a", "w")
        other.drain()
        tx = other.start()
        other.write("/a/b", "in vain", tx)
        # A request of which half is there, and one that nobody has seen yet.
        number, message = slow.prepare(wire.READ, strings("/local/domain/5/x"))
        slow.transmit(message[:20])
        slow.event(0.05)
        asked = guest.post(wire.READ, strings("x"))
        self.update(self.root)
        slow.transmit(message[20:])
        self.assertEqual(slow.reply(number), b"1")
        self.assertEqual(guest.reply(asked), b"1")
        self.assertEqual(guest.drain(), [("x", "tok")])  # once, as nobody knows what was lost
        self.assertEqual(other.drain(), [("/a", "w")])
        self.refused("EAGAIN", other.end, tx)
        self.root.write("/a/c", "2")
        self.assertEqual(other.drain(), [("/a/c", "w")])
        other.unwatch("/a", "w")
        self.root.write("/local/domain/5/x", "3")
        self.assertEqual(guest.drain(), [("x", "tok")])
        self.assertEqual(self.daemon.client().read("/a/c"), b"2")  # new ones find the socket
        self.assertEqual(self.root.control("check"), "OK\n")
        for _ in range(3):
            self.update(self.root)
        self.assertEqual(guest.read("x"), b"3")

    def test_only_one_daemon(self):
        self.update(self.root)
        done = subprocess.run([self.daemon.program, "-F"], env=self.daemon.environment,
                              stderr=subprocess.PIPE, text=True, timeout=wire.PATIENCE,
                              check=False)
        self.assertIn("another xenstored", done.stderr)

    def test_killed_afterwards(self):
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        self.update(self.root)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(guest.read("x"), b"1")

    def test_refusals(self):
        other = self.daemon.client()
        other.watch("/a", "w")
        other.drain()
        self.assertIn("named with -f", self.root.control("live-update", "-s"))
        self.assertIn("No such file", self.root.control("live-update", "-f", "/nowhere"))
        self.assertIn("whole path", self.root.control("live-update", "-f", "next"))
        with open(self.program, "w", encoding="ascii") as f:
            f.write("no program")
        self.assertEqual(self.root.control("live-update", "-f", self.program), "OK")
        self.assertIn("Exec format error", self.root.control("live-update", "-s"))
        self.assertEqual(self.running(), self.daemon.program)
        self.assertEqual(self.root.control("live-update", "-f", self.program), "OK")
        self.assertEqual(self.root.control("live-update", "-a"), "OK")
        self.assertIn("no program", self.root.control("live-update", "-s"))
        self.refused("EINVAL", self.root.control, "live-update")
        self.root.write("/a", "1")  # all as before
        self.assertEqual(other.drain(), [("/a", "w")])

    def test_arguments(self):
        self.assertEqual(self.root.control("live-update", "-f", self.program), "OK")
        self.assertEqual(self.root.control("live-update", "-c", "-F --log debug --quota nodes=77"),
                         "OK")
        self.assertEqual(self.root.control("live-update", "-s"), "OK")
        self.assertIn("nodes        77", self.root.control("quota"))

    def test_by_the_client(self):
        client = f"{os.environ['TOP']}/build/xenstore-clients/xenstore"
        environment = dict(os.environ, XENSTORED_PATH=self.daemon.socket)
        done = subprocess.run([client, "control", "live-update", "-t", "5", self.program],
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=wire.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.running(), self.program)
        done = subprocess.run([client, "control", "live-update", "/nowhere"],
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=wire.PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere: No such file", done.stdout)

    def test_another_version(self):
        """What cannot be understood costs the clients their connections, and nothing else."""
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        with open(self.program, "rb") as f:
            data = f.read()
        with open(self.program, "wb") as f:
            f.write(data.replace(b"LdgXenH1", b"LdgXenH0"))
        self.root.control("live-update", "-f", self.program)
        with self.assertRaises((wire.Gone, ConnectionResetError)):
            self.root.control("live-update", "-s")
        self.assertEqual(guest.read("x"), b"1")
        self.assertEqual(self.daemon.client().read("/local/domain/5/x"), b"1")


if __name__ == "__main__":
    unittest.main()
