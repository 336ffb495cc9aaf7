#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make a git repository of the series, to work on: export.py makes the patches from it again.

    tree.py TREE

TREE is made. Its branch master is Debian's source as it is; on the branch series each patch is a
commit, with the patch's head as its message.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import series  # noqa: E402
import source  # noqa: E402
from source import KernelError, say  # noqa: E402

# Whose the commits are is no part of a patch.
SETTINGS = ("user.name=series", "user.email=series@localhost", "gc.auto=0", "core.fsync=none",
            "commit.gpgSign=false", "core.autocrlf=false")


def git(tree, *words, text=""):
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    done = subprocess.run(["git", "-C", tree, *settings, *words], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=series.surroundings())
    if done.returncode != 0:
        raise KernelError(f"git {words[0]}: {done.stdout.strip()[-300:]}")


def commit_source(tree):
    """What is in the folder becomes the branch master."""
    git(tree, "init", "-q", "-b", "master")
    git(tree, "add", "-A", "-f", ".")
    git(tree, "commit", "-q", "-m", "Debian's source")


def commit_series(tree):
    """Each patch becomes a commit on the branch series."""
    git(tree, "checkout", "-q", "-b", "series")
    for name in source.series():
        path = os.path.join(source.PATCHES, name)
        with open(path, encoding="utf-8") as handle:
            head = handle.read().partition("\ndiff --git ")[0]
        git(tree, "apply", "--index", path)
        # Verbatim, as a line of a message may begin with what git takes for a comment's sign.
        git(tree, "commit", "-q", "--cleanup=verbatim", "-F", "-", text=head.strip() + "\n")


def make(cache, tree):
    if os.path.exists(tree):
        raise KernelError(f"{tree} is there already")
    source.unpack(source.fetch(cache, source.versions(cache)[0]), tree)
    os.unlink(os.path.join(tree, source.STAMP))
    say("committing it")
    commit_source(tree)
    commit_series(tree)
    say(f"{tree}: Debian's source is the branch master, the series the branch series")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"),
                        help="the build directory")
    parser.add_argument("tree", help="the folder to be made")
    args = parser.parse_args()
    try:
        make(os.path.join(args.build, "cache"), args.tree)
    except (KernelError, OSError) as problem:
        print(f"tree.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
