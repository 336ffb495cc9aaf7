# SPDX-License-Identifier: GPL-2.0-only
"""What tests are made with; the programs are in the folders beside it.

    paths       where what is built lies
    verdict     how a test ends, and the tally of many
    lanes       several side by side
    media       what the machine boots from
    machine     QEMU with a serial line
    guests      a tiny kernel in dom0's place, booted as its boot_txt says
    dom0        a stock kernel as dom0, with our image
    options     such a dom0, as the words of a command line ask for it
    cases       the boot tests there are
    host        a whole Debian machine, whose disk debian_host makes

A program puts the folder tests/ on its path, and imports `harness.machine` and the like. Those of
the tree's other Python that tests need are found by their own names: what makes images
(dom0-tools/image), and what builds the guest kernel (guest-patches).
"""

import sys

from harness.paths import ROOT

sys.path[:0] = [f"{ROOT}/dom0-tools/image", f"{ROOT}/guest-patches"]
