#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run the commands of golden.txt against a made-up machine and compare what they print.

golden.txt is a transcript: a line "$ command", then what came out (standard output, then standard
error, then the status where it is not 0). What differs is shown as a diff. `golden.py --update`
writes the transcript anew: it holds what the program does then, right or wrong, so read the diff.
Words before `lodge` of the form NAME=value go into the environment. Of these TTY=1 makes standard
output a terminal, and SAVED=1 gives the guest web a saved config, which is shown afterwards.
"""

import contextlib
import difflib
import fcntl
import itertools
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TRANSCRIPT = os.path.join(HERE, "golden.txt")
# What differs from run to run.
UNSTABLE = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"start_time = \"1[0-9]{9}\.00\""), "start_time = <now>"),
    (re.compile(r"(\"started\": )[0-9]{10}"), r"\1<now>"),
    (re.compile(r"/since = \"[0-9]+\""), "/since = <seconds>"),
    (re.compile(r"^((host|release|machine) +: ).*$", re.M), r"\1<this machine>"),
    (re.compile(r"(\"(host|release|machine)\": )\".*\""), r"\1<this machine>"),
    (re.compile(r"^lodge top   up .*$", re.M), "lodge top   <time>"),
    (re.compile(r"(\"seconds\": )[0-9.]+"), r"\1<seconds>"),
    (re.compile(r"(\"uptime_seconds\": )[0-9]+"), r"\1<seconds>"),
    (re.compile(r"^(Domain-0 +0 +).*:..:..$", re.M), r"\1<time>"),
    (re.compile(r"^(web +3 +)00:0[12]:[0-9][0-9]$", re.M), r"\1<some 100 seconds>"),
    (re.compile(r"^(web +3 +)[0-9]{5} days, .*$", re.M), r"\1<since 1970>"),
]


WEB = "03030303-0303-0303-0303-030303030303"
SAVED = {"domid": 3, "restarts": 0, "config": {
    "name": "web", "uuid": WEB, "type": "pv", "kernel": "/srv/kernel", "cmdline": "",
    "memory": 128, "maxmem": 128, "vcpus": 1, "maxvcpus": 1}}



def on_terminal(command, **more):
    """Standard output is a terminal; what came there, the status, and standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, text=True,
                          **more) as process:
        os.close(theirs)
        _, said = process.communicate(timeout=60)
    shown = b""
    with contextlib.suppress(OSError):  # its other end is closed, and there is nothing more
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    return shown.decode().replace("\r", ""), process.returncode, said


def run(line, program, folder):
    words = shlex.split(line)
    environment = dict(os.environ, LODGE_STATE_DIR=os.path.join(folder, "state"),
                       LODGE_RUN_DIR=os.path.join(folder, "run"))
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    assert words[0] == "lodge", line
    saved = os.path.join(folder, "state", "domains", WEB + ".json")
    if "SAVED" in environment:
        os.makedirs(os.path.dirname(saved))
        with open(saved, "w", encoding="utf-8") as handle:
            # Some 100 seconds ago, by the clock that uptimes are counted with.
            json.dump(SAVED | {"since": int(time.monotonic()) - 100}, handle)
    command = [program] + words[1:]
    where = {"cwd": os.path.join(HERE, "configs"), "env": environment, "stdin": subprocess.DEVNULL}
    if "TTY" in environment:
        shown, status, said = on_terminal(command, **where)
    else:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False, **where)
        shown, status, said = done.stdout, done.returncode, done.stderr
    text = shown + said
    if status:
        text += f"status {status}\n"
    if "SAVED" in environment:
        text += saved_now(saved)
    text = text.replace(os.path.join(HERE, "configs"), "<configs>").replace(folder, "<tmp>")
    for pattern, stand_in in UNSTABLE:
        text = pattern.sub(stand_in, text)
    return with_nodes_sorted(text)


def saved_now(path):
    """The saved config, if there still is one."""
    if not os.path.exists(path):
        return "no saved config\n"
    with open(path, encoding="utf-8") as handle:
        config = json.load(handle)["config"]
    return "".join(f"saved {key}: {value}\n" for key, value in sorted(config.items()))


def with_nodes_sorted(text):
    """The store's nodes come in order of their names, of which a uuid is part."""
    groups = itertools.groupby(text.splitlines(keepends=True), lambda line: line.startswith("/"))
    return "".join(line for nodes, lines in groups for line in (sorted(lines) if nodes else lines))


def blocks(text):
    """(command, output) of each entry; comment lines before a command go with it."""
    found = re.split(r"^\$ (.*)\n", text, flags=re.M)
    return found[0], list(zip(found[1::2], found[2::2]))


def renamed_meanwhile(program):
    """Whether config-update sees the name that a guest has got while it waited for the config."""
    with tempfile.TemporaryDirectory(prefix="lodge-golden-") as folder:
        domains = os.path.join(folder, "state", "domains")
        saved = os.path.join(domains, WEB + ".json")
        os.makedirs(domains)
        with open(saved, "w", encoding="utf-8") as handle:
            json.dump(SAVED, handle)
        lock = os.open(domains, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [program, "config-update", "web", "plain.cfg", "name=web"]
        environment = dict(os.environ, LODGE_STATE_DIR=os.path.join(folder, "state"),
                           LODGE_RUN_DIR=os.path.join(folder, "run"))
        with subprocess.Popen(command, cwd=os.path.join(HERE, "configs"), env=environment,
                              stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and not has_open(process.pid, domains):
                time.sleep(0.01)
            with open(saved + ".new", "w", encoding="utf-8") as handle:
                json.dump(SAVED | {"config": SAVED["config"] | {"name": "other"}}, handle)
            os.rename(saved + ".new", saved)
            os.close(lock)
            _, said = process.communicate(timeout=60)
        if "'other' cannot become 'web'" in said and "saved name: other" in saved_now(saved):
            return True
        print(f"config-update has not seen that the guest was renamed:\n{said}{saved_now(saved)}")
        return False


def has_open(pid, path):
    """Whether the process has the file open."""
    with contextlib.suppress(OSError):  # it has ended, or closed one
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                    return True
    return False


def main():
    program, update = sys.argv[1], "--update" in sys.argv
    with open(TRANSCRIPT, encoding="utf-8") as handle:
        head, entries = blocks(handle.read())
    passed = failed = 0
    fresh = [head]
    for command, expected in entries:
        with tempfile.TemporaryDirectory(prefix="lodge-golden-") as folder:
            got = run(command, program, folder)
        fresh.append(f"$ {command}\n{got}\n")
        if got.strip() == expected.strip():
            passed += 1
        else:
            failed += 1
            print(f"$ {command}")
            print("\n".join(difflib.unified_diff(expected.strip().split("\n"),
                                                 got.strip().split("\n"), "golden.txt", "now",
                                                 lineterm="")) + "\n")
    # The made-up machine's wall clock is stepped all the time: this must not end before its time.
    with tempfile.TemporaryDirectory(prefix="lodge-golden-") as folder:
        began = time.monotonic()
        run("lodge shutdown -w -t 2 web", program, folder)
        took = time.monotonic() - began
    passed, failed = (passed + 1, failed) if took >= 2 else (passed, failed + 1)
    if took < 2:
        print(f"shutdown -w -t 2 has given up after {took:.2f} s")
    if renamed_meanwhile(program):
        passed += 1
    else:
        failed += 1
    if update:
        with open(TRANSCRIPT, "w", encoding="utf-8") as handle:
            handle.write("".join(fresh))
        print("golden.txt is written anew: read `git diff` before you keep it. What has changed "
              "counts as\nfailed here; `make check` expects it from now on.")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed and not update else 0


if __name__ == "__main__":
    sys.exit(main())
