# SPDX-License-Identifier: GPL-2.0-only
"""Checks that run the compiler or clang's tools; two at a time, results kept by content."""

import hashlib
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from rules import include_edges

TIDY_CHECKS = ",".join((
    "-*", "bugprone-*", "-bugprone-easily-swappable-parameters", "-bugprone-reserved-identifier",
    "-bugprone-macro-parentheses", "-bugprone-assignment-in-if-condition",
    "-bugprone-implicit-widening-of-multiplication-result", "-bugprone-narrowing-conversions",
    "-bugprone-branch-clone", "-bugprone-not-null-terminated-result", "-bugprone-sizeof-expression",
    "-bugprone-suspicious-include", "-bugprone-suspicious-string-compare",
    "-bugprone-suspicious-memory-comparison", "misc-redundant-expression",
    "misc-misplaced-const", "readability-misleading-indentation",
))
# The path analyser takes ten times as long as all others together.
DEEP_CHECKS = TIDY_CHECKS + ",clang-analyzer-core.*,clang-analyzer-deadcode.*,clang-analyzer-unix.*"
FINDING = re.compile(r"^(.+?):(\d+):\d+: (?:warning|error): (.*)$", re.MULTILINE)
# GCC's own flags, which clang does not know.
GCC_ONLY = re.compile(r"-(fno-(tree|ipa|stack-clash|conserve|var-tracking)|fconserve-stack|"
                      r"mindirect-branch|mfunction-return|mpreferred-stack-boundary|"
                      r"mrecord|fanalyzer|mno-fp-ret)")
WORKERS = max(1, min(2, os.cpu_count() or 1))


def _parallel(function, items):
    with ThreadPoolExecutor(WORKERS) as pool:
        for found in pool.map(function, items):
            yield from found


def _lines(tree, output, folder):
    for path, line, message in FINDING.findall(output):
        name = os.path.relpath(os.path.join(tree.path(folder), path), tree.top)
        yield name, int(line), message


def layout(tree):
    names = tree.with_suffix(".c", ".h")
    if not names:
        return
    done = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1"] + names, cwd=tree.top,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seen = set()
    for path, line, message in _lines(tree, done.stdout, "."):
        if path not in seen:
            seen.add(path)
            yield path, line, message + " (clang-format -i puts it right)"


def headers_alone(tree):
    """A header that needs another one before it breaks whoever reorders includes."""
    tree.commands()

    def compile_one(name):
        folder, flags = tree.flags_for(name)
        done = subprocess.run(["gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c"] +
                              flags + ["-include", tree.path(name), "/dev/null"],
                              cwd=tree.path(folder), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 0:
            return []
        found = re.search(r"error: (.*)", done.stdout)
        return [(name, 1, "does not compile alone: " +
                 (found.group(1) if found else done.stdout.strip()[-120:]))]

    yield from _parallel(compile_one, tree.with_suffix(".h"))


def _digest(tree, graph, name, flags, checks):
    """Changes when the file, a header that it reaches, its flags, or the checks change."""
    reached, todo = set(), [name]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo += [target for target, _ in graph.get(path, ())]
    digest = hashlib.sha256(repr((flags, checks)).encode())
    for path in sorted(reached):
        digest.update(tree.read(path).encode())
    return digest.hexdigest()


def _tidy_one(tree, name, checks):
    folder, flags = tree.commands()[name]
    flags = [flag for flag in flags if not GCC_ONLY.match(flag)]
    done = subprocess.run(["clang-tidy", "--quiet", f"--checks={checks}", tree.path(name), "--"] +
                          flags + ["-Wno-unknown-warning-option",
                                   "-Wno-ignored-optimization-argument"],
                          cwd=tree.path(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False)
    return list(dict.fromkeys(_lines(tree, done.stdout, folder)))


def tidy(tree, checks=TIDY_CHECKS):
    """clang-tidy on each C file that a Makefile compiles; a clean file is not looked at again."""
    store = tree.path("build/lint")
    os.makedirs(store, exist_ok=True)
    commands = tree.commands()
    graph = include_edges(tree)

    def examine(name):
        key = os.path.join(store, _digest(tree, graph, name, commands[name][1], checks))
        if os.path.exists(key):
            return []
        found = _tidy_one(tree, name, checks)
        if not found:
            with open(key, "w", encoding="utf-8"):
                pass
        return found

    seen = set()
    for finding in _parallel(examine, [name for name in tree.with_suffix(".c")
                                       if name in commands]):
        if finding not in seen:
            seen.add(finding)
            yield finding


def deep_tidy(tree):
    yield from tidy(tree, DEEP_CHECKS)
