# SPDX-License-Identifier: GPL-2.0-only
"""Lists that no answer has room for, read by both of our clients (list_test.c) through a relay that
changes them at the worst moment: between two parts."""

import os
import pty
import select
import socket
import subprocess
import threading
import time
import tty
import unittest

import wire
from test_protocol import Case
from wire import strings

RESTARTS = 50  # LIST_RESTARTS in both clients


class Relay(threading.Thread):
    """Stands between a client and the daemon. After each part of a list that it has passed on it
    calls `between` with the number of parts so far."""

    def __init__(self, daemon, between):
        super().__init__()
        self.path = f"{daemon.directory}/relay"
        self.upstream = wire.SocketClient(daemon.socket)
        self.between = between
        self.parts = 0
        self.error = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.listener.settimeout(wire.PATIENCE)

    def run(self):
        try:
            client, _ = self.listener.accept()
            with client:
                self.relay(client)
        except (OSError, AssertionError, wire.Gone) as e:
            self.error = e
        finally:
            self.listener.close()
            os.unlink(self.path)
            self.upstream.close()

    def relay(self, client):
        client.settimeout(wire.PATIENCE)
        pending = b""
        while (data := client.recv(65536)):
            pending += data
            while len(pending) >= wire.HEADER.size:
                kind, req, tx, length = wire.HEADER.unpack_from(pending)
                size = wire.HEADER.size + length
                if len(pending) < size:
                    break
                answer = self.ask(pending[:size])
                pending = pending[size:]
                if kind == wire.DIRECTORY_PART:
                    self.parts += 1
                    self.between(self.parts)
                client.sendall(answer)

    def end(self):
        """The client has ended."""
        self.join()

    def ask(self, message):
        up, size = self.upstream, wire.HEADER.size
        up.transmit(message)
        while len(up.buffer) < size:
            up.buffer += up.receive(time.monotonic() + wire.PATIENCE)
            if len(up.buffer) >= wire.HEADER.size:
                size = wire.HEADER.size + wire.HEADER.unpack_from(up.buffer)[3]
        answer, up.buffer = up.buffer[:size], up.buffer[size:]
        return answer


class Device(Relay):
    """The same as a character device, as which the far end of a terminal serves. The kernel's
    device must not be asked a second thing before it has answered the first."""

    def __init__(self, daemon, between):
        super().__init__(daemon, between)
        self.listener.close()
        os.unlink(self.path)
        self.near, self.far = pty.openpty()
        tty.setraw(self.far)
        self.path = os.ttyname(self.far)
        self.ended = threading.Event()

    def run(self):
        try:
            self.relay(self)
        except (OSError, AssertionError, wire.Gone) as e:
            self.error = e
        self.upstream.close()

    def end(self):
        self.ended.set()
        self.join()
        os.close(self.near)
        os.close(self.far)

    # What relay() wants of a client.

    def settimeout(self, _):
        pass

    def recv(self, most):
        while not select.select([self.near], [], [], 0.05)[0]:
            if self.ended.is_set():
                return b""
        return os.read(self.near, min(most, 1))  # what is behind a request is for sendall() to see

    def sendall(self, data):
        event = strings("@releaseDomain", "t")  # not what it waits for
        os.write(self.near, wire.HEADER.pack(wire.EVENT, 0, 0, len(event)) + event)
        if select.select([self.near], [], [], 0.05)[0]:
            raise AssertionError("asked again before the answer")
        while data:
            data = data[os.write(self.near, data):]


class Lists(Case):
    def fill(self, path, nr):
        """Many children at once: the requests go out together."""
        names = [f"{path}/child-with-a-name-{i:05}" for i in range(nr)]
        for at in range(0, nr, 200):
            asked = [self.root.post(wire.MKDIR, strings(n)) for n in names[at:at + 200]]
            for req in asked:
                self.root.reply(req)
        self.root.write(path, path)
        return [n.rpartition("/")[2] for n in names]

    def list(self, client, *paths, between=lambda parts: None, kind=Relay):
        """What list_test prints, as {path: names}; or the text of its failure."""
        relay = kind(self.daemon, between)
        relay.start()
        done = subprocess.run([f"{wire.BUILD}/list_test", client, *paths], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              env=dict(self.daemon.environment, XENSTORED_PATH=relay.path))
        relay.end()
        self.assertIsNone(relay.error)
        self.assertNotIn("Sanitizer", done.stderr)
        self.parts = relay.parts
        if done.returncode:
            return done.stderr
        lines, found = iter(done.stdout.splitlines()), {}
        for line in lines:
            path, nr = line.split()
            found[path] = [next(lines) for _ in range(int(nr))]
        return found

    def both(self, check):
        for client in ("library", "tools"):
            with self.subTest(client=client):
                check(client)

    def test_long_lists(self):
        names = {"/few": self.fill("/few", 3), "/none": self.fill("/none", 0),
                 "/l600": self.fill("/l600", 600), "/l5000": self.fill("/l5000", 5000)}

        def check(client):
            self.assertEqual(self.list(client, *names), names)
            self.assertGreater(self.parts, 5600 * 20 // wire.PAYLOAD_MAX)
        self.both(check)

    def test_device(self):
        names = {"/few": self.fill("/few", 3), "/l600": self.fill("/l600", 600)}
        self.both(lambda client: self.assertEqual(self.list(client, *names, kind=Device), names))

    def test_just_too_long(self):
        """Around the size at which one answer is full, and the last part is empty or has one."""
        for nr in range(168, 174):  # of 24 bytes each
            self.root.control("quota", "set", "nodes", "100000")
            names = self.fill(f"/n{nr}", nr)
            self.both(lambda client, nr=nr, names=names: self.assertEqual(
                self.list(client, f"/n{nr}"), {f"/n{nr}": names}))

    def test_change_in_the_middle(self):
        """A name in front goes: all others move up, and one at the seam of two parts would be
        missed if the list were not read again."""
        names = self.fill("/l600", 600)

        def check(client):
            changes = {2: "rm", 5: "mkdir"}

            def between(parts):
                if parts in changes:
                    getattr(self.root, changes[parts])(f"/l600/{names[0]}")
            self.assertEqual(self.list(client, "/l600", between=between), {"/l600": names})
            self.assertGreater(self.parts, 5)
        self.both(check)

    def test_list_that_goes_away(self):
        def check(client):
            self.fill("/gone", 600)
            self.root.write("/left", "/left")

            def between(parts):
                if parts == 2:
                    self.root.rm("/gone")
            found = self.list(client, "/gone", "/left", between=between)
            if client == "library":
                self.assertIn("No such file", found)
            else:  # as for one that was never there: a queued list may miss its node
                self.assertEqual(found, {"/gone": [], "/left": []})
        self.both(check)

    def test_list_that_never_rests(self):
        """Is given up at some point, in words."""
        self.fill("/busy", 600)

        def check(client):
            found = self.list(client, "/busy", between=lambda parts: self.root.mkdir(
                f"/busy/{client}-{parts}"))
            self.assertIsInstance(found, str)
            self.assertIn({"library": "Device or resource busy",
                           "tools": "/busy changes faster than its list can be read"}[client],
                          found)
            self.assertEqual(self.parts, 2 * (RESTARTS + 1))
        self.both(check)


if __name__ == "__main__":
    unittest.main()
