# SPDX-License-Identifier: GPL-2.0-only
"""The store's wire protocol in Python, over the socket and over a guest's ring, and the daemon
under test. Nothing of the daemon's or the library's code is used: this is the second opinion."""

import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

HEADER = struct.Struct("=IIII")
CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TX_START, TX_END = range(8)
INTRODUCE, RELEASE, GET_DOMAIN_PATH, WRITE, MKDIR, RM, SET_PERMS, EVENT, ERROR = range(8, 17)
IS_INTRODUCED, RESUME, SET_TARGET = range(17, 20)
RESET_WATCHES, DIRECTORY_PART = 21, 22
PAYLOAD_MAX = 4096
PATIENCE = 60.0  # seconds; the sanitizers are slow, and so may the machine be

BUILD = os.environ["UNIT_BUILD"]


class StoreError(Exception):
    """The daemon has answered with an error; its name is the argument."""


class Gone(Exception):
    """The connection has ended."""


def strings(*parts):
    return b"".join((p if isinstance(p, bytes) else str(p).encode()) + b"\0" for p in parts)


class Client:
    """What both transports share: requests in, replies and events out."""

    def __init__(self):
        self.buffer = b""
        self.events = []
        self.last_id = 0

    def _message(self, deadline):
        while True:
            if len(self.buffer) >= HEADER.size:
                kind, req, tx, length = HEADER.unpack_from(self.buffer)
                if len(self.buffer) >= HEADER.size + length:
                    body = self.buffer[HEADER.size:HEADER.size + length]
                    self.buffer = self.buffer[HEADER.size + length:]
                    return kind, req, tx, body
            self.buffer += self.receive(deadline)

    def prepare(self, kind, payload=b"", tx=0):
        """A request: its number, and its bytes."""
        self.last_id += 1
        return self.last_id, HEADER.pack(kind, self.last_id, tx, len(payload)) + payload

    def post(self, kind, payload=b"", tx=0):
        number, message = self.prepare(kind, payload, tx)
        self.transmit(message)
        return number

    def reply(self, req, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            kind, got, _, body = self._message(deadline)
            if kind == EVENT:
                self.events.append(tuple(body.decode().split("\0")[:2]))
                continue
            if got != req:
                raise AssertionError(f"reply to request {got}, expected one to {req}")
            if kind == ERROR:
                raise StoreError(body.rstrip(b"\0").decode())
            return body

    def talk(self, kind, payload=b"", tx=0):
        return self.reply(self.post(kind, payload, tx))

    def event(self, patience=PATIENCE):
        """The next event, or None when none comes in time."""
        deadline = time.monotonic() + patience
        while not self.events:
            try:
                kind, _, _, body = self._message(deadline)
            except TimeoutError:
                return None
            if kind != EVENT:
                raise AssertionError("a reply that nobody has asked for")
            self.events.append(tuple(body.decode().split("\0")[:2]))
        return self.events.pop(0)

    def drain(self):
        """All events that come before a reply does: the daemon queues events in order."""
        self.talk(GET_DOMAIN_PATH, strings(0))
        found = []
        while (event := self.event(0.05)):
            found.append(event)
        return found

    # ---- the requests ----

    def read(self, path, tx=0):
        return self.talk(READ, strings(path), tx)

    def write(self, path, value, tx=0):
        value = value if isinstance(value, bytes) else value.encode()
        assert self.talk(WRITE, strings(path) + value, tx) == b"OK\0"

    def mkdir(self, path, tx=0):
        assert self.talk(MKDIR, strings(path), tx) == b"OK\0"

    def rm(self, path, tx=0):
        assert self.talk(RM, strings(path), tx) == b"OK\0"

    def directory(self, path, tx=0):
        return self.talk(DIRECTORY, strings(path), tx).decode().split("\0")[:-1]

    def perms(self, path, tx=0):
        return self.talk(GET_PERMS, strings(path), tx).decode().split("\0")[:-1]

    def set_perms(self, path, *perms, tx=0):
        assert self.talk(SET_PERMS, strings(path, *perms), tx) == b"OK\0"

    def watch(self, path, token):
        assert self.talk(WATCH, strings(path, token)) == b"OK\0"

    def unwatch(self, path, token):
        assert self.talk(UNWATCH, strings(path, token)) == b"OK\0"

    def start(self):
        return int(self.talk(TX_START, strings("")).rstrip(b"\0"))

    def end(self, tx, commit=True):
        assert self.talk(TX_END, strings("T" if commit else "F"), tx) == b"OK\0"

    def control(self, *words):
        return self.talk(CONTROL, strings(*words)).rstrip(b"\0").decode()


class SocketClient(Client):
    def __init__(self, path):
        super().__init__()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)

    def transmit(self, data):
        self.sock.sendall(data)

    def receive(self, deadline):
        if not select.select([self.sock], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        return data

    def close(self):
        self.sock.close()


class Ring(Client):
    """A guest on the fake hypervisor. Its page and its socket live in the directory."""

    REQ, RSP, SIZE = 0, 1024, 1024
    REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, FEATURES, CONNECTION, ERROR = range(2048, 2076, 4)

    def __init__(self, directory, domid, port=1):
        super().__init__()
        self.domid, self.port, self.where = domid, port, directory
        with open(f"{directory}/page.{domid}", "w+b") as f:
            f.truncate(4096)
            self.page = mmap.mmap(f.fileno(), 4096)
        self.fields = memoryview(self.page).cast("I")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.kick_after_read = True
        address = f"{directory}/guest.{domid}"
        if os.path.exists(address):
            os.unlink(address)
        self.sock.bind(address)

    # Through the view a field is read and written in one piece. struct.pack_into() clears it first,
    # and a daemon that looks at that moment rightly takes the index for a broken one.

    def get(self, field):
        return self.fields[field // 4]

    def put(self, field, value):
        self.fields[field // 4] = value & 0xffffffff

    def kick(self):
        while True:
            try:
                self.sock.sendto(struct.pack("=I", self.domid * 16 + self.port),
                                 f"{self.where}/evtchn")
                return
            except BlockingIOError:
                time.sleep(0.001)  # real events are not lost, however many there are
            except (ConnectionRefusedError, FileNotFoundError):
                return  # no daemon at the moment; the next one looks by itself

    def wait(self, deadline):
        """Until an event comes, or a moment has passed: a restarted daemon may have lost one."""
        left = min(0.2, deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError
        if select.select([self.sock], [], [], left)[0]:
            try:
                while self.sock.recv(16):
                    pass
            except BlockingIOError:
                pass

    def transmit(self, data, kick=True):
        deadline = time.monotonic() + PATIENCE
        while data:
            prod, cons = self.get(self.REQ_PROD), self.get(self.REQ_CONS)
            room = self.SIZE - ((prod - cons) & 0xffffffff)
            if not room:
                self.kick()
                self.wait(deadline)
                continue
            at = prod % self.SIZE
            n = min(room, self.SIZE - at, len(data))
            self.page[self.REQ + at:self.REQ + at + n] = data[:n]
            data = data[n:]
            self.put(self.REQ_PROD, prod + n)
            if kick:
                self.kick()

    def receive(self, deadline):
        while True:
            prod, cons = self.get(self.RSP_PROD), self.get(self.RSP_CONS)
            have = (prod - cons) & 0xffffffff
            if have:
                at = cons % self.SIZE
                n = min(have, self.SIZE - at)
                data = self.page[self.RSP + at:self.RSP + at + n]
                self.put(self.RSP_CONS, cons + n)
                if self.kick_after_read:
                    self.kick()
                return data
            self.wait(deadline)

    def close(self):
        self.fields.release()
        self.page.close()
        self.sock.close()


class Daemon:
    """A daemon with a private run directory; with `fake`, on the fake hypervisor."""

    def __init__(self, *options, fake=False):
        self.directory = tempfile.mkdtemp(prefix="xs-test.")
        self.socket = f"{self.directory}/socket"
        self.log = f"{self.directory}/log"
        self.program = f"{BUILD}/{'xenstored-fake' if fake else 'xenstored'}"
        self.options = [*options] if fake else ["--no-domain", *options]
        self.environment = dict(os.environ, XENSTORED_RUNDIR=self.directory,
                                FAKE_XEN=self.directory, ASAN_OPTIONS="detect_leaks=1",
                                UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        self.environment.pop("XENSTORED_PATH", None)
        self.process = None
        self.clients = []
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.program, "-F", "--log", "debug", *self.options],
                                            env=self.environment, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            probe = socket.socket(socket.AF_UNIX)
            try:
                probe.connect(self.socket)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.005)
            finally:
                probe.close()
        raise AssertionError(f"the daemon does not start:\n{self.read_log()}")

    def read_log(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def client(self):
        self.clients.append(SocketClient(self.socket))
        return self.clients[-1]

    def guest(self, domid):
        """A guest, introduced and with a home that it owns."""
        root = self.client()
        home = f"/local/domain/{domid}"
        root.mkdir(home)
        root.set_perms(home, f"n{domid}")
        guest = Ring(self.directory, domid)
        self.clients.append(guest)
        assert root.talk(INTRODUCE, strings(domid, 4711, guest.port)) == b"OK\0"
        return guest

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends the daemon; what the sanitizers have found fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        for client in self.clients:
            client.close()
        log = self.read_log()
        shutil.rmtree(self.directory)
        if status or "ERROR: AddressSanitizer" in log or "runtime error" in log:
            raise AssertionError(f"the daemon ended with status {status}:\n{log[-4000:]}")
