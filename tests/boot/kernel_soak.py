# SPDX-License-Identifier: GPL-2.0-only
"""Part of `make soak`: the guest kernel's memory management, with the kernel's own checks built in
(the variant debug of guest-patches/), as dom0 on Lodge.

Two boots: the kernel's selftests/vm, as far as a paravirtual kernel can pass them, where each must
end as it does with the unpatched kernel; and mmstress, which compares every page that it changed,
stress-ng's stressors and trinity under memory pressure. No complaint may be in the kernel's log.
    tests/boot/kernel_soak.py --minutes 10
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

from dom0 import BUILD, LOGS, ROOT, script_status
from run import parse, prepare
from verdict import ERROR, FAILURE, Tally, TestProblem

sys.path.insert(0, os.path.join(ROOT, "guest-patches"))
from build import Build  # noqa: E402
from source import KernelError  # noqa: E402

LONG = os.path.join(ROOT, "tests", "boot", "long")
SELFTESTS = os.path.join("tools", "testing", "selftests", "vm")
# Each with its arguments; what needs huge pages or other processors is left out.
VM_TESTS = (
    "mremap_test", "mremap_dontunmap", "madv_populate", "map_populate", "map_fixed_noreplace",
    "mlock2-tests", "on-fault-limit", "mrelease_test", "soft-dirty", "compaction_test",
    "userfaultfd anon 20 16", "userfaultfd shmem 20 16", "ksm_tests -M -p 10", "ksm_tests -U",
    "ksm_tests -Z -p 10 -z 0", "ksm_tests -N -m 1", "ksm_tests -C",
)
RESULT = re.compile(r"^VM (\S+) (\d+)$", re.MULTILINE)
SWAP = 512 << 20


def compile_tests(tree, folder):
    """The programs of VM_TESTS, statically linked: (program, name)."""
    source = os.path.join(tree, SELFTESTS)
    for name in sorted({test.split()[0] for test in VM_TESTS}):
        program = os.path.join(folder, name)
        done = subprocess.run(
            ["gcc", "-O2", "-w", "-static", "-I", source, "-I", tree, "-o", program,
             os.path.join(source, name + ".c"), os.path.join(source, "vm_util.c"), "-lnuma",
             "-lpthread", "-lrt", "-lm"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise TestProblem(ERROR, f"{name} does not compile: {done.stdout[-200:]}")
        yield program, name


def selftests(kernel):
    """The status of each test with that kernel as dom0's."""
    try:
        tree = Build(BUILD, 1).source()
    except KernelError as problem:
        raise TestProblem(ERROR, str(problem)) from problem
    with tempfile.TemporaryDirectory(prefix="lodge-vm-tests-") as folder:
        dom0 = prepare(parse(["--kernel", kernel, "--options", "dom0_mem=1024M", "--limit", "3600",
                              "--script", os.path.join(LONG, "kernel-vm.sh"), "--name",
                              f"soak-kernel-vm-{kernel}"]), echo=False)
        for program, name in compile_tests(tree, folder):
            dom0.add(program, "/vm/" + name)
        dom0.overlay.data("vm/list", "".join(test + "\n" for test in VM_TESTS).encode())
        with dom0.machine() as machine:
            machine.wait()
            if script_status(machine) != 0:
                raise TestProblem(FAILURE, f"{kernel}: see build/logs/soak-kernel-vm-{kernel}.log")
            return dict(RESULT.findall(machine.text))


def run_selftests():
    """Each as with the unpatched kernel; what that fails, too, is no fault of the patches."""
    stock, ours = selftests("unpatched"), selftests("debug")
    if len(stock) < len(VM_TESTS) or "0" not in ours.values():
        raise TestProblem(ERROR, f"only {len(stock)} of {len(VM_TESTS)} tests ran")
    worse = [f"{name}: {status} instead of {stock.get(name)}" for name, status in ours.items()
             if status != stock.get(name)]
    if worse:
        raise TestProblem(FAILURE, "; ".join(worse))
    passed = list(ours.values()).count("0")
    return f"{passed} of {len(ours)} pass, the others end as with the unpatched kernel"


def run_stress(seconds, kernel="debug"):
    with open(os.path.join(LONG, "kernel-stress.sh"), encoding="utf-8") as handle:
        script = handle.read().replace("SECONDS", str(seconds))
    with tempfile.TemporaryDirectory(prefix="lodge-swap-") as folder:
        swap, pages = os.path.join(folder, "swap"), os.path.join(folder, "mmstress")
        with open(swap, "wb") as handle:
            handle.truncate(SWAP)
        subprocess.run(["gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o",
                        pages, os.path.join(LONG, "mmstress.c"), "-lpthread"], check=True)
        dom0 = prepare(parse(["--kernel", kernel, "--options", "dom0_mem=384M", "--smp", "2",
                              "--disk", swap, "--limit", str(8 * seconds + 600), "--command",
                              script, "--add", "/usr/bin/stress-ng:/usr/bin/stress-ng", "--add",
                              "/usr/bin/trinity:/usr/bin/trinity", "--add",
                              f"{pages}:/usr/bin/mmstress", "--name", "soak-kernel-stress"]),
                       echo=False)
        with dom0.machine() as machine:
            machine.wait()
            if script_status(machine) != 0:
                raise TestProblem(FAILURE, "see build/logs/soak-kernel-stress.log")
    return f"{seconds} s each"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="of each mixture of stressors")
    parser.add_argument("--only", choices=("vm", "stress"), default="")
    args = parser.parse_args()
    tally = Tally(LOGS)
    parts = {"vm": run_selftests, "stress": lambda: run_stress(int(60 * args.minutes))}
    for name, part in parts.items():
        if args.only in ("", name):
            tally.run(f"soak/kernel-{name}", part)
    return tally.close()


if __name__ == "__main__":
    os.makedirs(LOGS, exist_ok=True)
    sys.exit(main())
