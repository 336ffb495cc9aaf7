# SPDX-License-Identifier: GPL-2.0-only
"""Lodge on a whole Debian machine, as its user has it: `make install` under Linux, a boot by GRUB's
menu through BIOS and through UEFI, the services as systemd starts them, guests made by lodge, by
Debian's xl and by libvirt side by side, and `make uninstall`, after which all is as it was.
"""

import os
import shutil
import subprocess
import tempfile
from fnmatch import fnmatch

from mkimage import ImageError

from harness.debian_host import image
from harness.host import Host
from harness.machine import Machine
from harness.paths import BUILD, IMAGE, KERNEL, LODGE, LOGS, ROOT
from harness.verdict import ERROR, SKIP, TestProblem

HERE = os.path.dirname(os.path.abspath(__file__))
FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# Nor what other lanes may be writing at this moment.
NOT_TAKEN = ("cache", "iso", "image", "kernel*", "logs", "stage", "xen", "guest*", "bench", "tests",
             "unit", "fuzz", "lint")
LIMIT = 1500


def tree_disk(path):
    """A file system with the source tree, what is built of it, and a guest's kernel and initrd."""
    with tempfile.TemporaryDirectory(prefix="lodge-tree-") as top:
        tree = os.path.join(top, "lodge")
        shutil.copytree(ROOT, tree, symlinks=True, ignore=lambda folder, names: [
            name for name in names if name == ".git" and folder == ROOT or
            name == "__pycache__" or
            folder == BUILD and any(fnmatch(name, pattern) for pattern in NOT_TAKEN)])
        guest = os.path.join(top, "guest")
        os.mkdir(guest)
        shutil.copyfile(os.path.join(KERNEL, "vmlinux"), os.path.join(guest, "vmlinux"))
        shutil.copyfile(os.path.join(IMAGE, "guest-initrd.cpio"), os.path.join(guest, "initrd"))
        shutil.copyfile(os.path.join(HERE, "..", "debian-host.sh"), os.path.join(top, "test.sh"))
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "tree", "-m", "0", "-E",
                        "root_owner=0:0", "-d", top, path, "400M"], check=True)


def overlay(base, kind, path):
    """A disk that keeps to itself what is written to it."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", base, path],
                   check=True)
    return path


def machine(name, disk, tree, uefi=False):
    drives = [
        "-drive", f"file={disk},if=none,id=host,format=qcow2,cache=unsafe",
        "-device", "virtio-blk-pci,drive=host,bootindex=0",
        "-drive", f"file={tree},if=none,id=tree,format=raw,snapshot=on",
        "-device", "virtio-blk-pci,drive=tree", "-device", "VGA"]
    if uefi:
        drives += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={FIRMWARE}",
                   "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={VARIABLES}"]
    return Machine(None, os.path.join(LOGS, f"{name}.log"), limit=LIMIT, threads=False,
                   memory=2560, extra=drives)


def install(name, disk, tree):
    with machine(name + "-install", disk, tree) as linux:
        host = Host(linux)
        host.log_in("ttyS0")
        host.script("before")
        host.script("install", 600)
        host.power_off()


def live(name, disk, tree):
    with machine(name, disk, tree) as lodge:
        host = Host(lodge)
        lodge.expect(r"^\(LODGE\) ", 120)
        host.log_in("hvc0")
        for part in ("services", "screen-text", "lodge", "xl", "libvirt"):
            host.script(part, 600)
        host.script("uninstall", 600)
        host.power_off()


def live_uefi(name, disk, tree):
    with machine(name + "-uefi", disk, tree, uefi=True) as lodge:
        host = Host(lodge)
        lodge.expect(r"^\(LODGE\) ", 180)
        host.log_in("hvc0")
        host.script("services")
        host.script("screen-pixels")
        # Debian's libxenstore, and so libvirt, does not find back to a store that has died.
        host.script("store-dies")
        host.script("lodge", 600)
        host.power_off()


def run(name):
    if not os.path.exists(LODGE):
        raise TestProblem(SKIP, "the hypervisor is not built")
    if not os.path.exists(FIRMWARE):
        raise TestProblem(ERROR, f"{FIRMWARE} is missing: run `make deps`")
    try:
        base = image(os.path.join(BUILD, "cache"), LOGS)
    except ImageError as problem:
        raise TestProblem(ERROR, str(problem)) from problem
    with tempfile.TemporaryDirectory(prefix="lodge-host-") as folder:
        tree = os.path.join(folder, "tree.ext4")
        tree_disk(tree)
        first = overlay(base, "raw", os.path.join(folder, "installed.qcow2"))
        install(name, first, tree)
        live(name, overlay(first, "qcow2", os.path.join(folder, "bios.qcow2")), tree)
        live_uefi(name, overlay(first, "qcow2", os.path.join(folder, "uefi.qcow2")), tree)
