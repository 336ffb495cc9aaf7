# SPDX-License-Identifier: GPL-2.0-only
"""Checks that need only the text of the files."""

import ast
import json
import os
import re
import subprocess
import sys

FILE_LIMIT = 600
FUNCTION_LIMIT = 60
COLUMNS = 100
EXCUSE = "long because"
CODE = (".c", ".h", ".S", ".py", ".sh", ".ld", ".lds")
NAMED = ("Makefile", ".ci/run")
MIT_PLACES = ("include/public/", "rings/")
SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+["<]([^">]+)[">]', re.MULTILINE)
ROOTS = ("include", "include/public", "hypervisor", "hypervisor/include", ".", "dom0-tools")
# Absolute paths of some person's machine, which no other machine has.
MACHINE_PATH = re.compile(r"""(?<![\w.$})"'*/])/(home|Users|work|root/[\w.-]+/)\b[/\w]""")
# Durations are not counted by the clock that people set; these write stamps that people read.
WALL_CLOCK = re.compile(r"\btime\((NULL|0|&\w+)\)|CLOCK_REALTIME|\bgettimeofday\(|\btime\.time\(|"
                        r"\bdate \+%s")
STAMPS = ("dom0-tools/xenstored/log.c", "dom0-tools/libdaemon/log.c",
          "dom0-tools/liblodge/saved.c", "dom0-tools/liblodge/layout.c",
          "dom0-tools/liblodge/settings.c")
# Layers of the hypervisor: what a folder must not include.
FORBIDDEN = {
    "include/public/": ("hypervisor/", "rings/", "dom0-tools/"),
    "rings/": ("hypervisor/", "dom0-tools/"),
    "hypervisor/lib/": ("hypervisor/core/", "hypervisor/guest/", "hypervisor/pv/",
                        "hypervisor/hvm/", "hypervisor/x86/", "hypervisor/boot/"),
    "hypervisor/core/": ("hypervisor/guest/", "hypervisor/pv/", "hypervisor/hvm/"),
    "hypervisor/guest/": ("hypervisor/pv/", "hypervisor/hvm/"),
    "hypervisor/x86/": ("hypervisor/guest/", "hypervisor/pv/", "hypervisor/hvm/"),
    "hypervisor/pv/": ("hypervisor/hvm/",),
    "hypervisor/hvm/": ("hypervisor/pv/",),
    "dom0-tools/": ("hypervisor/",),
}
# Between core and the machine both directions exist, so each has its list: what of x86/ core and
# guest/ may know, and what of core a header of x86/ may bring along (its .c files: all of it).
MACHINE_OFFERS = ("cpu.h", "guest_words.h", "irq.h", "irqs_off.h", "layout.h", "page.h", "regs.h",
                  "serial.h", "smp.h", "time.h", "tlb.h", "uaccess.h", "vcpu.h")
MACHINE_NEEDS = {None: ("spinlock.h", "timer.h"),
                 "guest_entry.h": ("domain.h",), "switch.h": ("domain.h",)}
# Plain data of a guest type, which core/domain.h embeds: it includes nothing else of its folder,
# and core and the machine name none of its members, but for the offsets that entry.S needs.
TYPE_DATA = ("hypervisor/pv/vcpu.h", "hypervisor/hvm/vcpu.h")
TYPE_MEMBER = re.compile(r"(?:->|\.)(?:pv|hvm)\.\w+")
TYPELESS = ("hypervisor/core/", "hypervisor/guest/", "hypervisor/x86/")
TYPE_ENTRY = ("hypervisor/x86/asm-offsets.c",)
# Headers of the tree behind a .c file of the hypervisor, however many steps away. Whoever changes
# the file has to know what they promise, and can know thirty of them. A struct vcpu embeds a part
# of each subsystem, so that core/domain.h alone is a dozen: half of what most files have. Not
# counted is lib/hidden.h, which the compiler's options give to every file.
HEADERS_LIMIT = 30
# An entry of a table of control operations (core/control.h), and the operations' numbers.
OPERATION = re.compile(r"^[ \t]*(?:\[|DOMCTL(?:_VCPU)?\()"
                       r"((?:XEN_|LODGE_)?(DOMCTL|SYSCTL|XENMEM|XENPF)_\w+)", re.MULTILINE)
NUMBER = re.compile(r"^#define[ \t]+((?:XEN_|LODGE_)?(?:DOMCTL|SYSCTL|XENMEM|XENPF)_\w+)"
                    r"[ \t]+(\d+)", re.MULTILINE)
# The folders that may both have a number, as a domain is of one type: hypervisor/ below.
TYPES = ("pv", "hvm")
# Layers of dom0's tools, the lowest first: a library includes its own layer's folder and what is
# below. All other folders are programs, which include no other program's headers but those that say
# how a worker is spoken to. A library's headers for itself are nobody else's.
DOM0_LAYERS = (("libctl", "libstore", "libnet", "libxenstore"), ("builder", "libdaemon"),
               ("liblodge", "libworker"))
WORKERS = ("blkback/attach.h", "blkback/inflight.h", "netback/netback.h")
PRIVATE = ("libstore/store_link.h", "libctl/ctl_private.h", "libnet/net_private.h",
           "liblodge/cfgread.h", "liblodge/devspec.h", "liblodge/lockfile.h",
           "liblodge/splitdev_wait.h", "builder/builder_private.h")


def _is_code(path, text):
    return path.endswith(CODE) or os.path.basename(path) in NAMED or path in NAMED or \
        text.startswith("#!")


def spdx(tree):
    for path in tree.files:
        text = tree.read(path)
        if not _is_code(path, text):
            continue
        lines = text.split("\n")
        line = lines[1] if text.startswith("#!") and len(lines) > 1 else lines[0]
        found = SPDX.search(line)
        mit = path.startswith(MIT_PLACES)
        wanted = "MIT" if mit else "GPL-2.0-only"
        if not found:
            yield path, 1, "the first line is not an SPDX-License-Identifier"
        elif found.group(1) != wanted:
            yield path, 1, f"licence {found.group(1)}, but {wanted} is this folder's"


def machine_paths(tree):
    for path in tree.files:
        for number, line in enumerate(tree.read(path).split("\n"), 1):
            found = MACHINE_PATH.search(line)
            if found and not path.startswith("tests/lint/"):
                yield path, number, f"path of a particular machine: {found.group(0).strip()}"


def wall_clock(tree):
    for path in tree.files:
        if path in STAMPS or path.startswith("tests/lint/") or not _is_code(path, tree.read(path)):
            continue
        for number, line in enumerate(tree.read(path).split("\n"), 1):
            found = WALL_CLOCK.search(line)
            if found:
                yield path, number, f"{found.group(0)}: the wall clock may be stepped at any " \
                                    "time; dom0-tools/clock.h has the other"


def file_length(tree):
    for path in tree.with_suffix(".c", ".h", ".S", ".py"):
        lines = tree.read(path).count("\n")
        if lines > FILE_LIMIT:
            if EXCUSE not in "\n".join(tree.read(path).split("\n")[:40]).lower():
                yield path, lines, f"{lines} lines, the limit is {FILE_LIMIT}"


def guest_patches(tree):
    """The series says what its patches must have; not where only other folders are looked at."""
    folder = os.path.join(tree.top, "guest-patches")
    if any(path.startswith("guest-patches/") for path in tree.files):
        sys.path.insert(0, folder)
        import series  # pylint: disable=import-outside-toplevel
        yield from series.check()


def python_files(tree):
    return [path for path in tree.files
            if path.endswith(".py") or re.match(r"#!.*python", tree.read(path)[:80])]


def columns(tree):
    """Of Python: clang-format sees to the C."""
    for path in python_files(tree):
        for number, line in enumerate(tree.read(path).split("\n"), 1):
            if len(line) > COLUMNS:
                yield path, number, f"{len(line)} columns, the limit is {COLUMNS}"


def python_names(tree):
    """What is imported and never used, and functions of a file's own that nobody calls."""
    for path in python_files(tree):
        try:
            top = ast.parse(tree.read(path))
        except SyntaxError as wrong:
            yield path, wrong.lineno or 1, f"not Python: {wrong.msg}"
            continue
        used = {node.id for node in ast.walk(top) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(top) if isinstance(node, ast.Attribute)}
        for node in ast.walk(top):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for name in node.names:
                    bound = (name.asname or name.name).split(".")[0]
                    if bound not in used:
                        yield path, node.lineno, f"{bound} is imported and not used"
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("_") and \
                    not node.name.endswith("__") and node.name not in used:
                yield path, node.lineno, f"{node.name}() is never called"


def function_length(tree):
    names = tree.with_suffix(".c", ".h", ".py")
    if not names:
        return
    done = subprocess.run(["ctags", "--output-format=json", "--fields=+neK", "--kinds-C=f",
                           "--kinds-Python=fm", "--languages=C,Python", "--langmap=C:.c.h",
                           "-f", "-", "-L", "-"],
                          cwd=tree.top, input="\n".join(names), stdout=subprocess.PIPE, text=True,
                          check=True)
    for row in done.stdout.splitlines():
        tag = json.loads(row)
        if "end" not in tag:
            continue
        length = tag["end"] - tag["line"] + 1
        if length > FUNCTION_LIMIT and not _excused(tree.read(tag["path"]), tag["line"]):
            yield tag["path"], tag["line"], \
                f"{tag['name']}() has {length} lines, the limit is {FUNCTION_LIMIT}"


def _excused(text, line):
    """Whether the comment right above a function gives the reason for its length."""
    above = text.split("\n")[max(0, line - 16):line - 1]
    block = []
    for row in reversed(above):
        if row.strip() in ("", "}") or row.startswith("}"):
            break
        block.append(row.lower())
    return any(EXCUSE in row for row in block)


def include_edges(tree):
    """file -> the files of the tree that it includes, with line numbers."""
    known = set(tree.all_files)
    graph = {}
    for path in tree.all_files:
        if not path.endswith((".c", ".h", ".S")):
            continue
        graph[path] = []
        text = tree.read(path)
        for found in INCLUDE.finditer(text):
            name = found.group(1)
            places = [os.path.normpath(os.path.join(os.path.dirname(path), name))]
            places += [os.path.normpath(os.path.join(root, name)) for root in ROOTS]
            target = next((place for place in places if place in known), None)
            if target:
                graph[path].append((target, text.count("\n", 0, found.start()) + 1))
    return graph


def include_cycles(tree):
    graph = include_edges(tree)
    state = {}
    found = []

    def visit(path, trail):
        state[path] = "open"
        for target, line in graph.get(path, ()):
            if state.get(target) == "open":
                cycle = trail[trail.index(target):] if target in trail else [target]
                found.append((path, line, "include cycle: " + " -> ".join(cycle + [target])))
            elif target not in state:
                visit(target, trail + [target])
        state[path] = "done"

    for path in sorted(graph):
        if path not in state:
            visit(path, [path])
    return found


def headers_behind(tree):
    """.c file of the hypervisor -> the headers of the tree that it is compiled with."""
    graph = {path: [target for target, _ in edges] for path, edges in include_edges(tree).items()}
    behind = {}
    for path in graph:
        if path.startswith("hypervisor/") and path.endswith(".c"):
            found, open_ends = set(), [path]
            while open_ends:
                new = set(graph.get(open_ends.pop(), ())) - found
                found |= new
                open_ends += new
            behind[path] = found
    return behind


def headers_limit(tree):
    for path, headers in sorted(headers_behind(tree).items()):
        if len(headers) > HEADERS_LIMIT:
            yield path, 1, f"{len(headers)} headers are behind it, the limit is {HEADERS_LIMIT}: " \
                           "name a struct instead, or include the header that has only what is used"


def include_direction(tree):
    for path, targets in include_edges(tree).items():
        for folder, forbidden in FORBIDDEN.items():
            if path.startswith(folder):
                for target, line in targets:
                    if target.startswith(forbidden) and \
                            (path, target) not in [("hypervisor/core/domain.h", data)
                                                   for data in TYPE_DATA]:
                        yield path, line, f"{folder} must not include {target}"


def machine_headers(tree):
    """Core and guest/ know a part of x86/ only; headers of x86/ know next to nothing of core."""
    for path, targets in include_edges(tree).items():
        folder, name = os.path.split(path)
        for target, line in targets:
            needed = os.path.basename(target)
            if target.startswith("hypervisor/x86/") and needed not in MACHINE_OFFERS and \
                    path.startswith(("hypervisor/core/", "hypervisor/guest/")):
                yield path, line, f"{target} is the machine's own affair"
            if target.startswith("hypervisor/core/") and folder == "hypervisor/x86" and \
                    name.endswith(".h") and \
                    needed not in MACHINE_NEEDS[None] + MACHINE_NEEDS.get(name, ()):
                yield path, line, f"a header of x86/ must not include {target}"


def type_data(tree):
    """What only one guest type has is that type's affair, but for struct domain and struct vcpu."""
    for path, targets in include_edges(tree).items():
        for target, line in targets:
            if path in TYPE_DATA and os.path.dirname(target) == os.path.dirname(path):
                yield path, line, f"is plain data: it must not include {target}"
    for path in tree.with_suffix(".c", ".h"):
        if path.startswith(TYPELESS) and path not in TYPE_ENTRY:
            for number, line in enumerate(tree.read(path).split("\n"), 1):
                found = TYPE_MEMBER.search(line)
                if found:
                    yield path, number, f"{found.group(0)} is one guest type's: ask by guest_type.h"


def control_tables(tree):
    """Each number of a control operation is in one table: those behind it would not be asked."""
    numbers = {name: int(value) for path in tree.all_files if path.startswith("include/public/")
               for name, value in NUMBER.findall(tree.read(path))}
    tables = {}
    for path in tree.all_files:
        if path.startswith("hypervisor/") and path.endswith(".c"):
            text = tree.read(path)
            for found in OPERATION.finditer(text):
                name, call = found.groups()
                line = text.count("\n", 0, found.start()) + 1
                if name not in numbers:
                    yield path, line, f"{name} has no number in include/public/"
                    continue
                for other in tables.setdefault((call, numbers[name]), []):
                    folders = {place.split("/")[1] for place in (path, other)}
                    if len(folders) == 1 or not folders <= set(TYPES):
                        yield path, line, f"{name} is {numbers[name]}, as an entry of {other} is"
                tables[call, numbers[name]].append(path)


def core_parts(tree):
    """core/NAME.h is for everybody; a header in a folder below core/ is for that folder alone."""
    for path, targets in include_edges(tree).items():
        for target, line in targets:
            folder = os.path.dirname(target)
            if folder.startswith("hypervisor/core/") and \
                    not path.startswith((folder + "/", "tests/unit/")):
                yield path, line, f"{target} is for its own folder alone"


def _dom0_level(folder):
    """The layer of a folder below dom0-tools/; programs are above all."""
    return next((level for level, names in enumerate(DOM0_LAYERS) if folder in names),
                len(DOM0_LAYERS))


def dom0_layers(tree):
    for path, targets in include_edges(tree).items():
        mine = path.split("/")
        if mine[0] != "dom0-tools" or len(mine) < 3:
            continue
        for target, line in targets:
            parts = target.split("/", 1)[1]
            folder = parts.split("/")[0]
            if not target.startswith("dom0-tools/") or folder == mine[1] or "/" not in parts:
                continue
            if parts in PRIVATE:
                yield path, line, f"{parts} is for its own library alone"
            elif _dom0_level(folder) >= _dom0_level(mine[1]) and parts not in WORKERS:
                yield path, line, f"dom0-tools/{mine[1]}/ must not include {target}"


def relative_dependencies(tree):
    """A copy of a built tree must not take headers of the tree that it was copied from."""
    tools = {path.split("/")[1] for path in tree.all_files if path.startswith("dom0-tools/")}
    for name in sorted({"hypervisor", "guests"} | tools):
        for folder, _, files in os.walk(tree.path("build/" + name)):
            for file in files:
                path = os.path.relpath(os.path.join(folder, file), tree.top)
                if file.endswith(".d") and tree.top + "/" in tree.read(path):
                    yield path, 1, "names files by absolute paths (of an older build: make clean)"


def comment_lines(text):
    """(lines that are not blank, those that are comment) of a C file."""
    total = comment = 0
    inside = False
    for line in text.split("\n"):
        line = line.strip()
        if not line:
            continue
        total += 1
        if inside or line.startswith(("/*", "//")):
            comment += 1
        if "/*" in line:
            inside = "*/" not in line[line.rindex("/*"):]
        elif "*/" in line:
            inside = False
    return total, comment


def code_lines(text):
    total, comment = comment_lines(text)
    return total - comment
