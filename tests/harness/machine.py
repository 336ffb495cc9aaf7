# SPDX-License-Identifier: GPL-2.0-only
"""The test machine: QEMU with a serial line that is logged and can be waited on.

Every wait has a limit, every machine has a limit, and a machine is ended by its process id when
its time is over or its test is done, so that a hanging guest costs a verdict and not the run.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness.verdict import ERROR, FAILURE, TestProblem

QEMU = "qemu-system-x86_64"
DEBUG_EXIT_PORT = 0xF4
# What QEMU ends with: where a guest wrote 0 to that port, and where the machine was switched off.
DONE, POWERED_OFF = 1, 0
# After these nothing more will come: waiting for the time limit would only cost time.
THE_END = re.compile(r"^\(LODGE\) halted|^\(XEN\) (Manual reset required|.*halting machine)",
                     re.MULTILINE)
# Xen's last word of a dom0 that wants to switch the machine off and has no ACPI to do so.
WANTED_END = re.compile(r"^\(XEN\) Hardware Dom0 halted: halting machine", re.MULTILINE)


class SlowLine:
    """Our end of a serial line that takes so many characters a second. A socket of the usual size
    would take a hundred thousand at once: QEMU gets one that holds a few."""

    STEP = 0.02

    def __init__(self, rate):
        self._rate = rate
        self._ours, self.theirs = socket.socketpair()
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least there is
        self.fileno, self.sendall, self.close = (
            self._ours.fileno, self._ours.sendall, self._ours.close)

    def recv(self, _):
        time.sleep(self.STEP)
        return self._ours.recv(max(1, int(self._rate * self.STEP)))


class Machine:
    """One QEMU run. Use as a context manager; expect() waits for a pattern on the serial line.

    It boots from an ISO and ends where it would reboot; without an ISO, from what extra brings."""

    def __init__(self, iso, log, limit=180, smp=1, cpu="max", memory=3072, icount=False, shift=0,
                 accel="tcg", threads=True, gdb="", extra=(), echo=False, disks=(), line=0):
        self.log_path = log
        self.limit = limit
        self.echo = echo
        self._line = line  # characters a second that the serial line takes; 0: any number
        self.text = ""
        self.seen = 0
        self.status = None
        single = ",thread=single" if accel == "tcg" and not threads else ""
        self._command = [
            QEMU, "-machine", "q35", "-accel", accel + single,
            "-cpu", "host" if accel == "kvm" else cpu,
            "-m", str(memory), "-smp", str(smp), "-display", "none", "-vga", "none",
            "-net", "none",
            "-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4",
        ]
        if iso:
            # A disk: GRUB has a driver of its own for it (see media.py).
            self._command += [
                "-no-reboot", "-drive", f"file={iso},if=none,id=boot,format=raw,snapshot=on",
                "-device", "ide-hd,drive=boot,bootindex=0"]
        for number, path in enumerate(disks):
            # What the machine writes is gone with it, so that one image serves many machines.
            self._command += [
                "-drive", f"file={path},if=none,id=disk{number},format=raw,snapshot=on,"
                          "cache=unsafe,discard=unmap",
                "-device", f"virtio-blk-pci,drive=disk{number}"]
        if icount:
            # An instruction takes 2^shift nanoseconds of the machine's time.
            self._command += ["-icount", f"shift={shift},sleep=off"]
        if gdb:
            self._command += ["-gdb", gdb]
        self._command += list(extra)
        self._process = self._serial = self._directory = self._log = None
        self._monitor_path = ""

    def interactive(self):
        """The command for a machine whose serial line is this terminal (C-a x ends it)."""
        return self._command + ["-serial", "mon:stdio"]

    def __enter__(self):
        self._directory = tempfile.mkdtemp(prefix="lodge-vm-")
        serial_path = os.path.join(self._directory, "serial")
        self._monitor_path = os.path.join(self._directory, "monitor")
        os.makedirs(os.path.dirname(self.log_path) or ".", exist_ok=True)
        self._log = open(self.log_path, "wb")
        monitor = ["-monitor", f"unix:{self._monitor_path},server=on,wait=off"]
        if self._line:
            self._serial = SlowLine(self._line)
            with self._serial.theirs as theirs:
                self._start(self._command + [
                    "-chardev", f"socket,id=serial,fd={theirs.fileno()}",
                    "-serial", "chardev:serial"] + monitor, theirs.fileno())
            self._deadline = time.monotonic() + self.limit
            return self
        # QEMU connects to us, so that no early output is lost.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(serial_path)
            listener.listen(1)
            command = self._command + [
                "-chardev", f"socket,id=serial,path={serial_path}", "-serial", "chardev:serial"]
            command += monitor
            self._start(command)
            listener.settimeout(120)
            try:
                self._serial, _ = listener.accept()
            except OSError as slow:
                self._stop()
                raise TestProblem(ERROR, "QEMU did not start: " + self._qemu_says()) from slow
        self._deadline = time.monotonic() + self.limit
        return self

    def _start(self, command, *inherited):
        try:
            with open(os.path.join(self._directory, "stderr"), "wb") as complaints:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    pass_fds=inherited, stderr=complaints)
        except FileNotFoundError as missing:
            raise TestProblem(ERROR, f"{QEMU} is missing: run `make deps`") from missing

    def _qemu_says(self):
        with open(os.path.join(self._directory, "stderr"), encoding="utf-8", errors="replace") as f:
            return f.read().strip()[-300:] or "it said nothing"

    def __exit__(self, *_):
        self._stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _stop(self):
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        if self._process:
            self.status = self._process.wait()
        if self._serial:
            self._serial.close()
        self._log.close()

    def send(self, text):
        """Type on the serial line, slowly enough for a 16-byte receive FIFO."""
        for start in range(0, len(text), 8):
            self._serial.sendall(text[start:start + 8].encode())
            self._pump(0.02)

    def monitor(self, command):
        """Give a command to QEMU's monitor and return its answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect(self._monitor_path)
            answer = b""
            for request in ("", command + "\n"):
                line.sendall(request.encode())
                while not answer.endswith(b"(qemu) "):
                    answer += line.recv(65536)
                answer = b"" if not request else answer
        return answer.decode(errors="replace")

    def _pump(self, wait):
        """Take what has arrived; False when the other end is gone."""
        ready, _, _ = select.select([self._serial], [], [], max(0.0, wait))
        if not ready:
            return True
        try:
            data = self._serial.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return False
        self._log.write(data)
        self._log.flush()
        text = data.decode(errors="replace").replace("\r", "")
        self.text += text
        if self.echo:
            sys.stdout.write(text)
            sys.stdout.flush()
        return True

    def expect(self, pattern, limit=60):
        """Wait for a regular expression after what was matched before; returns the match."""
        compiled = re.compile(pattern, re.MULTILINE)
        end = min(time.monotonic() + limit, self._deadline)
        while not (match := compiled.search(self.text, self.seen)):
            left = end - time.monotonic()
            if left <= 0:
                self._ask_why()
                raise TestProblem(FAILURE, f"waited {limit:.0f} s for /{pattern}/, which did not "
                                           f"come; last line: {self.last_line()}")
            more = self._pump(min(left, 1.0)) and not self._halted()
            if not more and not compiled.search(self.text, self.seen):
                raise TestProblem(FAILURE, f"the machine ended before /{pattern}/ came; last "
                                           f"line: {self.last_line()}")
        self.seen = match.end()
        return match

    def _says_at_its_end(self, pattern):
        return pattern.search(self.text, max(0, len(self.text) - 4096)) is not None

    def _halted(self):
        return self._says_at_its_end(THE_END)

    def why_halted(self):
        """The line before the hypervisor's register dump, or before its last words."""
        found = re.search(r"^.*(BUG|panic|Panic|has shut down|fatal|FATAL).*$", self.text,
                          re.MULTILINE)
        return found.group(0)[-160:] if found else self.last_line()

    def last_line(self):
        lines = [line for line in self.text.splitlines() if line.strip()]
        return repr(lines[-1][-160:]) if lines else "(nothing)"

    def wait(self, limit=None):
        """Run until the machine ends by itself; returns QEMU's exit status."""
        end = self._deadline if limit is None else time.monotonic() + limit
        while self._pump(min(1.0, end - time.monotonic())):
            if self._says_at_its_end(WANTED_END):
                return POWERED_OFF
            if self._halted():
                raise TestProblem(FAILURE, f"the hypervisor halted: {self.why_halted()}")
            if time.monotonic() > end:
                last = self.last_line()
                self._ask_why()
                raise TestProblem(FAILURE, f"still running after {limit or self.limit} s; last "
                                           f"line: {last}")
        self.status = self._process.wait(timeout=120)
        return self.status

    def _ask_why(self):
        """Into the log of a machine that stands still: its processors and interrupt controllers,
        the hypervisor's debug keys, and what dom0's tasks wait for. What is broken says nothing."""
        with contextlib.suppress(OSError):
            for command in ("info registers -a", "info lapic 0", "info lapic 1", "info pic"):
                answer = self.monitor(command).partition("\n")[2]  # without the echo
                self._log.write(f"\n(qemu) {command}\n{answer}\n".encode())
        with contextlib.suppress(OSError):
            for keys in ("\x01\x01\x01qrted", "\x01\x01\x01", "\x0fw", "\x0fl", "\x0fq"):
                self.send(keys)
                self._pump_for(2)

    def _pump_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._pump(end - time.monotonic()):
            pass
