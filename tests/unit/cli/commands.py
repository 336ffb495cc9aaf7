#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every command of `lodge help` by what is said of it elsewhere: that it works without xenstored,
which lodge.1 lists, and that behind -N it changes nothing."""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LODGE = os.path.abspath(sys.argv[1])
MANUAL = os.path.join(HERE, "..", "..", "..", "dom0-tools", "man", "lodge.1")
COUNT = {True: 0, False: 0}
# With these each can be called on the made-up machine; a command that is not here needs none.
ARGUMENTS = {
    "block-attach": "web disk.img,raw,xvdb,rw", "block-detach": "web xvda",
    "block-resize": "web xvda", "cd-eject": "web xvdc", "cd-insert": "web xvdc disk.img",
    "config-update": "web plain.cfg name=web", "console": "web", "cpu-offline": "1",
    "cpu-online": "1", "create": "plain.cfg name=new", "debug-keys": "h", "destroy": "web",
    "domid": "web", "domname": "3", "extract-kernel": "/dev/null /nowhere/vmlinux",
    "mem-max": "web 256", "mem-set": "web 64m", "network-attach": "web", "network-detach": "web 0",
    "pause": "web", "reboot": "web", "rename": "web shop", "shutdown": "web", "sysrq": "web s",
    "top": "-b -n 1 -d 0.1", "trace": "-t 0 -o /dev/null", "trigger": "web nmi", "unpause": "db",
    "vcpu-pin": "db all 1", "vcpu-set": "db 1",
}
NEEDS_STORE = "lodge: xenstore cannot be reached; start xenstored first\n"
NO_HYPERVISOR = {"extract-kernel", "help", "version"}


def expect(what, holds, *more):
    COUNT[bool(holds)] += 1
    if not holds:
        print(f"does not hold: {what}", *more)


def lodge(*words, **environment):
    with tempfile.TemporaryDirectory(prefix="lodge-commands-") as folder:
        return subprocess.run(
            [LODGE, *words], cwd=os.path.join(HERE, "configs"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
            env=dict(os.environ, LODGE_STATE_DIR=folder, LODGE_RUN_DIR=folder,
                     LODGE_FAKE_BACKEND="well", **environment))


def listed_in_manual():
    """What lodge.1 says to work without xenstored: names in its sentence, without the quotes."""
    with open(MANUAL, encoding="utf-8") as handle:
        sentence = re.search(r"^Without xenstored\n((?:\.BR? .*\n)+)", handle.read(), re.MULTILINE)
    return set(re.findall(r"[a-z-]+", re.sub(r"^\.BR?|\band\b", "", sentence.group(1),
                                             flags=re.MULTILINE)))


def main():
    commands = re.findall(r"^  ([a-z-]+) ", lodge("help").stdout, re.MULTILINE)
    expect("commands are found", len(commands) > 26, commands)
    expect("ARGUMENTS has commands only", not set(ARGUMENTS) - set(commands), ARGUMENTS)
    listed = listed_in_manual()
    expect("lodge.1 lists commands only", not listed - set(commands), listed - set(commands))
    untouched = lodge("version", LODGE_FAKE_DUMP="/").stdout.partition("\n")[2]
    expect("the machine is shown", "/local/domain" in untouched, untouched)
    for name in commands:
        words = [name, *ARGUMENTS.get(name, "").split()]
        done = lodge(*words)
        expect(f"{words} can be called (ARGUMENTS in commands.py)", done.returncode != 2,
               done.stdout)
        works = name not in NO_HYPERVISOR and \
            lodge(*words, LODGE_FAKE_FAIL="store").stdout != NEEDS_STORE
        expect(f"lodge.1 is right that without xenstored {name} "
               f"{'works' if name in listed else 'does not work'}", works == (name in listed))
        done = lodge("-N", *words, LODGE_FAKE_DUMP="/")
        expect(f"-N {name} changes nothing", done.stdout.endswith(untouched), done.stdout)
    print(f"{COUNT[True]} passed, {COUNT[False]} failed")
    return 1 if COUNT[False] else 0


if __name__ == "__main__":
    sys.exit(main())
