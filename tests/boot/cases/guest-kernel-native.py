# SPDX-License-Identifier: GPL-2.0-only
"""The kernel of guest-patches/ without a hypervisor, and its patches before the kernel's own judge
of form, checkpatch."""

import glob
import os
import subprocess
import tempfile

from cpio import Archive
from series import CHECKPATCH, PATCHES

from harness.dom0 import judge_script, other_kernel, with_shell
from harness.machine import Machine
from harness.media import concatenate
from harness.paths import BUILD, LOGS
from harness.verdict import FAILURE, TestProblem

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "native.sh")


def checkpatch(kernel, name):
    """Each patch before checkpatch, which the build keeps beside the kernel."""
    patches = sorted(glob.glob(os.path.join(PATCHES, "*.patch")))
    script = os.path.join(kernel, "checkpatch.pl")
    with open(os.path.join(LOGS, name + "-form.log"), "w", encoding="utf-8") as log:
        wrong = [patch for patch in patches
                 if subprocess.call(["perl", script, *CHECKPATCH, patch],
                                    stdout=log, stderr=subprocess.STDOUT) != 0]
    if wrong:
        raise TestProblem(FAILURE, f"checkpatch has something against {len(wrong)} patches, first "
                                   f"{os.path.basename(wrong[0])} (build/logs/{name}-form.log)")


def run(name):
    kernel = other_kernel("patched")
    checkpatch(os.path.join(BUILD, "guest-kernel"), name)
    with tempfile.TemporaryDirectory(prefix="lodge-native-") as directory:
        extra, initrd = os.path.join(directory, "extra"), os.path.join(directory, "initrd")
        overlay = Archive()
        with open(SCRIPT, encoding="utf-8") as handle:
            overlay.data("test-script", with_shell(handle.read()).encode(), 0o755)
        overlay.write(extra)
        concatenate([os.path.join(kernel, "base.cpio"), extra], initrd)
        words = "console=ttyS0 loglevel=4 lodge.daemons=none lodge.script=/test-script rdinit=/init"
        with Machine("", os.path.join(LOGS, name + ".log"), limit=180, smp=2, memory=1024,
                     threads=False, extra=["-kernel", os.path.join(kernel, "vmlinuz"), "-initrd",
                                           initrd, "-append", words]) as machine:
            machine.wait()
        judge_script(machine)
