# SPDX-License-Identifier: GPL-2.0-only
"""Where what is built lies."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
LOGS = os.path.join(BUILD, "logs")
ISOS = os.path.join(BUILD, "iso")
KERNEL = os.path.join(BUILD, "kernel")
IMAGE = os.path.join(BUILD, "image")
LODGE = os.path.join(BUILD, "hypervisor", "lodge.elf")
DEBUG = os.path.join(BUILD, "hypervisor", "debug", "lodge.elf")  # with all assertions
DEBIAN = os.path.join(IMAGE, "debian.ext4")
HARNESS = os.path.dirname(os.path.abspath(__file__))
