# SPDX-License-Identifier: GPL-2.0-only
"""Boot a stock kernel as dom0 with our image, on Lodge or, to compare, on Debian's Xen."""

import glob
import os
import re
import shlex
import tempfile

from cpio import Archive
from fetch import FetchError
from kernels import need as need_kernel
from mkimage import add_program

from harness.machine import Machine
from harness.media import cached_iso, concatenate
from harness.paths import BUILD, DEBIAN, DEBUG, IMAGE, ISOS, KERNEL, LODGE, LOGS, ROOT
from harness.verdict import ERROR, FAILURE, SKIP, TestProblem

# Xen asks the BIOS for what it knows of the disk, which would wait half a minute for an answer once
# GRUB's own driver has used it (media.py): hence no-real-mode.
OPTIONS = {
    "lodge": "console=com1 dom0_mem=512M loglvl=info noreboot",
    "xen": "console=com1 com1=115200,8n1 dom0_mem=512M,max:512M noreboot=1 loglvl=warning "
           "no-real-mode",
}
# Debian's Xen loses dom0 early where it sees SMAP. TCG's XSAVE does not respect CR0.TS, on which
# Xen's lazy change of FPU state relies: now and then a program in dom0 has another domain's
# registers, and a shell, whose strcspn() uses them, runs a command of the name "$cli".
XEN_CPU = "max,-smap,-xsave,-avx,-avx2"
SKIP_STATUS = 77  # of a script that finds that it cannot test here
# Linux patches its code while other processors run it: a breakpoint goes over an instruction, then
# the new instruction over that. TCG with a thread per processor may keep its translation of the
# breakpoint when the new instruction is written just then. Whoever comes by traps there for ever,
# as the kernel finds no breakpoint in memory and tries again: one such hang in some hundred boots
# with two processors, within a minute where static keys are flipped all the time. With one thread
# for all (threads=False) that cannot be. The tiny guests test races; they patch nothing.
# SysRq is for Machine._ask_why(): Debian's kernel lets the console ask for little otherwise. To
# test its ciphers takes the kernel a quarter of its start, under emulation.
DOM0_COMMAND = "console=hvc0 loglevel=4 sysrq_always_enabled cryptomgr.notests rdinit=/init"


def _need(path, way_out):
    if not os.path.exists(path):
        raise TestProblem(ERROR, f"{os.path.relpath(path, ROOT)} is missing: {way_out}")
    return path


def other_kernel(name):
    """The directory of a kernel that is not Debian's newest (see kernels.py)."""
    try:
        return need_kernel(name, BUILD)
    except FetchError as missing:
        raise TestProblem(SKIP, str(missing)) from missing


def xen_hypervisor():
    found = glob.glob(os.path.join(BUILD, "xen", "boot", "xen-4.17-amd64.gz"))
    if not found:
        raise TestProblem(ERROR, "Debian's Xen is not unpacked: run `make xen`")
    return found[0]


class Dom0:
    """A boot to be: set what differs from the default, then machine() makes it.

    debian is the number of disks (/dev/vda, ...) that have the Debian guest's system on them;
    disks are image files for more of them. What is written to either is lost. kernel and
    guest_kernel name others than Debian's newest, as dom0's and the guest's (see kernels.py).
    debug: Lodge's debug build."""

    def __init__(self, name, hypervisor="lodge", tools="", guest=False, options="", dom0="",
                 smp=1, cpu="", limit=180, debian=0, threads=False, kernel="", guest_kernel="",
                 debug=False, **machine):
        self.name = name
        self.hypervisor = hypervisor
        self.debug = debug
        self.tools = tools or hypervisor
        self.guest = guest or debian > 0
        self.kernel = other_kernel(kernel) if kernel else KERNEL
        self.base = self.kernel if kernel else IMAGE
        self.guest_kernel = other_kernel(guest_kernel) if guest_kernel else KERNEL
        self.guest_image = self.guest_kernel if guest_kernel else IMAGE
        self.debian = debian
        self.options = f"{OPTIONS[hypervisor]} {options}".strip()
        self.command = f"{DOM0_COMMAND} {dom0}".strip()
        self.overlay = Archive()
        cpu = cpu or (XEN_CPU if hypervisor == "xen" else "max")
        if debian:
            image = os.path.realpath(_need(DEBIAN, "run `make guest-image`"))
            machine["disks"] = [image] * debian + list(machine.get("disks", ()))
        self.settings = dict(machine, smp=smp, cpu=cpu, limit=limit, threads=threads)

    def add(self, source, target):
        """Put a host file into dom0 as it is, with the libraries that a program needs."""
        search = sorted({os.path.dirname(p) for p in glob.glob(f"{BUILD}/*/*.so*")})
        add_program(self.overlay, target, source, search, whole=True)

    def script(self, text, values=()):
        """Run this shell script in dom0, then power off; values are variables of its shell."""
        self.overlay.data("test-script", with_shell(text, values).encode(), 0o755)
        self.command += " lodge.script=/test-script"

    def _archives(self):
        way_out = "run `make image`"
        parts = [_need(os.path.join(self.base, "base.cpio"), way_out)]
        if self.tools != "none":
            missing = way_out if self.tools == "lodge" else "run `make xen`"
            parts.append(_need(os.path.join(IMAGE, f"{self.tools}.cpio"), missing))
        if self.guest:
            parts.append(_need(os.path.join(self.guest_image, "guest.cpio"), way_out))
        if self.debian:
            parts.append(_need(os.path.join(IMAGE, "debian.cpio"), way_out))
        return parts

    def machine(self, **settings):
        """Make the ISO, and a machine with it; settings override those of the boot."""
        if self.hypervisor == "xen":
            binary, kernel = xen_hypervisor(), os.path.join(self.kernel, "vmlinuz")
        else:
            binary = (_need(DEBUG, "run `make -C hypervisor DEBUG=1`") if self.debug else
                      _need(LODGE, "run `make`"))
            kernel = os.path.join(self.kernel, "vmlinux")
        os.makedirs(LOGS, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="lodge-initrd-") as directory:
            extra, initrd = os.path.join(directory, "extra"), os.path.join(directory, "initrd")
            self.overlay.write(extra)
            concatenate(self._archives() + [extra], initrd)
            iso = cached_iso(ISOS, binary, self.options,
                             [(_need(kernel, "run `make image`"), self.command), (initrd, "")])
        return Machine(iso, os.path.join(LOGS, self.name + ".log"),
                       **dict(self.settings, **settings))


def with_shell(text, values=()):
    """A script with the line that says whose it is, and with variables of these values."""
    first, rest = text.split("\n", 1) if text.startswith("#!") else ("#!/bin/sh", text + "\n")
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in dict(values).items()]
    return "".join([first + "\n", *lines, rest])


def script_status(machine):
    """The status that dom0's init printed for the script, once the machine has ended."""
    found = re.findall(r"^dom0-status: (\d+)$", machine.text, re.MULTILINE)
    if not found:
        raise TestProblem(FAILURE, f"dom0 ended without a status; last line: {machine.last_line()}")
    return int(found[-1])


def judge_script(machine):
    """Raises TestProblem unless the script of a machine that has ended was a success. It says why
    it fails by lines "FAIL ..."."""
    status = script_status(machine)
    if status == SKIP_STATUS:
        raise TestProblem(SKIP, "the script says so")
    if status != 0:
        reasons = re.findall(r"^FAIL.*$", machine.text, re.MULTILINE)
        raise TestProblem(FAILURE, "; ".join([f"status {status}", *reasons[:3]]) +
                          f" ({os.path.relpath(machine.log_path, ROOT)})")


def carry_out(dom0, **settings):
    """Boot dom0 and wait for its end: the machine, or TestProblem unless its script succeeded."""
    with dom0.machine(**settings) as machine:
        machine.wait()
    judge_script(machine)
    return machine
