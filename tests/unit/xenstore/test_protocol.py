# SPDX-License-Identifier: GPL-2.0-only
"""Requests on nodes: what they answer, and how malformed ones are refused."""

import os
import resource
import struct
import time
import unittest

import wire
from wire import Daemon, StoreError, strings


class Case(unittest.TestCase):
    """A daemon of its own for each test, and one client."""

    options = ()
    fake = False

    def setUp(self):
        self.daemon = Daemon(*self.options, fake=self.fake)
        self.addCleanup(self.daemon.stop)
        self.root = self.daemon.client()

    def refused(self, error, call, *args, **kwargs):
        with self.assertRaises(StoreError) as caught:
            call(*args, **kwargs)
        self.assertEqual(str(caught.exception), error)


class Nodes(Case):
    def test_roots(self):
        self.assertEqual(self.root.directory("/"), ["local", "tool", "vm"])
        self.assertEqual(self.root.read("/tool/xenstored"), b"")
        self.assertEqual(self.root.directory("/local"), ["domain"])

    def test_write_and_read(self):
        self.root.write("/a/b/c", b"one\0two\xff")
        self.assertEqual(self.root.read("/a/b/c"), b"one\0two\xff")
        self.assertEqual(self.root.read("/a/b"), b"")
        self.assertEqual(self.root.directory("/a/b"), ["c"])
        self.root.write("/a/b/c", "")
        self.assertEqual(self.root.read("/a/b/c"), b"")

    def test_relative_paths(self):
        self.root.write("name", "dom0")
        self.assertEqual(self.root.read("/local/domain/0/name"), b"dom0")

    def test_mkdir_keeps_the_value(self):
        self.root.write("/a", "x")
        self.root.mkdir("/a")
        self.assertEqual(self.root.read("/a"), b"x")

    def test_rm(self):
        self.root.write("/a/b/c", "x")
        self.root.rm("/a/b")
        self.assertEqual(self.root.directory("/a"), [])
        self.refused("ENOENT", self.root.read, "/a/b/c")
        self.root.rm("/a/b")  # the parent exists
        self.refused("ENOENT", self.root.rm, "/a/b/c")
        self.refused("EINVAL", self.root.rm, "/")

    def test_missing(self):
        for call in (self.root.read, self.root.directory, self.root.perms):
            self.refused("ENOENT", call, "/nothing/here")
        self.refused("ENOENT", self.root.set_perms, "/nothing", "n0")

    def test_children_are_sorted_and_complete(self):
        names = [f"n{i * 7919 % 300}" for i in range(300)]
        for name in names:
            self.root.mkdir(f"/list/{name}")
        self.assertEqual(self.root.directory("/list"), sorted(names))
        for name in names[::2]:
            self.root.rm(f"/list/{name}")
        self.assertEqual(self.root.directory("/list"), sorted(names[1::2]))

    def test_long_directory_comes_in_parts(self):
        names = sorted(f"a-rather-long-name-of-a-node-{i:05}" for i in range(400))
        for name in names:
            self.root.mkdir(f"/long/{name}")
        self.refused("E2BIG", self.root.directory, "/long")
        found, generation, offset = [], None, 0
        while True:
            part = self.root.talk(wire.DIRECTORY_PART, strings("/long", offset))
            gen, _, rest = part.partition(b"\0")
            self.assertIn(generation, (None, gen))
            generation = gen
            ended = rest.endswith(b"\0\0") or rest == b"\0"
            found += [n.decode() for n in rest.split(b"\0") if n]
            offset += len(rest)
            if ended:
                break
        self.assertEqual(found, names)
        self.root.mkdir("/long/another")
        part = self.root.talk(wire.DIRECTORY_PART, strings("/long", 0))
        self.assertNotEqual(part.partition(b"\0")[0], generation)
        self.assertEqual(self.root.talk(wire.DIRECTORY_PART, strings("/vm", 0)).partition(b"\0")[2],
                         b"\0")

    def test_largest_messages(self):
        value = b"v" * (wire.PAYLOAD_MAX - len("/big") - 1)
        self.root.write("/big", value)
        self.assertEqual(self.root.read("/big"), value)
        path = "/" + "/".join(["p" * 100] * 30)
        self.root.write(path, "deep")
        self.assertEqual(self.root.read(path), b"deep")

    def test_deepest_path(self):
        path = "/x" * 1536
        self.root.mkdir(path)
        self.root.watch("/x/x", "t")
        self.root.rm("/x")
        self.assertEqual(self.root.directory("/"), ["local", "tool", "vm"])


class Descriptors(Case):
    def time_used(self):
        with open(f"/proc/{self.daemon.process.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_more_clients_than_descriptors(self):
        """Some have to wait; the daemon must not be busy with that alone."""
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (24, 24))
        clients = [self.daemon.client() for _ in range(40)]
        self.root.read("/tool")
        before = self.time_used()
        time.sleep(1)
        self.assertLess(self.time_used() - before, 0.1)
        for client in clients[:30]:
            client.sock.close()
        for client in clients[30:]:
            self.assertEqual(client.read("/tool"), b"")


class Malformed(Case):
    def test_paths(self):
        for path in ("", "//", "/a/", "/a//b", "a b", "/a\x01", "/a:b", "/ä", "/" + "x" * 3072,
                     "@unknown", "y" * 2049):
            self.refused("EINVAL", self.root.read, path)
            self.refused("EINVAL", self.root.write, path, "v")
        for path in ("@introduceDomain", "@releaseDomain"):
            self.refused("EINVAL", self.root.read, path)
            self.refused("EINVAL", self.root.rm, path)

    def test_payloads(self):
        for kind in (wire.DIRECTORY, wire.READ, wire.GET_PERMS, wire.MKDIR, wire.RM,
                     wire.DIRECTORY_PART, wire.WATCH, wire.UNWATCH, wire.WRITE, wire.SET_PERMS,
                     wire.INTRODUCE, wire.RELEASE, wire.GET_DOMAIN_PATH, wire.IS_INTRODUCED,
                     wire.RESUME, wire.SET_TARGET, wire.TX_END, wire.CONTROL):
            self.refused("EINVAL", self.root.talk, kind, b"")
            self.refused("EINVAL", self.root.talk, kind, b"no-nul")
        self.refused("EINVAL", self.root.talk, wire.READ, strings("/", "/"))
        self.refused("EINVAL", self.root.talk, wire.WATCH, strings("/", "t", "more"))
        self.refused("EINVAL", self.root.talk, wire.TX_END, strings("X"))
        self.refused("EINVAL", self.root.talk, wire.DIRECTORY_PART, strings("/", "-1"))

    def test_numbers(self):
        for text in ("-1", "x", "1x", "", " 1", "+1", "32752", "4294967297",
                     "99999999999999999999999"):
            self.refused("EINVAL", self.root.talk, wire.GET_DOMAIN_PATH, strings(text))
            self.refused("EINVAL", self.root.talk, wire.IS_INTRODUCED, strings(text))
        self.refused("EINVAL", self.root.talk, wire.INTRODUCE, strings("1", "x", "1"))
        self.refused("EINVAL", self.root.talk, wire.INTRODUCE, strings("0", "1", "1"))
        self.refused("EINVAL", self.root.talk, wire.RELEASE, strings("0"))

    def test_unknown_requests(self):
        for kind in (20, wire.EVENT, wire.ERROR, 23, 99, 0xffffffff):
            self.refused("ENOSYS", self.root.talk, kind, strings("/"))

    def test_too_long_ends_the_connection(self):
        bad = self.daemon.client()
        bad.transmit(struct.pack("=IIII", wire.READ, 1, 0, wire.PAYLOAD_MAX + 1))
        with self.assertRaises((wire.Gone, ConnectionResetError)):
            bad.reply(1)
        self.assertEqual(self.root.read("/tool"), b"")

    def test_pieces_of_any_size(self):
        """Headers and payloads may be torn apart or glued together by the transport."""
        message = wire.HEADER.pack(wire.WRITE, 1, 0, 10) + b"/torn\0data"
        for i in range(len(message)):
            self.root.transmit(message[i:i + 1])
        self.assertEqual(self.root.reply(1), b"OK\0")
        self.assertEqual(self.root.read("/torn"), b"data")
        self.root.last_id = 100
        ids = range(101, 151)
        self.root.transmit(b"".join(wire.HEADER.pack(wire.READ, i, 0, 6) + b"/torn\0" for i in ids))
        for i in ids:
            self.assertEqual(self.root.reply(i), b"data")

    def test_client_that_leaves_in_the_middle(self):
        leaver = self.daemon.client()
        leaver.transmit(wire.HEADER.pack(wire.WRITE, 1, 0, 100) + b"/half\0")
        leaver.close()
        self.refused("ENOENT", self.root.read, "/half")


class Control(Case):
    def test_commands(self):
        self.assertEqual(self.root.control("check"), "OK\n")
        self.assertIn("memreport", self.root.control("help"))
        self.assertEqual(self.root.control("log", "debug"), "debug\n")
        self.assertIn("nodes        1000", self.root.control("quota"))
        self.root.control("quota", "set", "nodes", "7")
        self.assertIn("nodes        7\n", self.root.control("quota"))
        self.assertIn("connections", self.root.control("memreport"))
        for words in (("nonsense",), ("quota", "set", "nodes", "x"), ("quota", "set", "no", "1"),
                      ("log", "loud"), ("print",), ("quota", "99999")):
            self.refused("EINVAL", self.root.control, *words)


if __name__ == "__main__":
    unittest.main()
