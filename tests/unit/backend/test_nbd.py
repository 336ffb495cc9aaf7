# SPDX-License-Identifier: GPL-2.0-only
"""What lodge-nbd lets a real qemu-nbd have: its rights, its world, its files; which backing files
it follows; and that images work all the same. Needs root: namespaces and another user's number."""

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

DOMID = 9
CONFINED = str(0x70020000 + DOMID)
NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
results = {True: 0, False: 0}


def check(what, good, detail=""):
    results[bool(good)] += 1
    if not good:
        print(f"not true: {what} {detail}")


def img(*words):
    subprocess.run(("qemu-img",) + words, check=True, stdout=subprocess.DEVNULL)


class Server:
    """A lodge-nbd, started as lodge-backends starts it."""

    def __init__(self, program, image, form="qcow2", mode="w", backing=()):
        self.path = image + ".socket"
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.reason, end = os.pipe()
        given = (self.listener.fileno(), end)

        def descriptors():
            moved = [os.dup(fd) for fd in given for _ in range(3)]
            os.dup2(moved[0], 3)
            os.dup2(moved[3], 4)

        words = [program, form, mode, "discard", str(DOMID), image, *backing]
        self.process = subprocess.Popen(words, preexec_fn=descriptors, close_fds=False)
        os.close(end)

    def greets(self):
        """Whether it serves; else it has ended."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(20)
            probe.connect(self.path)
            self.listener.close()
            try:
                return probe.recv(8) == b"NBDMAGIC"
            except OSError:
                return False

    def pid(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return int(file.read().split()[0])

    def io(self, *commands, readonly=False):
        words = ["qemu-io", "-f", "raw"] + (["-r"] if readonly else [])
        for command in commands:
            words += ["-c", command]
        done = subprocess.run(words + [f"nbd+unix:///?socket={self.path}"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode == 0 and "failed" not in done.stdout, done.stdout

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        os.close(self.reason)
        return status

    def refusal(self):
        """What it says of an image that it does not serve."""
        self.listener.close()
        status = self.process.wait(30)
        text = os.read(self.reason, 4000).decode()
        os.close(self.reason)
        return status, text


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def rights(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        status = status_of(f"{pid}/task/{task}")
        for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            check(field, int(status[field], 16) == 0, status[field])
        check("NoNewPrivs", status["NoNewPrivs"] == "1")
        check("Seccomp", status["Seccomp"] == "2")
        for field in ("Uid", "Gid"):
            check(field, status[field].split() == [CONFINED] * 4, status[field])
        check("Groups", status["Groups"].strip() == "", status["Groups"])
    check("process 1", status_of(pid)["NSpid"].split()[-1] == "1")
    for kind in NAMESPACES:
        check(f"namespace {kind}",
              os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"))


def world(pid, image):
    root = f"/proc/{pid}/root"
    names = set(os.listdir(root))
    check("its root",
          names <= {"usr", "bin", "sbin", "lib", "lib64", "lib32", "libx32", "etc"}, names)
    check("its /etc", set(os.listdir(f"{root}/etc")) <= {"ld.so.cache"})
    check("the image is not there", not os.path.lexists(root + image))
    with open(f"/proc/{pid}/mountinfo") as file:
        mounts = [line.split() for line in file]
    check("read-only", mounts and all("ro" in line[5].split(",") for line in mounts), mounts)
    files = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        files.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    strange = [name for name in files if not name.startswith(("/dev/null", "pipe:", "socket:",
               "anon_inode:", os.path.dirname(image)))]
    check("its descriptors", not strange, strange)
    with open(f"/proc/{pid}/limits") as file:
        limits = {line[:26].strip(): line[26:].split()[0] for line in file}
    check("memory", limits["Max address space"] == str(4 << 30))
    check("file size", limits["Max file size"] == str(1 << 30), limits["Max file size"])
    check("descriptors", limits["Max open files"] == "64")


def life(program, folder):
    """An image with a backing file behind a backing file, all of them root's alone."""
    for name, behind, form in (("base", None, "raw"), ("middle", "base", "raw"),
                               ("top", f"{folder}/middle.img", "qcow2")):
        path = f"{folder}/{name}.img"
        if behind is None:
            with open(path, "wb") as file:
                file.write(b"\x07" * (8 << 20))
        else:
            behind = behind if behind.startswith("/") else behind + ".img"
            img("create", "-q", "-f", "qcow2", "-b", behind, "-F", form, path)
        os.chmod(path, 0o600)
    os.chmod(folder, 0o700)
    image = f"{folder}/top.img"
    # By whatever paths they are named.
    os.symlink(f"{folder}/base.img", f"{folder}/also-base")
    backing = (f"{folder}/./middle.img", f"{folder}/also-base")
    server = Server(program, image, backing=backing)
    check("it serves", server.greets())
    good, said = server.io("read -P 7 0 8M", "write -P 9 1M 64k", "flush", "read -P 9 1M 64k",
                           "discard 2M 64k", "read -P 7 3M 1M")
    check("I/O", good, said)
    pid = server.pid()
    rights(pid)
    world(pid, image)
    check("it ends", server.end() == 0)
    img("check", "-q", image)
    server = Server(program, image, mode="r", backing=backing)
    check("it serves what is read-only", server.greets())
    good, said = server.io("read -P 9 1M 64k", "read -P 7 4M 1M", readonly=True)
    check("read-only I/O", good, said)
    check("no writing", not server.io("write -P 1 0 64k")[0])
    # That is no state to be in: it would be waited for without end.
    os.kill(server.pid(), signal.SIGSTOP)
    check("its death is told", server.process.wait(30) == 128 + signal.SIGKILL)
    with open(f"{folder}/base.img", "rb") as file:
        check("the backing file is as it was", file.read() == b"\x07" * (8 << 20))


def locks(program, folder):
    """Two writers would destroy an image: whoever knows qemu's locks is kept out of what is served;
    and a disk that is raw, whose whole image is locked, from writing to what is behind it."""
    image, base = f"{folder}/locked.img", f"{folder}/behind.img"
    img("create", "-q", "-f", "raw", base, "8M")
    img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", image)
    server = Server(program, image, backing=(base,))
    check("it serves", server.greets())
    check("what is read is shared", readable(base, "raw"))
    done = subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write 0 64k", image], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check("no other writes to it", done.returncode and "lock" in done.stdout, done.stdout)
    check("nor to what is behind it", not lockable(base, fcntl.F_WRLCK))
    os.rename(server.path, f"{folder}/first")
    second = Server(program, image, backing=(base,))
    status, text = second.refusal()
    # By these words lodge-backends knows it.
    check("no second server", status == 1 and
          text.startswith("Is another process using the image"), f"{status} {text}")
    os.rename(f"{folder}/first", server.path)
    good, said = server.io("write -P 9 1M 64k", "flush", "read -P 9 1M 64k")
    check("the first one serves on", good, said)
    check("it ends", server.end() == 0)
    with open(base, "rb") as file:
        # As a disk that is raw and read-only.
        for start, end in ((0, 101), (201, 1 << 61)):
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock(fcntl.F_RDLCK, start, end))
        server = Server(program, image, backing=(base,))
        check("then another may serve it", server.greets())
        check("it ends", server.end() == 0)


def lock(kind, start, end):
    """Of struct flock."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, end - start, 0)


def lockable(path, kind):
    """By claim.c, for a disk that is raw; this is its range. The lock goes with the descriptor."""
    with open(path, "r+b") as file:
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock(kind, 0, 1 << 61))
        except BlockingIOError:
            return False
    return True


def readable(path, form):
    return not subprocess.run(["qemu-io", "-r", "-f", form, "-c", "read 0 64k", path],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode


def other_formats(program, folder):
    for form in ("vmdk", "vdi", "vpc", "qed"):
        image = f"{folder}/other.{form}"
        img("create", "-q", "-f", form, image, "8M")
        server = Server(program, image, form)
        check(f"{form} is served", server.greets(), form)
        good, said = server.io("write -P 3 1M 64k", "flush", "read -P 3 1M 64k")
        check(f"{form} I/O", good, said)
        check(f"{form} ends", server.end() == 0)


def refused(program, image, what, form="qcow2", backing=()):
    status, text = Server(program, image, form, backing=backing).refusal()
    check(f"refused: {what}", status == 1 and what in text, f"{status} {text}")


def strangers(program, folder):
    """Backing files that an image may not show."""
    outside = tempfile.mkdtemp(prefix="outside-")
    secret = f"{outside}/secret"
    with open(secret, "wb") as file:
        file.write(b"s" * (1 << 20))
    image = f"{folder}/thief.img"

    def behind(name, form="raw"):
        img("rebase", "-u", "-f", "qcow2", "-b", name, "-F", form, image)

    img("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", image)
    unnamed = "its configuration does not"
    # Neither what everybody may read, nor what is beside the image: only what is named.
    os.chmod(secret, 0o644)
    os.chmod(outside, 0o755)
    refused(program, image, unnamed)
    refused(program, image, unnamed, backing=(f"{folder}/base.img",))
    shutil.copy(secret, f"{folder}/neighbour")
    behind("neighbour")
    refused(program, image, unnamed)
    os.symlink(secret, f"{folder}/link")
    behind(f"{folder}/link")
    refused(program, image, unnamed, backing=(f"{folder}/neighbour",))
    server = Server(program, image, backing=(secret,))
    check("what is named may be behind it", server.greets())
    check("its content", server.io("read -P 115 0 1M")[0])
    check("it ends", server.end() == 0)
    # A file behind the one that is named.
    img("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", f"{folder}/named.img")
    behind(f"{folder}/named.img", "qcow2")
    refused(program, image, unnamed, backing=(f"{folder}/named.img",))
    # Whether others exist is not told, and they are not opened: that can be an act, here one that
    # a writer sees.
    behind(f"{outside}/none")
    refused(program, image, unnamed, backing=(secret,))
    os.mkfifo(f"{folder}/pipe")
    writer = subprocess.Popen(["sh", "-c", f"echo >{folder}/pipe"])
    behind(f"{folder}/pipe")
    refused(program, image, unnamed)
    refused(program, image, "is neither a file nor a block device", backing=(f"{folder}/pipe",))
    time.sleep(0.2)
    check("what is no image is not opened", writer.poll() is None)
    writer.kill()
    writer.wait()
    behind("nbd://127.0.0.1/x")
    refused(program, image, "is not the name of a file")
    behind(image, "qcow2")
    refused(program, image, "files behind it", backing=(image,))
    behind(secret, "vpc")
    refused(program, image, "can be raw or qcow2", backing=(secret,))
    shutil.rmtree(outside)


def other_files(program, folder):
    """An image in more than one file: what its header names is not in its server's world."""
    data = f"{folder}/data.img"
    img("create", "-q", "-f", "qcow2", "-o", f"data_file={folder}/raw,data_file_raw=on", data, "1M")
    refused(program, data, "keeps its data in another file")
    vmdk = f"{folder}/flat.vmdk"
    img("create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", vmdk, "1M")
    refused(program, vmdk, "", "vmdk")
    for form in ("qed", "vmdk"):
        image, base = f"{folder}/top.{form}", f"{folder}/bottom.{form}"
        img("create", "-q", "-f", form, base, "1M")
        img("create", "-q", "-f", form, "-b", base, "-F", form, image)
        refused(program, image, "", form)


def damaged(program, folder):
    """Headers that lie: never a crash of ours."""
    image = f"{folder}/damaged.img"
    for at, form, value in ((8, ">Q", 1 << 63), (8, ">Q", 65530), (16, ">I", 0xFFFFFFFF),
                            (100, ">I", 0xFFFFFFFF), (100, ">I", 60), (0, ">I", 0), (4, ">I", 9)):
        img("create", "-q", "-f", "qcow2", "-b", f"{folder}/base.img", "-F", "raw", image)
        with open(image, "r+b") as file:
            file.seek(at)
            file.write(struct.pack(form, value))
        server = Server(program, image, backing=(f"{folder}/base.img",))
        status, text = server.refusal()
        check(f"{value:#x} at {at}", status == 1 and text, f"{status} {text}")
    with open(image, "wb") as file:
        file.write(b"QFI\xfb")
    refused(program, image, "is not a qcow2 image")
    refused(program, f"{folder}/none.img", "No such file")


def early_end(program, folder):
    """SIGTERM while qemu-nbd has no handler for it yet."""
    for wait in (0, 0.005, 0.02, 0.05):
        server = Server(program, f"{folder}/top.img",
                        backing=(f"{folder}/middle.img", f"{folder}/base.img"))
        time.sleep(wait)
        started = time.monotonic()
        status = server.end()
        check("an early end", status in (0, -signal.SIGTERM) and time.monotonic() - started < 20,
              status)


def main():
    program = sys.argv[1]
    if os.getuid() != 0:
        print("skip: a user is given up here, which only root can")
        return 0
    probe = subprocess.run(["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork",
                            "true"], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode:
        print("skip: namespaces are not allowed here")
        return 0
    folder = tempfile.mkdtemp(prefix="test-nbd-")
    try:
        for test in (life, locks, other_formats, strangers, other_files, damaged, early_end):
            test(program, folder)
    finally:
        shutil.rmtree(folder)
    print(f"{results[True]} passed, {results[False]} failed")
    return results[False] != 0


if __name__ == "__main__":
    sys.exit(main())
