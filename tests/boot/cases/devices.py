# SPDX-License-Identifier: GPL-2.0-only
"""dom0 drives real devices: a SATA drive and a network card, by MSI and by interrupt lines.

What comes off the CD has to be what is on it, so DMA goes where the driver meant it to; and the
interrupts have to arrive under the names of the kind that was asked for.
"""

import glob
import hashlib
import os
import re

from harness.dom0 import Dom0, carry_out
from harness.paths import IMAGE, KERNEL, LODGE
from harness.verdict import FAILURE, SKIP, TestProblem

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ("scsi_common", "scsi_mod", "libata", "libahci", "ahci", "cdrom", "sr_mod", "e1000e")
NETWORK = ("-netdev", "user,id=net0", "-device", "e1000e,netdev=net0")
DISC = os.path.join(IMAGE, "base.cpio")  # any file of that size
READ = 4 << 20
SCRIPT = os.path.join(HERE, "..", "devices.sh")


def module(name):
    found = glob.glob(os.path.join(KERNEL, "lib", "modules", "*", "kernel", "**", name + ".ko"),
                      recursive=True)
    if not found:
        raise TestProblem(SKIP, f"the kernel package has no module {name}")
    return found[0]


def boot(name, words, kind):
    dom0 = Dom0(name, tools="none", dom0=f"lodge.daemons=none {words}", smp=2, limit=180,
                memory=1024, extra=NETWORK + ("-cdrom", DISC))
    for entry in MODULES:
        dom0.overlay.file(f"modules/{entry}.ko", module(entry))
    with open(SCRIPT, encoding="utf-8") as handle:
        dom0.script(handle.read(), {"modules": " ".join(MODULES), "blocks": READ // 65536})
    machine = carry_out(dom0)
    with open(DISC, "rb") as disc:
        want = hashlib.md5(disc.read(READ)).hexdigest()
    if f"read {want}" not in machine.text:
        raise TestProblem(FAILURE, f"{name}: what was read from the CD is not what is on it")
    lines = re.findall(r"^line +\d+: +(\d+) +(\d+) +xen-pirq +(\S+) +(\S+)", machine.text,
                       re.MULTILINE)
    for device in ("ahci", "eth0"):
        count = sum(int(a) + int(b) for a, b, how, who in lines
                    if who.startswith(device) and how.startswith(kind))
        if count == 0:
            raise TestProblem(FAILURE, f"{name}: no {kind} interrupt of {device}")


def run(name):
    if not os.path.exists(LODGE):
        raise TestProblem(SKIP, "the hypervisor is not built")
    boot(name + "-msi", "", "-msi")
    boot(name + "-lines", "pci=nomsi", "-ioapic-level")
