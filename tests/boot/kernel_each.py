# SPDX-License-Identifier: GPL-2.0-only
"""`make guest-kernel-each`: the guest kernel after every single patch of the series, from the last
one backwards. Each is put before checkpatch, built, and booted as dom0 with itself as its guest.

Not part of `make check`, which builds and boots the whole series, as most patches change a header
that nearly everything includes:
    tests/boot/kernel_each.py --only tlb
"""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.options import run_script  # noqa: E402
from harness.paths import BUILD, LOGS, ROOT  # noqa: E402
from harness.verdict import FAILURE, SUCCESS, Tally, TestProblem  # noqa: E402
from build import Build  # noqa: E402
from series import CHECKPATCH, PATCHES  # noqa: E402
from source import KernelError  # noqa: E402

SCRIPT = os.path.join(ROOT, "tests", "boot", "cases", "kernel-trixie.sh")


def judge(tree, patch, image):
    """Raises TestProblem unless form and boots are as they should be."""
    path = os.path.join(PATCHES, patch)
    done = subprocess.run([os.path.join(tree, "scripts", "checkpatch.pl"), *CHECKPATCH, path],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise TestProblem(FAILURE, "checkpatch: " + done.stdout.splitlines()[0])
    run_script(SCRIPT, "each-" + patch[:4], "--kernel", image, "--guest", "--guest-kernel", image,
               "--limit", "400")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="patches whose name has this in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    tally = Tally(LOGS)
    build = Build(BUILD, args.jobs)
    start = time.monotonic()
    try:
        for patch, image in build.each(args.only):
            verdict, text = SUCCESS, ""
            try:
                judge(build.tree, patch, image)
            except TestProblem as problem:
                verdict, text = problem.verdict, str(problem)
            tally.add(f"each/{patch.removesuffix('.patch')}", verdict, time.monotonic() - start,
                      text)
            start = time.monotonic()
    except KernelError as problem:
        tally.add("each/build", FAILURE, time.monotonic() - start, str(problem))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
