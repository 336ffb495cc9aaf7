# SPDX-License-Identifier: GPL-2.0-only
"""The kernel of guest-patches/ without a hypervisor, and its patches before the kernel's own judge
of form, checkpatch."""

import glob
import os
import subprocess
import tempfile

from cpio import Archive
from series import CHECKPATCH, PATCHES

from harness.dom0 import other_kernel, script_status
from harness.machine import Machine
from harness.media import concatenate
from harness.paths import BUILD, LOGS
from harness.verdict import FAILURE, TestProblem

SCRIPT = """#!/bin/sh
fail() {
    echo "FAIL: $*"
    exit 1
}
[ -e /sys/hypervisor/type ] && fail "there is a hypervisor: $(cat /sys/hypervisor/type)"
[ "$(nproc)" = 2 ] || fail "$(nproc) processors instead of 2"
for worker in 1 2; do
    sh -c 'i=0; while [ $i -lt 60 ]; do echo $i | grep -q $i || exit 1; i=$((i + 1)); done' &
    eval "worker$worker=$!"
done
wait $worker1 || fail "the first worker"
wait $worker2 || fail "the second worker"
dd if=/dev/urandom of=/tmp/blob bs=1M count=8 2>/dev/null
[ "$(md5sum </tmp/blob)" = "$(cat /tmp/blob | md5sum)" ] || fail "memory does not keep its content"
! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|soft lockup|rcu.*stall' ||
    fail "the kernel complains"
"""


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
        overlay.data("test-script", SCRIPT.encode(), 0o755)
        overlay.write(extra)
        concatenate([os.path.join(kernel, "base.cpio"), extra], initrd)
        words = "console=ttyS0 loglevel=4 lodge.daemons=none lodge.script=/test-script rdinit=/init"
        with Machine("", os.path.join(LOGS, name + ".log"), limit=180, smp=2, memory=1024,
                     threads=False, extra=["-kernel", os.path.join(kernel, "vmlinuz"), "-initrd",
                                           initrd, "-append", words]) as machine:
            machine.wait()
            if script_status(machine) != 0:
                raise TestProblem(FAILURE, f"see build/logs/{name}.log")
