# SPDX-License-Identifier: GPL-2.0-only
"""`make lint`: the rules of CONTRIBUTING.md that a program can check.

Each check is a function that yields (file, line, message); a line of output per finding, a closing
count, and exit status 1 if there is any. Compiler flags are taken from the components' own
Makefiles (`make -n`), so that lint and build see the same code.
"""

import argparse
import os
import sys
import time

import compiled
import rules
from tree import Tree


def checks(args):
    """Name and function of each check, the fast ones first."""
    listed = [
        ("licence lines", rules.spdx),
        ("machine paths", rules.machine_paths),
        ("wall clock", rules.wall_clock),
        ("file length", rules.file_length),
        ("function length", rules.function_length),
        ("columns of Python", rules.columns),
        ("names of Python", rules.python_names),
        ("form of the guest patches", rules.guest_patches),
        ("include cycles", rules.include_cycles),
        ("include direction", rules.include_direction),
        ("layers of dom0's tools", rules.dom0_layers),
        ("parts of the core", rules.core_parts),
        ("core and the machine", rules.machine_headers),
        ("data of guest types", rules.type_data),
        ("headers behind a file", rules.headers_limit),
        ("tables of control operations", rules.control_tables),
        ("dependencies by relative paths", rules.relative_dependencies),
        ("layout (clang-format)", compiled.layout),
        ("headers compile alone", compiled.headers_alone),
    ]
    if args.deep:
        listed.append(("clang-tidy with the path analyser", compiled.deep_tidy))
    elif not args.quick:
        listed.append(("clang-tidy", compiled.tidy))
    return listed


def report(tree):
    """Figures that nobody must keep, but everybody should see."""
    total = comment = 0
    for path in tree.with_suffix(".c", ".h", ".S"):
        lines, comments = rules.comment_lines(tree.read(path))
        total += lines
        comment += comments
    if total:
        print(f"comments: {100 * comment / total:.0f}% of {total} lines of C and assembly")
    code = sum(rules.code_lines(tree.read(path)) for path in tree.with_suffix(".c", ".h", ".S")
               if path.startswith("hypervisor/"))
    print(f"hypervisor/: {code} lines of code")
    behind = sorted(len(headers) for headers in rules.headers_behind(tree).values())
    if behind:
        print(f"headers behind a .c file of hypervisor/: median {behind[len(behind) // 2]}, "
              f"95% {behind[len(behind) * 95 // 100]}, maximum {behind[-1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave clang-tidy out")
    parser.add_argument("--deep", action="store_true", help="with the path analyser: slow")
    parser.add_argument("paths", nargs="*", help="only files below these folders")
    args = parser.parse_args()
    tree = Tree(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                args.paths)
    findings = 0
    for name, check in checks(args):
        start = time.monotonic()
        found = list(check(tree))
        for path, line, message in found:
            print(f"{path}:{line}: {message}")
        print(f"{len(found):4} {name} ({time.monotonic() - start:.1f} s)", flush=True)
        findings += len(found)
    report(tree)
    print("lint: clean" if not findings else f"lint: {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
