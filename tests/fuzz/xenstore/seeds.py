# SPDX-License-Identifier: GPL-2.0-only
"""Write the fuzzer's first inputs: short conversations in the form that fuzz_wire.c reads."""

import os
import sys

CLIENT, GUEST1, GUEST2 = 3 + 8, 0 + 8, 0 + 8 + 16
(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, START, END, INTRODUCE, RELEASE, PATH, WRITE,
 MKDIR, RM, SET_PERMS) = range(15)
IS_INTRODUCED, RESUME, SET_TARGET, RESET, PART = 17, 18, 19, 21, 22


def ask(who, kind, *words, tx=0, value=None):
    body = b"".join(w.encode() + b"\0" for w in words)
    if value is not None:
        body += value
        who -= 8
    return bytes([who, kind, tx, len(body)]) + body


def end(guest, how):
    return bytes([7 + 16 * (guest - 1), how])


def scribble(guest, field, a, b):
    return bytes([6 + 16 * (guest - 1), field, a, b])


def transaction(who, path, ending="T"):
    return (ask(who, START, "") + ask(who, READ, path, tx=1) + ask(who, DIRECTORY, path, tx=1)
            + ask(who, WRITE, path, tx=1, value=b"v") + ask(who, MKDIR, path + "/k", tx=1)
            + ask(who, GET_PERMS, path, tx=1) + ask(who, SET_PERMS, path, "n1", "b2", tx=1)
            + ask(who, RM, path + "/k", tx=1) + ask(who, END, ending, tx=1))


SEEDS = {
    "nodes": ask(CLIENT, WRITE, "/a/b", value=b"1") + ask(CLIENT, READ, "/a/b")
    + ask(CLIENT, DIRECTORY, "/a") + ask(CLIENT, PART, "/a", "0") + ask(CLIENT, RM, "/a"),
    "commit": transaction(GUEST1, "x") + transaction(CLIENT, "/y") + transaction(GUEST2, "z", "F"),
    "conflict": ask(CLIENT, START, "") + ask(CLIENT, READ, "/a", tx=1)
    + ask(GUEST1, START, "") + ask(GUEST1, WRITE, "q", tx=1, value=b"1")
    + ask(CLIENT, WRITE, "/a", value=b"2") + ask(CLIENT, END, "T", tx=1)
    + ask(GUEST1, END, "T", tx=1),
    "watches": ask(GUEST1, WATCH, "x", "t") + ask(GUEST2, WATCH, "/", "u")
    + ask(CLIENT, WATCH, "@releaseDomain", "v") + ask(GUEST1, WRITE, "x/y", value=b"1")
    + ask(GUEST1, RM, "x") + ask(GUEST1, UNWATCH, "x", "t") + ask(GUEST2, RESET, "") + end(1, 2),
    "control": b"".join(ask(CLIENT, CONTROL, *words) for words in (
        ("check",), ("help",), ("quota",), ("quota", "1"), ("quota", "set", "nodes", "1000"),
        ("memreport",), ("log", "error"), ("print", "x"))),
    "domains": ask(CLIENT, IS_INTRODUCED, "1") + ask(CLIENT, SET_TARGET, "1", "2") + end(1, 1)
    + ask(CLIENT, RESUME, "1") + ask(CLIENT, RELEASE, "2") + end(2, 0) + end(1, 2)
    + ask(CLIENT, INTRODUCE, "1", "1", "2") + ask(GUEST1, PATH, "1"),
    "rights": ask(CLIENT, MKDIR, "/s") + ask(CLIENT, SET_PERMS, "/s", "n0", "b1", "r2")
    + ask(GUEST1, WRITE, "/s/x", value=b"1") + ask(GUEST2, READ, "/s/x")
    + ask(GUEST2, WRITE, "/s/x", value=b"2") + ask(CLIENT, SET_PERMS, "@releaseDomain", "r1"),
    "scribble": scribble(1, 1, 1, 9) + scribble(1, 5, 1, 0) + ask(GUEST1, READ, "x")
    + scribble(2, 2, 255, 255) + ask(GUEST2, READ, "x"),
}

for name, data in SEEDS.items():
    with open(os.path.join(sys.argv[1], f"seed-{name}"), "wb") as f:
        f.write(data)
