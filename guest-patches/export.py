#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make the quilt series from a git branch: one commit, one patch.

    export.py TREE [BASE..BRANCH]     (default: master..series)

TREE is a git repository with the kernel's source: BASE is Debian's, unpacked and committed as it
is, and on BRANCH are our commits. A patch is its commit's message and diff, with no line of a mail
and no hash, so that exporting the same work twice gives the same files.
"""

import argparse
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import series  # noqa: E402

HEADER = "# The order in which quilt applies them; export.py writes this list.\n"
# Trailers that say who: a patch here says what.
PERSONS = re.compile(r"^([A-Z][a-z]+(-[a-z]+)*-by|Cc|Change-Id): .*\n?", re.MULTILINE)


def git(tree, *words):
    return subprocess.run(["git", "-C", tree, *words], stdout=subprocess.PIPE, text=True,
                          check=True, env=series.surroundings()).stdout


def file_name(number, subject):
    """As 0003-x86-xen-what-it-does.patch."""
    slug = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")
    return f"{number:04d}-{slug[:56].strip('-')}.patch"


def patch_text(tree, commit):
    message = PERSONS.sub("", git(tree, "show", "-s", "--format=%B", commit)).strip()
    diff = git(tree, "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff",
               "--no-color", "--no-ext-diff", "--no-renames", "--diff-algorithm=histogram",
               f"-U{series.CONTEXT}", f"{commit}^", commit)
    diff = re.sub(r"^index [0-9a-f]+\.\.[0-9a-f]+( \d+)?\n", "", diff, flags=re.MULTILINE)
    return f"{message}\n\n{diff}"


def export(tree, commits):
    """Write the patches and the list; patches that are no longer there go."""
    texts = {}
    for number, commit in enumerate(commits, 1):
        text = patch_text(tree, commit)
        texts[file_name(number, text.split("\n", maxsplit=1)[0])] = text
    for name in os.listdir(series.PATCHES):
        if name.endswith(".patch") and name not in texts:
            os.unlink(os.path.join(series.PATCHES, name))
    for name, text in texts.items():
        with open(os.path.join(series.PATCHES, name), "w", encoding="utf-8") as handle:
            handle.write(text)
    with open(os.path.join(series.PATCHES, "series"), "w", encoding="utf-8") as handle:
        handle.write(HEADER + "".join(name + "\n" for name in texts))
    return list(texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", help="a git repository with the kernel's source")
    parser.add_argument("range", nargs="?", default="master..series", metavar="BASE..BRANCH")
    args = parser.parse_args()
    try:
        commits = git(args.tree, "rev-list", "--reverse", "--no-merges", args.range).split()
    except subprocess.CalledProcessError:
        return 1  # git has said why
    for name in export(args.tree, commits):
        print(name)
    print("now: guest-patches/series.py --table, and `git add -A guest-patches/linux-6.1/patches`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
