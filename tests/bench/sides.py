# SPDX-License-Identifier: GPL-2.0-only
"""The machines in which membench runs: a hypervisor or none, a kernel, and words for that kernel.

A side is written PLACE[=FILE][@KERNEL][,WORD...]:
    PLACE   native (3 GiB), native-small (256 MiB), lodge, xen (a guest of 256 MiB with one vcpu),
            or lodge-dom0, xen-dom0 (in dom0's place: much sooner there, and nothing runs beside it)
    FILE    of lodge-dom0: another Lodge than this tree's
    KERNEL  debian (the default); a name that tests/boot/run.py --kernel knows, as patched,
            unpatched or trixie; or, with a slash in its name, a folder with vmlinux and with
            vmlinuz, bzImage or arch/x86/boot/bzImage
    WORD    for the kernel's command line
All run under -icount with the same processor, so that figures compare to the instruction.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness.dom0 import judge_script, other_kernel, xen_hypervisor  # noqa: E402
from harness.machine import Machine  # noqa: E402
from harness.media import cached_iso  # noqa: E402
from harness.options import parse, prepare  # noqa: E402
from harness.paths import BUILD, ISOS, KERNEL, LODGE, LOGS, ROOT  # noqa: E402
from harness.verdict import ERROR, FAILURE, TestProblem  # noqa: E402
from cpio import Archive  # noqa: E402  (harness has put the image folder on the path)
import symbols  # noqa: E402

OUT = os.path.join(BUILD, "bench")
MEMBENCH = os.path.join(OUT, "membench")
WHERE = os.path.join(OUT, "where.so")
XEN_SYMBOLS = os.path.join(BUILD, "xen", "usr", "lib", "debug", "boot", "xen-syms-4.17-amd64")
CPU = "max,-smap"
PLACES = ("native", "native-small", "lodge", "xen", "lodge-dom0", "xen-dom0")
SIDE = re.compile(r"^([\w-]+)(?:=([^@,]+))?(?:@([^,]+))?((?:,[^,]+)*)$")
FIGURE = re.compile(r"BENCH (\S+) (\d+) of (\d+)")
ROUNDS = 3  # membench.c
# Where a program's areas lie decides how many page tables it has: at random, figures of fork and
# exec would differ by a percent from boot to boot.
WORDS = "loglevel=1 cryptomgr.notests norandmaps rdinit=/init"
DOM0_OPTIONS = {
    "lodge": "console=com1 dom0_mem=256M loglvl=info noreboot",
    "xen": "console=com1 com1=115200,8n1 dom0_mem=256M,max:256M noreboot=1 loglvl=warning "
           "no-real-mode",
}


@dataclass
class Measure:
    """One workload on one side. Counts are per operation, but for the figure's own sake."""
    figure: int = 0  # instructions by the time-stamp counter
    places: dict = field(default_factory=dict)
    stacks: dict = field(default_factory=dict)
    entries: dict = field(default_factory=dict)

    def entered(self):
        return sum(self.entries.values())


class Kernel:
    """A kernel's two files, and its functions."""

    def __init__(self, name):
        self.name = name
        if name == "debian":
            self.folder = KERNEL
        else:
            self.folder = name if "/" in name else other_kernel(name)

    def _file(self, *names):
        for name in names:
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                return path
        raise TestProblem(ERROR, f"{self.folder} has no {' or '.join(names)}")

    def image(self):
        return self._file("vmlinuz", "bzImage", "arch/x86/boot/bzImage")

    def elf(self):
        """vmlinux without its symbols: of what is loaded nothing is missing, and it is small."""
        path = self._file("vmlinux")
        if not symbols.has_sections(path):
            return path
        stripped = os.path.join(OUT, f"vmlinux-{_digest(path)}")
        if not os.path.exists(stripped):
            subprocess.run(["strip", "-o", stripped + ".new", path], check=True)
            os.replace(stripped + ".new", stripped)
        return stripped

    def functions(self):
        listed = os.path.join(self.folder, "System.map")
        if os.path.exists(listed):
            with open(listed, encoding="ascii") as file:
                return symbols.map_functions(file.read())
        with open(self._file("vmlinux"), "rb") as file:
            found = symbols.elf_functions(file.read())
        return found or self._kallsyms()

    def _kallsyms(self):
        """What the kernel says of itself, natively; it is asked once."""
        path = os.path.join(OUT, f"symbols-{_digest(self.image())}")
        if not os.path.exists(path):
            with native(self, "symbols", "symbols", 3072).machine as machine:
                machine.wait()
            found = symbols.kallsyms_functions(machine.text)
            if not found:
                raise TestProblem(FAILURE, f"no /proc/kallsyms: see {machine.log_path}")
            with open(path + ".new", "w", encoding="ascii") as file:
                file.writelines(f"SYMBOL {address:x} {name}\n" for address, name in found)
            os.replace(path + ".new", path)
        with open(path, encoding="ascii") as file:
            return symbols.kallsyms_functions(file.read())


class Side:
    """See above: parsed, and run()."""

    def __init__(self, text):
        match = SIDE.match(text)
        if not match or match.group(1) not in PLACES:
            raise TestProblem(ERROR, f"{text}: a side is PLACE[=FILE][@KERNEL][,WORD...], and "
                                     f"PLACE one of {', '.join(PLACES)}")
        self.name = text
        self.place, self.file = match.group(1), match.group(2) or ""
        self.kernel = Kernel(match.group(3) or "debian")
        self.words = match.group(4).replace(",", " ").strip()
        if self.file and self.place != "lodge-dom0":
            raise TestProblem(ERROR, f"{text}: only lodge-dom0 takes another file")

    def hypervisor(self):
        return self.place.split("-")[0]

    def functions(self):
        """The hypervisor's."""
        if self.hypervisor() == "lodge":
            with open(self.file or LODGE, "rb") as file:
                return symbols.lodge_functions(file.read())
        if self.hypervisor() == "xen" and os.path.exists(XEN_SYMBOLS):
            with open(XEN_SYMBOLS, "rb") as file:
                return symbols.xen_functions(file.read())
        return []

    def _boot(self, log, order, plugin):
        words = f"{WORDS} {self.words} -- {order}".replace("  ", " ")
        if self.place.startswith("native"):
            memory = 256 if self.place.endswith("small") else 3072
            return native(self.kernel, log, f"{self.words} -- {order}", memory, plugin)
        if self.place.endswith("dom0"):
            return _in_dom0s_place(self, log, words, plugin)
        return _guest(self, log, words, plugin)

    def run(self, order="", functions=True):
        """One boot; measures by workload. order: membench's arguments."""
        build()
        log = "mem-" + re.sub(r"[^\w.-]+", "-", self.name)
        with tempfile.TemporaryDirectory(prefix="lodge-bench-") as directory:
            counts, listed = os.path.join(directory, "counts"), os.path.join(directory, "symbols")
            plugin = f"{WHERE},out={counts}"
            if functions:
                symbols.write_list(listed, self.kernel.functions(), self.functions())
                plugin += f",symbols={listed}"
            boot = self._boot(log, order, plugin)
            with boot.machine as machine:
                boot.wait(machine)
            figures = FIGURE.findall(machine.text)
            if not figures or "BENCH-FAILED" in machine.text:
                raise TestProblem(FAILURE, f"{self.name}: see build/logs/{log}.log")
            with open(counts, encoding="ascii") as file:
                return take_apart(figures, file)


@dataclass
class _Boot:
    """A machine, and what must be true of it when it has ended."""
    machine: Machine
    script: bool = False

    def wait(self, machine):
        machine.wait()
        if self.script:
            judge_script(machine)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def build():
    subprocess.run(["make", "-s", "-C", HERE], check=True)


def initrd():
    """membench as the only program."""
    path = os.path.join(OUT, "membench.cpio")
    archive = Archive()
    archive.file("init", MEMBENCH, 0o755)
    archive.directory("proc")
    archive.device("dev/console", "c", 5, 1)
    archive.write(path)
    return path


def _settings(plugin):
    return {"cpu": CPU, "icount": True, "limit": 1800,
            "extra": ("-plugin", plugin) if plugin else ()}


def _log(name):
    os.makedirs(LOGS, exist_ok=True)
    return os.path.join(LOGS, name + ".log")


def native(kernel, log, words, memory, plugin=""):
    build()
    settings = _settings(plugin)
    settings["extra"] += ("-kernel", kernel.image(), "-initrd", initrd(), "-no-reboot", "-append",
                          f"console=ttyS0 nokaslr {WORDS} {words}")
    return _Boot(Machine("", _log(log), memory=memory, **settings))


def _in_dom0s_place(side, log, words, plugin):
    kind = side.hypervisor()
    binary = xen_hypervisor() if kind == "xen" else side.file or LODGE
    iso = cached_iso(ISOS, binary, DOM0_OPTIONS[kind],
                     [(side.kernel.elf(), f"console=hvc0 {words}"), (initrd(), "")])
    return _Boot(Machine(iso, _log(log), **_settings(plugin)))


def _guest(side, log, words, plugin):
    options = "dom0_mem=1024M" + (",max:1024M" if side.place == "xen" else "")
    arguments = ["--script", os.path.join(HERE, "mem.sh"), "--set", f"words={words}",
                 "--hypervisor", side.place, "--tools", "lodge", "--options", options, "--name",
                 log, "--icount", "--cpu", CPU, "--limit", "1800",
                 "--add", f"{side.kernel.elf()}:/bench/vmlinux",
                 "--add", f"{initrd()}:/bench/initrd"]
    for name in ("mem.cfg", "io-lib.sh"):
        arguments += ["--add", f"{os.path.join(HERE, name)}:/bench/{name}"]
    machine = prepare(parse(arguments), echo=False).machine(extra=_settings(plugin)["extra"])
    return _Boot(machine, script=True)


def take_apart(figures, lines):
    """What the plugin counted, by workload: of the rounds of each the one with the least."""
    rounds = list(_rounds(lines))
    if len(rounds) != ROUNDS * len(figures):
        raise TestProblem(FAILURE, f"{len(rounds)} rounds for {len(figures)} figures")
    measures = {}
    for number, (name, figure, count) in enumerate(figures):
        best = min(rounds[ROUNDS * number:ROUNDS * (number + 1)],
                   key=lambda measure: sum(measure.places.values()))
        for counts in (best.places, best.stacks, best.entries):
            for key in counts:
                counts[key] /= int(count)
        best.figure = int(figure)
        measures[name] = best
    return measures


def hypercalls():
    """The names of the hypercalls by number, from the ABI's headers; Lodge's own come last, as they
    are other names for numbers that the ABI leaves free."""
    numbers = {}
    for header in ("hypercalls.h", "lodge.h"):
        with open(os.path.join(ROOT, "include", "public", header), encoding="utf-8") as file:
            for name, value in re.findall(r"^#define __HYPERVISOR_(\w+)\s+(\w+)$", file.read(),
                                          re.MULTILINE):
                numbers[name] = numbers.get(value.removeprefix("__HYPERVISOR_"), value)
    return {number: name for name, number in numbers.items()}


NAMES = hypercalls()


def _reason(kind, what):
    """What is told of an entry: a program's system call has but one way."""
    name = what.partition(":")[2]
    if kind == "hypercall":
        return f"hypercall {name.removeprefix('hc_').removeprefix('do_') or NAMES.get(what, what)}"
    return f"trap {name.removeprefix('entry_')}" if kind == "trap" else kind


def _rounds(lines):
    measure = Measure()
    for line in lines:
        kind, *words = line.split()
        if kind == "stack":
            measure.stacks[tuple(words[1].split(";"))] = int(words[0])
        elif kind == "entry":
            measure.entries[_reason(*words[1:])] = int(words[0])
        elif kind == "total":
            measure.places = dict(zip(("hypervisor", "kernel", "program"), map(int, words)))
            yield measure
            measure = Measure()
