# SPDX-License-Identifier: GPL-2.0-only
"""What cannot become dom0 is refused with its reason and the way out, and nothing else happens."""

import os
import re
import tempfile

from harness.dom0 import DOM0_COMMAND
from harness.machine import Machine
from harness.media import cached_iso
from harness.paths import BUILD, ISOS, KERNEL, LODGE, LOGS
from harness.verdict import FAILURE, SKIP, TestProblem

BASE = "console=com1 noreboot"
XEN_NOTE = re.compile(rb"\x04\0\0\0(.{4})(.{4})Xen\0", re.DOTALL)


def _renamed(note):
    return b"\x04\0\0\0" + note.group(1) + note.group(2) + b"Non\0"


def kernel_without_notes(directory):
    """The stock kernel as it would be if it had been built without paravirtual support."""
    path = os.path.join(directory, "no-pv")
    with open(os.path.join(KERNEL, "vmlinux"), "rb") as handle:
        content = XEN_NOTE.sub(_renamed, handle.read())
    with open(path, "wb") as handle:
        handle.write(content)
    return path


def text_file(directory):
    path = os.path.join(directory, "text")
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("this is no kernel\n" * 1000)
    return path


def cut_kernel(directory):
    """An ELF file whose segments end beyond the end of the file."""
    path = os.path.join(directory, "cut")
    with open(os.path.join(KERNEL, "vmlinux"), "rb") as source, open(path, "wb") as target:
        target.write(source.read(1 << 20))
    return path


def boot(name, options, modules, pattern):
    """Boot, and insist on the message and on a plain end instead of a crash."""
    iso = cached_iso(ISOS, LODGE, f"{BASE} {options}".strip(), modules)
    with Machine(iso, os.path.join(LOGS, f"{name}.log"), limit=90, memory=1024) as machine:
        machine.expect("Lodge cannot start: .*" + pattern, 60)
        machine.expect(r"^\(LODGE\) halted", 20)
        if re.search(r"BUG|page fault|general protection", machine.text):
            raise TestProblem(FAILURE, f"{name}: the message came with a crash")


def run(name):
    if not os.path.exists(LODGE):
        raise TestProblem(SKIP, "the hypervisor is not built")
    kernel = os.path.join(KERNEL, "vmlinux")
    base = os.path.join(BUILD, "image", "base.cpio")
    with tempfile.TemporaryDirectory(prefix="lodge-bad-") as directory:
        boot(name + "-none", "", [], r"no dom0 kernel: add `module2")
        boot(name + "-bzimage", "", [(os.path.join(KERNEL, "vmlinuz"), "")], "extract-kernel")
        boot(name + "-text", "", [(text_file(directory), "")], r"not an ELF")
        boot(name + "-no-pv", "", [(kernel_without_notes(directory), "")], r"no Xen notes")
        boot(name + "-cut", "", [(cut_kernel(directory), "")], r"outside the file")
        boot(name + "-memory", "dom0_mem=8M", [(kernel, DOM0_COMMAND), (base, "")],
             r"raise dom0_mem=")
