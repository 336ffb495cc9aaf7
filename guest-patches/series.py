#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the series of patches is: its patches taken apart, the rules that they keep, and the table
of what porting costs.

    series.py                check the rules (make lint does this as well)
    series.py --table [TREE] write the table of lines per subsystem into README.md; with the
                             kernel's source (TREE), its size is counted anew
"""

import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PATCHES = os.path.join(HERE, "linux-6.1", "patches")
README = os.path.join(HERE, "README.md")
CONTEXT = 3
SUBJECT = 75
# What the changelog must answer, each with a paragraph that begins so.
SECTIONS = ("Measured:", "Without the extension:")
# How the kernel's checkpatch is asked; a series beside the kernel has no entry in MAINTAINERS.
CHECKPATCH = ("--no-tree", "--no-signoff", "--quiet", "--terse", "--ignore", "FILE_PATH_CHANGES")
TRAILER = re.compile(r"^(From|Date|Subject|[A-Z][a-z]+(-[a-z]+)*-by|Cc|Link): ", re.MULTILINE)
BEGIN, END = "<!-- lines: begin -->", "<!-- lines: end -->"
# Of the kernel's source, what its x86 version is made of without device drivers, for the share.
X86_CODE = ("arch/x86", "block", "certs", "crypto", "fs", "include", "init", "io_uring", "ipc",
            "kernel", "lib", "mm", "net", "security", "virt")
# How a file's folder is named in the table: the first that fits.
SUBSYSTEMS = ("arch/x86/xen", "arch/x86/mm", "arch/x86/entry", "arch/x86/include", "arch/x86",
              "drivers/xen", "include/xen", "include", "mm", "kernel", "fs")


def surroundings():
    """For git in a folder of its own. Whoever runs us from git (a hook, rebase --exec) has set
    GIT_DIR, and git would work on that repository instead."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


class Patch:
    """One patch: subject, changelog (what follows it), and what it changes of each file."""

    def __init__(self, name, text):
        self.name = name
        head, mark, diff = text.partition("\ndiff --git ")
        self.diff = mark[1:] + diff
        lines = head.strip().split("\n")
        self.subject, self.changelog = lines[0], "\n".join(lines[1:]).strip()
        self.head = head
        self.changes = {}  # path: [added, removed]
        self.context = 0   # the longest run of it at a hunk's end or beginning
        self._read_diff()

    def _read_diff(self):
        path, left, run, changed = "", [0, 0], 0, False
        for line in self.diff.split("\n"):
            hunk = re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
            if hunk:
                left = [int(hunk.group(1) or 1), int(hunk.group(2) or 1)]
                run, changed = 0, False
            elif line.startswith("diff --git "):
                path = line.split(" b/", 1)[1]
                self.changes[path] = [0, 0]
            elif left[0] > 0 or left[1] > 0:
                kind = line[:1] or " "
                left[0] -= kind in " -"
                left[1] -= kind in " +"
                if kind in "+-":
                    # Between two changes of a hunk there may be twice as much.
                    allowed = 2 * CONTEXT if changed else CONTEXT
                    self.context = max(self.context, run - allowed + CONTEXT)
                    self.changes[path]["+-".index(kind)] += 1
                    run, changed = 0, True
                elif kind == " ":
                    run += 1
                if left == [0, 0]:
                    self.context = max(self.context, run)


def names():
    with open(os.path.join(PATCHES, "series"), encoding="utf-8") as handle:
        lines = [line.split("#")[0].strip() for line in handle]
    return [line for line in lines if line]


def load():
    """All patches, in order."""
    patches = []
    for name in names():
        with open(os.path.join(PATCHES, name), encoding="utf-8") as handle:
            patches.append(Patch(name, handle.read()))
    return patches


def faults(patch):
    """What is wrong with a patch's form."""
    if not re.match(r"\w[\w/, -]*: \S", patch.subject) or len(patch.subject) > SUBJECT:
        yield f"its first line is not `area: what it does` in {SUBJECT} characters"
    if not patch.changes:
        yield "it changes nothing"
    if TRAILER.search(patch.head):
        yield "it has lines of a mail: " + TRAILER.search(patch.head).group(0).strip()
    if re.search(r"^---$", patch.head, re.MULTILINE):
        yield "it has a line `---` above the diff"
    paragraphs = patch.changelog.split("\n\n")
    for section in SECTIONS:
        if not any(paragraph.startswith(section) for paragraph in paragraphs):
            yield f"its changelog has no paragraph that begins with `{section}`"
    if not any(len(p) > 60 and not p.startswith(SECTIONS) for p in paragraphs):
        yield "its changelog does not say what it does and why"
    if patch.context > CONTEXT:
        yield f"it has more than {CONTEXT} lines of context"


def check():
    """(file, line, message) of everything that breaks a rule, for `make lint`."""
    where = os.path.relpath(PATCHES, os.path.dirname(HERE))
    listed = names()
    there = sorted(name for name in os.listdir(PATCHES) if name != "series")
    for name in sorted(set(there) - set(listed)):
        yield f"{where}/{name}", 1, "it is not in the series"
    for name in sorted(set(listed) - set(there)):
        yield f"{where}/series", 1, f"{name} is not there"
    if set(listed) - set(there):
        return
    patches = load()
    for patch in patches:
        for fault in faults(patch):
            yield f"{where}/{patch.name}", 1, fault
    with open(README, encoding="utf-8") as handle:
        text = handle.read()
    if with_table(text, patches) != text:
        yield "guest-patches/README.md", 1, ("the table of lines is not that of the series: "
                                             "guest-patches/series.py --table")


def subsystem(path):
    for name in SUBSYSTEMS:
        if path.startswith(name + "/"):
            return name
    return path.split("/", maxsplit=1)[0]


def count_source(tree):
    """Lines of C and assembly of arch/x86, and of all that an x86 kernel has but for drivers."""
    totals = dict.fromkeys(X86_CODE, 0)
    for top in X86_CODE:
        for folder, _, files in os.walk(os.path.join(tree, top)):
            for name in files:
                if name.endswith((".c", ".h", ".S")):
                    with open(os.path.join(folder, name), "rb") as handle:
                        totals[top] += handle.read().count(b"\n")
    return totals["arch/x86"], sum(totals.values())


def table(patches, sizes):
    """The table's lines."""
    rows = {}
    for patch in patches:
        for path, (added, removed) in patch.changes.items():
            row = rows.setdefault(subsystem(path), [0, 0, set()])
            row[0] += added
            row[1] += removed
            row[2].add(path)
    lines = ["| Subsystem | Lines added | Lines removed | Files |", "|---|---|---|---|"]
    for name in sorted(rows):
        added, removed, files = rows[name]
        lines.append(f"| `{name}/` | {added:,} | {removed:,} | {len(files)} |")
    added = sum(row[0] for row in rows.values())
    removed = sum(row[1] for row in rows.values())
    count = len({path for row in rows.values() for path in row[2]})
    lines.append(f"| all of {len(patches)} patches | {added:,} | {removed:,} | {count} |")
    x86, code = sizes
    lines += ["", f"Share of `arch/x86` ({x86:,} lines of C and assembly): "
                  f"{100 * added / x86:.2f}%. Share of the x86",
              f"kernel without device drivers ({code:,} lines): {100 * added / code:.2f}%."]
    return lines


def with_table(text, patches, sizes=None):
    """The README with the table of these patches in its place."""
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    if not sizes:
        found = re.findall(r"\(([\d,]+) lines", old)
        sizes = [int(number.replace(",", "")) for number in found]
        if len(sizes) != 2:
            raise ValueError("README.md has no table of lines yet: give the kernel's source")
    return f"{before}{BEGIN}\n" + "\n".join(table(patches, sizes)) + f"\n{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", nargs="?", const="", metavar="TREE",
                        help="write the table into README.md")
    args = parser.parse_args()
    if args.table is not None:
        with open(README, encoding="utf-8") as handle:
            text = handle.read()
        text = with_table(text, load(), count_source(args.table) if args.table else None)
        with open(README, "w", encoding="utf-8") as handle:
            handle.write(text)
    found = list(check())
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
