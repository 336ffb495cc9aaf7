#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Build the guest kernel (`make guest-kernel`): Debian's source with our series, configured small.

What is built is kept in build/cache/guest-kernel under a name that is made from all that it depends
on: the version of the source, the patches, the configuration, the compiler. A kernel that is there
is not built again, and needs neither source nor network.

    build.py                     the patched kernel, to build/guest-kernel
    build.py --variant unpatched the same configuration on Debian's source as it is
    build.py --variant debug     the patched one with the checks of config-debug
    build.py --upto 0021         the series up to that patch, to build/guest-kernel-0021
    build.py --debian            Debian's own configuration, patched, as a .deb
"""

import argparse
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source  # noqa: E402
from source import DoesNotApply, KernelError, NotHad, say  # noqa: E402

ROOT = os.path.dirname(source.HERE)
# Each has the series or not, and its fragments of a configuration on allnoconfig.
VARIANTS = {
    "patched": (True, ("config",)),
    "unpatched": (False, ("config",)),
    "debug": (True, ("config", "config-debug")),
}
RESULTS = {
    "arch/x86/boot/bzImage": "vmlinuz",
    # The ELF file that is compressed in bzImage: no symbols, as GRUB reads slowly.
    "arch/x86/boot/compressed/vmlinux.bin": "vmlinux",
    "System.map": "System.map",
    ".config": "config",
    "modules.builtin": "modules.builtin",
    "include/config/kernel.release": "release",
}
# The kernel's own judge of a patch's form, and what it reads, for the tests.
TOOLS = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")
TARGETS = ("bzImage", "modules")
CC = os.environ.get("CC", "gcc")  # as "ccache gcc"
ENVIRONMENT = {"KBUILD_BUILD_USER": "lodge", "KBUILD_BUILD_HOST": "lodge", "LC_ALL": "C"}
RECIPE = "1"  # to be raised when the same input shall give another kernel
KEPT = 40  # of some 15 MB: each patch's, and the variants of two states of the series
NOT_HAD = 77  # the status where the source cannot be had
REPORT_EVERY = 15  # seconds
FILES = 2100  # that the small kernel compiles or links, more or less


def out_folder(build, variant, last=""):
    """Where a variant's kernel is to be found; last: the patch with which it was told to end."""
    words = ["guest-kernel", "" if variant == "patched" else variant, last[:4]]
    return os.path.join(build, "-".join(word for word in words if word))


def _digest_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def _content(path):
    with open(path, "rb") as handle:
        return handle.read()


def compiler():
    """What compiler and linker say of themselves."""
    said = []
    for program in (CC, "ld"):
        try:
            done = subprocess.run([*program.split(), "--version"], stdout=subprocess.PIPE,
                                  text=True, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as missing:
            raise KernelError(f"{program} does not run: install the package build-essential") \
                from missing
        said.append(done.stdout.splitlines()[0])
    return " ".join(said)


def patches_of(variant, upto=""):
    """The names of a variant's patches."""
    return source.series(upto) if VARIANTS[variant][0] else []


def _complaint(log):
    with open(log, encoding="utf-8") as handle:
        lines = handle.read().splitlines()
    found = [line for line in lines if re.search(r"error:|\*\*\*|undefined reference", line)]
    return (found or lines[-1:] or ["make said nothing"])[0][-300:]


@contextlib.contextmanager
def lock(path):
    """One build at a time in a tree."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Build:
    """What is built where: build is the build directory, shared by all variants but for objects."""

    def __init__(self, build, jobs, quiet=False):
        self.jobs = jobs
        self.quiet = quiet  # say nothing where there is nothing to do
        self.build = os.path.abspath(build)
        self.cache = os.path.join(self.build, "cache")
        self.work = os.path.join(self.build, "guest-kernel-work")
        self.tree = os.path.join(self.work, "linux-source-6.1")
        self.log = os.path.join(self.build, "logs", "guest-kernel.log")
        os.makedirs(os.path.dirname(self.log), exist_ok=True)

    def kept(self, version, variant, patches):
        """The place in the cache of that kernel, whether it is there or not."""
        name = _digest_of(RECIPE, version, compiler(), *[source.diff(patch) for patch in patches],
                          *[_content(os.path.join(source.SERIES, part))
                            for part in VARIANTS[variant][1]])
        return os.path.join(self.cache, "guest-kernel", name)

    def make(self, variant, upto=""):
        """The kernel in its folder, from the cache or built."""
        patches, problem = patches_of(variant, upto), None
        out = out_folder(self.build, variant, patches[-1] if patches and upto else "")
        for version in source.versions(self.cache, bool(patches)):
            kept = self.kept(version, variant, patches)
            if os.path.isdir(kept):
                return self._publish(kept, out, "from the cache")
            try:
                with lock(os.path.join(self.work, "lock")):
                    if not os.path.isdir(kept):  # nobody else built it meanwhile
                        source.prepare(self.cache, self.tree, version, patches)
                        self.compile(variant)
                        self._keep(variant, kept)
                return self._publish(kept, out, "built")
            except (DoesNotApply, NotHad) as failed:
                say(str(failed))
                problem = problem or failed
        raise problem

    def source(self):
        """The tree, unpacked if it is not there: for what else is in it than the kernel."""
        if not source.is_unpacked(self.tree):
            with lock(os.path.join(self.work, "lock")):
                source.prepare(self.cache, self.tree, source.versions(self.cache)[0])
        return self.tree

    def each(self, only=""):
        """Build after every single patch that has this in its name, the last one first: yields it
        and the kernel. What is common to all is compiled once, what is in the cache not at all."""
        version = source.versions(self.cache)[0]
        with lock(os.path.join(self.work, "lock")):
            source.prepare(self.cache, self.tree, version)
            for name in reversed([name for name in source.series() if only in name]):
                kept = self.kept(version, "patched", source.series(name))
                if not os.path.isdir(kept):
                    source.take_off_behind(self.tree, name)
                    self.compile("patched")
                    self._keep("patched", kept)
                yield name, os.path.join(kept, RESULTS["arch/x86/boot/bzImage"])

    def objects(self, variant):
        """In the tree: then the compiler is called with the same names, wherever that is."""
        return os.path.join(self.tree, ".objects-" + variant)

    def run(self, objects, targets, log, note, total=0, **environment):
        """make with its progress shown: a line now and then; its own words go to log."""
        command = ["make", "-C", self.tree, f"O={objects}", f"CC={CC}",
                   f"-j{self.jobs}", *targets]
        start = last = time.monotonic()
        files = 0
        with open(log, "a", encoding="utf-8") as out, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace",
                env=dict(os.environ, **ENVIRONMENT, **environment)) as make:
            for line in make.stdout:
                out.write(line)
                files += bool(re.match(r"\s+(CC|AS|AR|LD|HOSTCC)\s", line))
                if time.monotonic() - last >= REPORT_EVERY:
                    last = time.monotonic()
                    of_all = f" of about {total}" if total else ""
                    say(f"{note}: {files}{of_all} files in {last - start:.0f} s")
        if make.returncode != 0:
            raise KernelError(f"{note} failed; {_complaint(log)} (all of it: {log})")
        return files, time.monotonic() - start

    def configure(self, objects, fragments):
        """allnoconfig with the fragments; an error where the kernel does not take a line."""
        os.makedirs(objects, exist_ok=True)
        wanted = "".join(_content(os.path.join(source.SERIES, name)).decode()
                         for name in fragments)
        mixed = os.path.join(objects, "lodge.fragment")
        with open(mixed, "w", encoding="utf-8") as handle:
            handle.write(wanted)
        self.run(objects, ["allnoconfig"], self.log, "configuring", KCONFIG_ALLCONFIG=mixed)
        got = set(_content(os.path.join(objects, ".config")).decode().splitlines())
        settings = {line.split("=")[0]: line
                    for line in wanted.splitlines() if line.startswith("CONFIG_")}
        lost = [line for line in settings.values() if line not in got]
        if lost:
            raise KernelError(f"the kernel's configuration does not take {', '.join(lost)}: the "
                              "option has another name in this version, or needs another one")

    def compile(self, variant):
        """Configure, and build what is not built yet of it."""
        objects = self.objects(variant)
        open(self.log, "w", encoding="utf-8").close()
        self.configure(objects, VARIANTS[variant][1])
        files, seconds = self.run(objects, TARGETS, self.log, "compiling", FILES)
        say(f"compiled {files} files in {seconds:.0f} s")

    def _keep(self, variant, kept):
        temporary = f"{kept}.{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        os.makedirs(temporary)
        for inside, name in RESULTS.items():
            shutil.copy(os.path.join(self.objects(variant), inside), os.path.join(temporary, name))
        for name in TOOLS:
            shutil.copy(os.path.join(self.tree, "scripts", name), temporary)
        with open(os.path.join(temporary, "release"), "r+", encoding="utf-8") as handle:
            release = handle.read().strip()
            handle.seek(0)
            handle.truncate()
            handle.write(release)
        with contextlib.suppress(OSError):  # another build was faster
            os.replace(temporary, kept)
        shutil.rmtree(temporary, ignore_errors=True)

    def _publish(self, kept, out, how):
        """Point the folder at what is in the cache."""
        os.utime(kept)
        os.makedirs(out, exist_ok=True)
        for name in (*RESULTS.values(), *TOOLS):
            target = os.path.join(out, name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)
            try:
                os.link(os.path.join(kept, name), target)
            except OSError:
                shutil.copy(os.path.join(kept, name), target)
        with open(os.path.join(out, "made-from"), "w", encoding="utf-8") as handle:
            handle.write(os.path.basename(kept))
        self._prune(kept)
        release = _content(os.path.join(out, "release")).decode()
        if how == "built" or not self.quiet:
            say(f"{os.path.relpath(out)}: {release}, {how}")
        return out

    def _prune(self, kept):
        """Keep the kernels used last."""
        found = sorted(glob.glob(os.path.join(os.path.dirname(kept), "?" * len(
            os.path.basename(kept)))), key=os.path.getmtime)
        for path in found[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)

    def debian(self):
        """Debian's configuration of its newest kernel, with the series, as packages."""
        configs = glob.glob(os.path.join(self.build, "kernel", "boot", "config-*"))
        if not configs:
            raise KernelError("Debian's kernel is not unpacked: run `make kernel`")
        problem = None
        for version in source.versions(self.cache):
            try:
                with lock(os.path.join(self.work, "lock")):
                    source.prepare(self.cache, self.tree, version)
                    return self._debian(configs[0], version)
            except (DoesNotApply, NotHad) as failed:
                say(str(failed))
                problem = problem or failed
        raise problem

    def _debian(self, config, version):
        area = os.path.join(self.work, "debian")
        objects = os.path.join(area, "objects")
        os.makedirs(objects, exist_ok=True)
        log = os.path.join(self.build, "logs", "guest-kernel-debian.log")
        open(log, "w", encoding="utf-8").close()
        wanted = os.path.join(objects, ".config")
        shutil.copy(config, wanted)
        # Debian's certificates are not in the source package, and debugging information would take
        # as long again and many GB of disk; with it goes what is made of it for BPF.
        subprocess.run([os.path.join(self.tree, "scripts", "config"), "--file", wanted,
                        "--set-str", "SYSTEM_TRUSTED_KEYS", "", "--disable", "MODULE_SIG",
                        "--disable", "SECURITY_LOCKDOWN_LSM", "--disable", "DEBUG_INFO_BTF",
                        "--disable", "DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT",
                        "--enable", "DEBUG_INFO_NONE", "--set-str", "LOCALVERSION", "-lodge"],
                       check=True)
        self.run(objects, ["olddefconfig"], log, "configuring")
        say("Debian's configuration: some 25,000 files, hours on two processors; interrupted, it "
            "goes on where it was")
        revision = version.replace(":", ".") + ".lodge"
        self.run(objects, ["bindeb-pkg", f"KDEB_PKGVERSION={revision}"], log,
                 "compiling", 25000)
        out = out_folder(self.build, "debian")
        os.makedirs(out, exist_ok=True)
        for path in glob.glob(os.path.join(area, "*.deb")):
            os.replace(path, os.path.join(out, os.path.basename(path)))
        say(f"packages in {os.path.relpath(out)}: {', '.join(sorted(os.listdir(out)))}")
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="the build directory")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--variant", choices=sorted(VARIANTS), default="patched")
    what.add_argument("--debian", action="store_true",
                      help="Debian's own configuration, as a .deb: takes hours")
    parser.add_argument("--upto", default="", metavar="PATCH",
                        help="the series up to the first patch that has this in its name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at a time")
    parser.add_argument("--quiet", action="store_true", help="say nothing if it is in the cache")
    args = parser.parse_args()
    try:
        build = Build(args.build, args.jobs, args.quiet)
        if args.debian:
            build.debian()
        else:
            build.make(args.variant, args.upto)
    except NotHad as problem:
        print(f"guest-kernel: {problem}", file=sys.stderr)
        return NOT_HAD
    except (KernelError, OSError, subprocess.CalledProcessError) as problem:
        print(f"guest-kernel: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
