# SPDX-License-Identifier: GPL-2.0-only
"""How test guests are booted: tests/guests/<case>/boot.txt, a boot a line, WORD=VALUE each as a
shell would split them; behind # is a comment. Without the file there is one boot as Boot says;
where the file has no boot, the guest is for a test in tests/boot/cases that creates it in a real
dom0. A word or a value that is not understood is an error: the boot would be another one than is
meant.
"""

import os
import re
import shlex
from dataclasses import dataclass, fields

from harness.paths import ROOT
from harness.verdict import ERROR, TestProblem

GUESTS = os.path.join(ROOT, "tests", "guests")
ONLY = {"end": "expect", "debug": "no"}  # words with one value


@dataclass
class Boot:
    """A boot: the words of boot.txt, and what is so where they are not said."""
    options: str = ""  # for the hypervisor, beside the usual ones
    cmdline: str = ""  # for the guest
    smp: int = 1
    cpu: str = "max"  # as QEMU says it
    memory: int = 1024  # MiB
    limit: int = 90  # seconds
    qemu: str = ""  # more of QEMU's command line
    line: int = 0  # characters a second that the serial line takes; 0: any number
    expect: str = ""  # a regular expression that must come
    end: str = ""  # expect: the boot is a success, and over, when that has come
    debug: str = ""  # no: nothing for the debug build
    shift: int = 2  # there an instruction takes 2^shift nanoseconds


WORDS = {field.name: field.type for field in fields(Boot)}


def parse_boot(line):
    """The Boot of a line, or None where it has none; ValueError says what is wrong with it."""
    settings = {}
    for text in shlex.split(line, comments=True):
        word, equals, value = text.partition("=")
        if word not in WORDS or not equals:
            raise ValueError(f"{text}: there is no such word; there are: " +
                             " ".join(f"{known}=" for known in WORDS))
        if word in settings:
            raise ValueError(f"{text}: {word}= is there twice")
        if WORDS[word] is int and not re.fullmatch("[0-9]{1,9}", value):
            raise ValueError(f"{text}: {word}= wants a number")
        if value != ONLY.get(word, value):
            raise ValueError(f"{text}: {word}= can only be {ONLY[word]}")
        settings[word] = WORDS[word](value)
    if not settings:
        return None
    how = Boot(**settings)
    if how.end and not how.expect:
        raise ValueError("end=expect without expect=")
    try:
        re.compile(how.expect)
    except re.error as wrong:
        raise ValueError(f"expect={how.expect}: {wrong}") from wrong
    return how


def read_boots(path):
    """The boots of a file."""
    found = []
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            try:
                found.append(parse_boot(line))
            except ValueError as wrong:
                raise TestProblem(ERROR, f"{os.path.relpath(path, ROOT)}:{number}: {wrong}") \
                    from wrong
    return [how for how in found if how]


def boots_of(case):
    path = os.path.join(GUESTS, case, "boot.txt")
    return read_boots(path) if os.path.exists(path) else [Boot()]
