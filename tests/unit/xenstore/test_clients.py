# SPDX-License-Identifier: GPL-2.0-only
"""The library: its own test program, its exported names, and the distribution's client programs
(package xenstore-utils) running on it."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import wire
from test_protocol import Case

LIBRARY = os.path.join(os.environ["TOP"], "build", "libxenstore")
REFERENCE = "/usr/lib/x86_64-linux-gnu/libxenstore.so.4"
OURS = os.path.join(os.environ["TOP"], "build", "xenstore-clients")
THEIRS = "/usr/bin"


class Library(Case):
    def test_functions(self):
        """lib_test prints "waiting" before its last part, which wants the daemon to end."""
        with subprocess.Popen([f"{wire.BUILD}/lib_test"], env=self.daemon.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as program:
            line = program.stdout.readline()
            if line == "waiting\n":
                self.daemon.process.terminate()
            rest = program.stdout.read()
            self.assertEqual(program.wait(wire.PATIENCE), 0, line + rest)

    def exported(self, library):
        out = subprocess.run(["objdump", "-T", library], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        return {tuple(line.split()[-2:]) for line in out.splitlines() if " xs_" in line}

    def test_exported_names(self):
        ours = self.exported(f"{LIBRARY}/libxenstore.so.4")
        self.assertEqual(len(ours), 37)
        self.assertEqual({version for version, _ in ours}, {"VERS_4.0"})
        if not os.path.exists(REFERENCE):
            self.skipTest("package libxenstore4 is not installed")
        self.assertEqual(ours, self.exported(REFERENCE))


class NoDaemon(unittest.TestCase):
    """Nobody answers: the user hears of it, and does not wait for ever."""

    def run_ls(self, path):
        return subprocess.run([f"{OURS}/xenstore-ls"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env=dict(os.environ, XENSTORED_PATH=path))

    def test_no_socket(self):
        done = self.run_ls("/nonexistent/socket")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot reach xenstored at /nonexistent/socket", done.stdout)

    def test_no_answer(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/socket")
            listener.listen()
            done = self.run_ls(f"{folder}/socket")
        self.assertEqual(done.returncode, 1)
        self.assertIn("xenstored does not answer: is it running?", done.stdout)


class Programs:
    def run_client(self, name, *args, status=0):
        done = subprocess.run([f"{self.clients}/xenstore-{name}", *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=wire.PATIENCE,
                              check=False, env=self.environment())
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def environment(self):
        return dict(self.daemon.environment, LD_LIBRARY_PATH=LIBRARY)

    def test_write_read_list(self):
        self.run_client("write", "/p/a", "one", "/p/b/c", "two")
        self.assertEqual(self.run_client("read", "/p/a"), "one\n")
        self.assertEqual(self.run_client("read", "-p", "/p/a", "/p/b/c"),
                         "/p/a: one\n/p/b/c: two\n")
        self.assertEqual(self.run_client("list", "/p"), "a\nb\n")
        self.assertEqual(self.run_client("ls", "/p"), 'a = "one"\nb = ""\n c = "two"\n')
        self.assertEqual(self.run_client("ls", "-f", "/p"),
                         '/p/a = "one"\n/p/b = ""\n/p/b/c = "two"\n')
        self.run_client("exists", "/p/a")
        self.run_client("exists", "/p/x", status=1)
        self.run_client("rm", "/p/b")
        self.assertEqual(self.run_client("list", "/p"), "a\n")
        self.run_client("read", "/p/b/c", status=1)

    def test_chmod(self):
        self.run_client("write", "/p/a", "one")
        self.run_client("chmod", "-r", "/p", "n0", "r5", "b6")
        self.assertEqual(self.root.perms("/p/a"), ["n0", "r5", "b6"])
        self.assertIn("(n0,r5,b6)", self.run_client("ls", "-p", "/p"))

    def test_watch(self):
        with subprocess.Popen([f"{self.clients}/xenstore-watch", "-n", "3", "/p"],
                              stdout=subprocess.PIPE, text=True, env=self.environment()) as watch:
            # The first event says that the watch is there.
            self.assertEqual(watch.stdout.readline(), "/p\n")
            self.run_client("write", "/p/a", "one")
            self.run_client("rm", "/p/a")
            self.assertEqual(watch.communicate(timeout=wire.PATIENCE)[0], "/p/a\n/p/a\n")

    def test_wide_directory(self):
        for i in range(600):
            self.root.mkdir(f"/wide/some-longer-name-{i:04}")
        self.assertEqual(len(self.run_client("list", "/wide").splitlines()), 600)


class OurPrograms(Programs, Case):
    clients = OURS

    def test_control(self):
        self.assertEqual(self.run_client("control", "check"), "OK\n")
        self.assertIn("quota", self.run_client("control", "help"))
        self.run_client("control", "nonsense", status=1)

    def test_usage(self):
        self.assertIn("xenstore-watch", self.run_client("read", status=2))
        self.run_client("read", "-x", "/", status=2)
        self.run_client("write", "/p", status=2)
        self.daemon.kill()
        self.assertIn("cannot reach xenstored", self.run_client("ls", status=1))
        self.daemon.start()


@unittest.skipUnless(shutil.which("xenstore-ls", path=THEIRS),
                     "package xenstore-utils is not installed")
class TheirPrograms(Programs, Case):
    clients = THEIRS

    def test_it_is_our_library(self):
        out = subprocess.run(["ldd", f"{self.clients}/xenstore-ls"], stdout=subprocess.PIPE,
                             text=True, check=True, env=self.environment()).stdout
        self.assertIn(f"{LIBRARY}/libxenstore.so.4", out)


if __name__ == "__main__":
    unittest.main()
