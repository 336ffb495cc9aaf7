# SPDX-License-Identifier: GPL-2.0-only
"""A dom0 as words ask for it: the options of tests/boot/run.py, which scripts in tests/boot/cases
have in a line of their own, and other programs put together."""

import argparse
import os
import re

from harness.dom0 import Dom0, carry_out
from harness.paths import HARNESS


class _Line(argparse.ArgumentParser):
    """For words that are in a file: its reader knows where."""

    def error(self, message):
        raise ValueError(message)


def _setting(text):
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE is wanted")
    return name, value


def _add_boot_options(parser):
    parser.add_argument("--hypervisor", choices=("lodge", "xen"), default="lodge")
    parser.add_argument("--tools", choices=("lodge", "xen", "none"), default="",
                        help="whose tools and daemons are in dom0 (default: the hypervisor's)")
    parser.add_argument("--debug", action="store_true",
                        help="Lodge's debug build (make -C hypervisor DEBUG=1)")
    parser.add_argument("--no-daemons", action="store_true", help="start no daemon at boot")
    parser.add_argument("--guest", nargs="?", choices=("test", "demo"), const="test", default="",
                        help="put a guest's kernel, initrd and guest.cfg into dom0's /guest: the "
                             "tests' (with an unpacked kernel) or the demo's")
    parser.add_argument("--kernel", default="", metavar="KERNEL",
                        help="dom0's: Debian's of another release or flavour, as trixie; patched, "
                             "unpatched or debug (guest-patches/); or a file, as ./bzImage")
    parser.add_argument("--guest-kernel", default="", metavar="KERNEL",
                        help="the same for /guest's")
    parser.add_argument("--debian", type=int, default=0, metavar="N",
                        help="N disks with the Debian guest's system, /dev/vda first")
    parser.add_argument("--disk", action="append", default=[], metavar="FILE",
                        help="one more disk, from an image that stays as it is")
    parser.add_argument("--add", action="append", default=[], metavar="FILE:PATH",
                        help="copy a host file into dom0, a program with its shared libraries")
    parser.add_argument("--set", action="append", default=[], type=_setting, metavar="NAME=VALUE",
                        help="a variable of the script's shell")
    parser.add_argument("--options", default="", help="more words for the hypervisor")
    parser.add_argument("--dom0", default="", help="more words for dom0's kernel")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--threads", action="store_true",
                        help="a thread for each processor: for races, but see harness/dom0.py")
    parser.add_argument("--cpu", default="")
    parser.add_argument("--memory", type=int, default=3072)
    parser.add_argument("--icount", action="store_true")
    parser.add_argument("--limit", type=int, default=180, help="seconds")


def parse(arguments=None, says=""):
    """tests/boot/run.py's command line, or one like it."""
    parser = argparse.ArgumentParser(description=says)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--script", help="a shell script to run in dom0")
    what.add_argument("--command", help="a shell command line to run in dom0")
    what.add_argument("--shell", action="store_true", help="a shell on this terminal")
    _add_boot_options(parser)
    parser.add_argument("--gdb", default="", help="QEMU's -gdb argument, such as tcp::1234")
    parser.add_argument("--name", default="run", help="the log is build/logs/NAME.log")
    return parser.parse_args(arguments)


def parse_boot_line(words, script, name):
    """The boot that a script's own line asks for; ValueError where it is not understood."""
    parser = _Line(allow_abbrev=False, add_help=False)
    _add_boot_options(parser)
    parser.set_defaults(script=script, command="", shell=False, gdb="", name=name)
    return parser.parse_args(words)


def prepare(args, echo=True):
    daemons = "lodge.daemons=none" if args.no_daemons else ""
    dom0 = Dom0(args.name, args.hypervisor, args.tools, args.guest != "", args.options,
                f"{args.dom0} {daemons}".strip(), args.smp, args.cpu, args.limit,
                memory=args.memory, icount=args.icount, gdb=args.gdb, echo=echo,
                debian=args.debian, disks=args.disk, threads=args.threads, kernel=args.kernel,
                guest_kernel=args.guest_kernel, debug=args.debug)
    for pair in args.add:
        source, _, target = pair.partition(":")
        dom0.add(source, target or "/root/" + os.path.basename(source))
    dom0.overlay.file("test-lib.sh", os.path.join(HARNESS, "test-lib.sh"), 0o644)
    if args.guest == "test":
        dom0.overlay.file("guest/vmlinux", os.path.join(dom0.guest_kernel, "vmlinux"), 0o644)
        dom0.overlay.file("guest/guest.cfg", os.path.join(HARNESS, "guest.cfg"), 0o644)
    if args.script:
        with open(args.script, encoding="utf-8") as handle:
            dom0.script(handle.read(), dict(args.set))
    elif args.command:
        dom0.script(args.command, dict(args.set))
    return dom0


def run_script(script, name, *words, echo=False, machine=None, **values):
    """A script in a dom0 that words ask for as tests/boot/run.py's options do; values are variables
    of its shell. The machine that was, or TestProblem unless the script succeeded."""
    words = ["--script", script, "--name", name, *words]
    for variable, value in values.items():
        words += ["--set", f"{variable}={value}"]
    return carry_out(prepare(parse(words), echo=echo), **(machine or {}))
