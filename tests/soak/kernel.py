# SPDX-License-Identifier: GPL-2.0-only
"""Part of `make soak`: the guest kernel's memory management, with the kernel's own checks built in
(the variant debug of guest-patches/), as dom0 on Lodge.

The kernel's selftests/vm, as far as a paravirtual kernel can pass them, where each must end as it
does with the unpatched kernel; mmstress, which compares every page that it changed, and stress-ng's
stressors, under memory pressure, with faults that bring one page or many; trinity; and guests with
this kernel that are moved, paused, made smaller and destroyed amid mmstress, on a debug build of
the hypervisor. No complaint may be in a kernel's log.
    tests/soak/kernel.py --minutes 10 --trinity 60
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness.options import run_script  # noqa: E402
from harness.paths import BUILD, LOGS, ROOT  # noqa: E402
from harness.verdict import ERROR, FAILURE, Tally, TestProblem  # noqa: E402
from build import Build  # noqa: E402
from source import KernelError  # noqa: E402

SELFTESTS = os.path.join("tools", "testing", "selftests", "vm")
# Each with its arguments; what needs huge pages or other processors is left out.
VM_TESTS = (
    "mremap_test", "mremap_dontunmap", "madv_populate", "map_populate", "map_fixed_noreplace",
    "mlock2-tests", "mlock-random-test", "on-fault-limit", "mrelease_test", "soft-dirty",
    "userfaultfd anon 20 16", "userfaultfd shmem 20 16", "ksm_tests -M -p 10", "ksm_tests -U",
    "ksm_tests -Z -p 10 -z 0", "ksm_tests -C",
)
# It takes a page for resident only if it was touched, which is what faults that bring many change.
ONLY_TOUCHED = "mlock2-tests"
RESULT = re.compile(r"^VM (\S+) (\d+)$", re.MULTILINE)
SWAP = 512 << 20
AROUND = 64  # vm.anon_fault_around_pages, where it is not 1


def compile_tests(tree, folder):
    """The programs of VM_TESTS, statically linked: (program, name)."""
    source = os.path.join(tree, SELFTESTS)
    for name in sorted({test.split()[0] for test in VM_TESTS}):
        program = os.path.join(folder, name)
        done = subprocess.run(
            ["gcc", "-O2", "-w", "-static", "-include", "sys/syscall.h", "-I", source, "-I", tree,
             "-o", program, os.path.join(source, name + ".c"), os.path.join(source, "vm_util.c"),
             "-lnuma", "-lcap", "-lpthread", "-lrt", "-lm"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise TestProblem(ERROR, f"{name} does not compile: {done.stdout[-200:]}")
        yield program, name


def selftests(kernel, words="", name=""):
    """The status of each test with that kernel as dom0's, and more words on its command line."""
    name = "soak-kernel-vm-" + (name or kernel)
    try:
        tree = Build(BUILD, 1).source()
    except KernelError as problem:
        raise TestProblem(ERROR, str(problem)) from problem
    with tempfile.TemporaryDirectory(prefix="lodge-vm-tests-") as folder:
        listed = os.path.join(folder, "list")
        with open(listed, "w", encoding="utf-8") as handle:
            handle.writelines(test + "\n" for test in VM_TESTS)
        add = ["--add", f"{listed}:/vm/list"]
        for program, test in compile_tests(tree, folder):
            add += ["--add", f"{program}:/vm/{test}"]
        machine = run_script(os.path.join(HERE, "kernel-vm.sh"), name, "--kernel", kernel,
                             "--options", "dom0_mem=1024M", "--limit", "3600", "--dom0",
                             "log_buf_len=16M " + words, *add)
    results = dict(RESULT.findall(machine.text))
    if len(results) != len(VM_TESTS):
        raise TestProblem(ERROR, f"{name}: {len(results)} of {len(VM_TESTS)} tests ran")
    return results


def run_selftests():
    """Each as with the unpatched kernel; what that fails, too, is no fault of the patches."""
    stock = selftests("unpatched")
    if list(stock.values()).count("0") < len(VM_TESTS) // 2:
        raise TestProblem(ERROR, f"with the unpatched kernel: {stock}")
    for words in ("", f"sysctl.vm.anon_fault_around_pages={AROUND}"):
        ours = selftests("debug", words, "around" if words else "")
        other = [f"{test}: {ours[test]} instead of {status}" for test, status in stock.items()
                 if ours[test] != status and not (words and test == ONLY_TOUCHED)]
        if other:
            raise TestProblem(FAILURE, "; ".join(other) + (f", with {words}" if words else ""))
    no = [f"{test} {status}" for test, status in stock.items() if status != "0"]
    print(f"{len(stock) - len(no)} of {len(stock)} pass with the unpatched kernel", *no, sep=", ")


def compile_mmstress(folder):
    program = os.path.join(folder, "mmstress")
    sources = [os.path.join(HERE, name) for name in ("mmstress.c", "mmstress_beside.c")]
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror",
                    "-static", "-o", program] + sources + ["-lpthread"], check=True)
    return program


def guests(seconds, kernel="debug"):
    """Guests with that kernel in hard surroundings (kernel-guests.sh)."""
    subprocess.run(["make", "-s", "-C", os.path.join(ROOT, "hypervisor"), "DEBUG=1"], check=True)
    with tempfile.TemporaryDirectory(prefix="lodge-guests-") as folder:
        run_script(os.path.join(HERE, "kernel-guests.sh"), "soak-kernel-guests", "--debug",
                   "--guest", "--guest-kernel", kernel, "--smp", "2", "--limit",
                   str(8 * seconds + 1800), "--add", compile_mmstress(folder) + ":/guest/mmstress",
                   seconds=seconds)


def installed(name):
    """Where a program is that dom0 is to run, too."""
    path = shutil.which(name)
    if not path:
        raise TestProblem(ERROR, f"{name} is missing: ./build-deps.sh build-deps.txt test soak")
    return path


def pressure(name, script, seconds, bound, memory=384, kernel="debug"):
    """Run a script in a dom0 with few MiB of memory, and swap."""
    with tempfile.TemporaryDirectory(prefix="lodge-swap-") as folder:
        swap, pages = os.path.join(folder, "swap"), compile_mmstress(folder)
        with open(swap, "wb") as handle:
            handle.truncate(SWAP)
        # The kernel's log keeps its first complaint, however much is killed for want of memory.
        run_script(os.path.join(HERE, script), "soak-kernel-" + name, "--kernel", kernel,
                   "--options", f"dom0_mem={memory}M", "--dom0", "log_buf_len=16M", "--smp", "2",
                   "--disk", swap, "--limit", str(8 * seconds + 900), "--add",
                   os.path.join(HERE, "kernel-lib.sh") + ":/kernel-lib.sh", "--add",
                   installed("stress-ng") + ":/usr/bin/stress-ng", "--add",
                   installed("trinity") + ":/usr/bin/trinity", "--add",
                   f"{pages}:/usr/bin/mmstress", seconds=seconds, bound=bound)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="of each mixture of stressors")
    parser.add_argument("--trinity", type=float, default=60, help="minutes of trinity")
    parser.add_argument("--only", choices=("vm", "stress", "around", "trinity", "guests"),
                        default="")
    args = parser.parse_args()
    tally, seconds = Tally(LOGS), int(60 * args.minutes)
    parts = {
        "vm": run_selftests,
        "stress": lambda: pressure("stress", "kernel-stress.sh", seconds, 1),
        "around": lambda: pressure("around", "kernel-stress.sh", seconds, AROUND),
        "trinity": lambda: pressure("trinity", "kernel-trinity.sh", int(60 * args.trinity), AROUND,
                                    memory=768),
        "guests": lambda: guests(min(seconds, 300)),
    }
    for name, part in parts.items():
        if args.only in ("", name):
            tally.run(f"soak/kernel-{name}", part)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
