# SPDX-License-Identifier: GPL-2.0-only
"""`make demo`: a scripted tour in a real dom0, on this terminal; `make run`: the same, to use.

Needs no KVM. With LODGE_KVM=1 it is tried, and given up where it cannot run a hypervisor.
"""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.dom0 import Dom0, script_status  # noqa: E402
from harness.paths import KERNEL, ROOT  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402

ACTS = ("tour", "tour-debian")
LIMIT = 1200
KVM_PATIENCE = 20


def say(number, text):
    print(f"[{number}/3] {text}", flush=True)


def prepare(args):
    hypervisor = args.hypervisor
    dom0 = Dom0("demo", hypervisor, "lodge", guest=True, smp=args.smp, limit=LIMIT, echo=True,
                debian=2)
    if args.shell:
        dom0.add("/bin/bash", "bin/bash")
        dom0.overlay.data("etc/motd", b"dom0 is up. Try: lodge list; lodge create -c "
                                      b"/guest/guest.cfg (C-] leaves the console),\n"
                                      b"/guest/debian.cfg; help, help create, man lodge, man "
                                      b"lodge.cfg (q leaves it); the tabulator key\n"
                                      b"completes; poweroff -f. C-a x ends the machine.\n")
    else:
        for act in ACTS:
            dom0.overlay.file(act, os.path.join(ROOT, "dom0-tools", "image", act), 0o755)
        dom0.script(" && ".join("/" + act for act in ACTS))
    return dom0


def kvm_works(dom0):
    """Whether GRUB comes up under KVM in good time; a /dev/kvm alone promises nothing."""
    if os.environ.get("LODGE_KVM") != "1":
        return False
    with open("/proc/cpuinfo", encoding="utf-8") as handle:
        flags = handle.read().split()
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not {"svm", "vmx"} & set(flags):
        print("      KVM cannot run a hypervisor here; using emulation", flush=True)
        return False
    try:
        with dom0.machine(accel="kvm", echo=False) as machine:
            machine.expect("GRUB: loading", KVM_PATIENCE)
        return True
    except TestProblem as problem:
        print(f"      KVM does not work here ({problem}); using emulation", flush=True)
        return False


def tour(dom0):
    start = time.monotonic()
    accel = "kvm" if kvm_works(dom0) else "tcg"
    say(2, f"booting GRUB, the hypervisor and dom0 in QEMU ({accel}); the serial console follows")
    try:
        with dom0.machine(accel=accel) as machine:
            machine.wait()
            status = script_status(machine)
        text = "every step of the tour gave the right result" if status == 0 else \
            "the step above failed"
    except TestProblem as problem:
        status, text = 1, str(problem)
    print()
    say(3, f"{time.monotonic() - start:.0f} s; the log is build/logs/demo.log")
    print(f"demo: {'SUCCESS' if status == 0 else 'FAILURE'}: {text}", flush=True)
    return 1 if status else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shell", action="store_true", help="a shell instead of the tour")
    parser.add_argument("--hypervisor", choices=("lodge", "xen"), default="lodge",
                        help="our tools also run on Debian's Xen (`make xen` first)")
    parser.add_argument("--smp", type=int, default=2)
    args = parser.parse_args()
    try:
        with open(os.path.join(KERNEL, "release"), encoding="utf-8") as handle:
            say(1, f"making the boot ISO: GRUB, {args.hypervisor}, Linux {handle.read()}, initrd")
        dom0 = prepare(args)
        if args.shell:
            say(2, "booting; C-a x ends the machine")
            return subprocess.call(dom0.machine().interactive())
        return tour(dom0)
    except (TestProblem, OSError) as problem:
        print(f"demo.py: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
