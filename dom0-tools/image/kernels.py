# SPDX-License-Identifier: GPL-2.0-only
"""Get a kernel that is not Debian's newest, and make the images to boot it with: for tests that run
it as dom0 or as a guest. It is named in one of three ways:

SUITE or SUITE-FLAVOUR, Debian's of another release or flavour: trixie, bullseye-cloud,
bookworm-backports, trixie-rt. The archive is the one that this system is installed from; apt keeps
its lists and its cache for these suites in build/cache, so that nothing of the system's own
changes. What is there is taken as it is: --update asks for the newest.

patched, unpatched or debug: what guest-patches/build.py builds, which is asked to each time, so
that it is the kernel of the series as it is now; unless that changed it is in the cache.

A file's name with a slash in it: a bzImage or the ELF file vmlinux, with all drivers built in.
"""

import argparse
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fetch import FetchError, unpack  # noqa: E402
from mkimage import (  # noqa: E402
    DOM0_MODULES, DOM0_ON_DEMAND, GUEST_MODULES, ImageError, make_base, make_guest)

FLAVOURS = ("cloud", "rt")
# What of guest-patches/ has which name here.
VARIANTS = ("patched", "unpatched", "debug")
BUILDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "guest-patches",
                       "build.py")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The suites in which a release's newest kernel may be; SUITE stands for itself.
SECURITY = "{suite}-security"


def split(name):
    """(suite, flavour) of a kernel's name."""
    for flavour in FLAVOURS:
        if name.endswith("-" + flavour):
            return name[:-len(flavour) - 1], flavour
    return name, ""


class Archive:
    """apt with lists and settings of its own, for one suite and its security updates."""

    def __init__(self, cache, suite):
        self.suite = suite
        self._directory = os.path.join(os.path.abspath(cache), "apt-" + suite)
        for folder in ("lists/partial", "cache/archives/partial", "sources"):
            os.makedirs(os.path.join(self._directory, folder), exist_ok=True)
        self._options = ["-o", "Dir::Etc::sourcelist=/dev/null"]
        for key, folder in (("Etc::sourceparts", "sources"), ("State::lists", "lists"),
                            ("Cache", "cache")):
            self._options += ["-o", f"Dir::{key}={self._directory}/{folder}"]

    def run(self, *command, cwd=None):
        """The output of an apt command, or FetchError with its last words."""
        done = subprocess.run([command[0]] + self._options + list(command[1:]), cwd=cwd,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise FetchError(f"{' '.join(command)} for {self.suite}: "
                             f"{done.stderr.strip().splitlines()[-1:]}")
        return done.stdout

    def update(self):
        """Where the suites are is what the system's own sources say of Debian's."""
        done = subprocess.run(["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)",
                               "Created-By: Packages", "Origin: Debian"], stdout=subprocess.PIPE,
                              text=True, check=False)
        places = dict(line.split("|") for line in done.stdout.splitlines())
        if "Debian" not in places:
            raise FetchError("this system's apt knows no Debian archive: run `apt-get update`")
        wanted = [(places["Debian"], self.suite)]
        if "-" not in self.suite and "Debian-Security" in places:
            wanted.append((places["Debian-Security"], SECURITY.format(suite=self.suite)))
        with open(os.path.join(self._directory, "sources", "debian.list"), "w",
                  encoding="utf-8") as handle:
            for place, suite in wanted:
                handle.write(f"deb [signed-by={KEYRING}] {place} {suite} main\n")
        self.run("apt-get", "-q", "update")

    def newest(self, flavour):
        """The kernel package that the release's metapackage stands for."""
        meta = f"linux-image-{flavour}-amd64" if flavour else "linux-image-amd64"
        found = re.search(r"Depends: (linux-image-\d\S*)", self.run("apt-cache", "depends", meta))
        if not found:
            raise FetchError(f"{self.suite}: {meta} stands for no kernel")
        return found.group(1)


def _package(cache, name, update):
    """The path of the kernel's .deb, which is fetched if there is none yet."""
    suite, flavour = split(name)
    note = os.path.join(cache, f"kernel-{name}")
    if os.path.exists(note) and not update:
        with open(note, encoding="utf-8") as handle:
            path = os.path.join(cache, handle.read())
        if os.path.exists(path):
            return path
    archive = Archive(cache, suite)
    archive.update()
    package = archive.newest(flavour)
    print(f"fetching {package} from Debian ({suite})", flush=True)
    archive.run("apt-get", "-q", "download", package, cwd=cache)
    found = sorted(glob.glob(os.path.join(cache, package + "_*_amd64.deb")), key=os.path.getmtime)
    if not found:
        raise FetchError(f"{package}: apt-get download got nothing")
    with open(note, "w", encoding="utf-8") as handle:
        handle.write(os.path.basename(found[-1]))
    return found[-1]


def _variant(name, build):
    """A kernel that is built here: its folder, and what tells it from others of that name."""
    done = subprocess.run([sys.executable, BUILDER, "--quiet", "--build", build, "--variant", name],
                          stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise FetchError(f"the kernel {name} was not built: {done.stderr.strip()}")
    folder = os.path.join(build, "guest-kernel" + ("" if name == "patched" else f"-{name}"))
    with open(os.path.join(folder, "made-from"), encoding="utf-8") as handle:
        return folder, handle.read()


def _take_file(path, extract, out):
    """vmlinuz, vmlinux and release from one file, which is one or the other."""
    vmlinuz, vmlinux = os.path.join(out, "vmlinuz"), os.path.join(out, "vmlinux")
    with open(path, "rb") as handle:
        elf = handle.read(4) == b"\x7fELF"
    shutil.copyfile(path, vmlinux if elf else vmlinuz)
    if elf:  # without symbols, which GRUB would be long in reading; Xen boots such a file, too
        subprocess.run(["strip", "--strip-all", vmlinux], check=True)
        shutil.copyfile(vmlinux, vmlinuz)
    else:
        subprocess.run([extract, vmlinuz, vmlinux], check=True)
    with open(vmlinux, "rb") as handle:
        found = re.search(rb"Linux version (\S+)", handle.read())
    if not found:
        raise FetchError(f"kernel {path}: it is no Linux")
    with open(os.path.join(out, "release"), "w", encoding="utf-8") as handle:
        handle.write(found.group(1).decode())
    with open(os.path.join(out, "modules.builtin"), "w", encoding="utf-8") as handle:
        handle.write("".join(f"kernel/{name}.ko\n"
                             for name in DOM0_MODULES + DOM0_ON_DEMAND + GUEST_MODULES))


def _digest(path):
    if not os.path.isfile(path):
        raise FetchError(f"kernel {path}: there is no such file")
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def _folder(name, build):
    """Where the images of a kernel are made."""
    if "/" in name:
        name = "file-" + hashlib.sha256(os.path.abspath(name).encode()).hexdigest()[:12]
    return os.path.join(build, "kernels", name)


def _fill(name, origin, build, out):
    """What is in a kernel's folder before its images are."""
    extract = os.path.join(build, "builder", "extract-kernel")
    if "/" in name:
        os.makedirs(out, exist_ok=True)
        _take_file(name, extract, out)
    elif name in VARIANTS:
        os.makedirs(out, exist_ok=True)
        for part in ("vmlinuz", "vmlinux", "release", "modules.builtin"):
            shutil.copyfile(os.path.join(origin, part), os.path.join(out, part))
    else:
        unpack(origin, out)
        subprocess.run([extract, os.path.join(out, "vmlinuz"), os.path.join(out, "vmlinux")],
                       check=True)


def need(name, build, update=False):
    """The directory of that kernel, with vmlinux and archives as build/image has them; base.cpio
    only where it can be dom0. Made if it is not there; FetchError when it cannot be had."""
    cache, out = os.path.join(build, "cache"), _folder(name, build)
    os.makedirs(cache, exist_ok=True)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _need(name, build, cache, out, update)
        except (OSError, ImageError, subprocess.CalledProcessError) as problem:
            raise FetchError(f"kernel {name}: {problem}") from problem


def _need(name, build, cache, out, update):
    if "/" in name:
        origin = stamp = _digest(name)
    elif name in VARIANTS:
        origin, stamp = _variant(name, build)
    else:
        origin = stamp = os.path.abspath(_package(cache, name, update))
    done = os.path.join(out, "images-made-from")
    if os.path.exists(done) and open(done, encoding="utf-8").read() == stamp:
        return out
    _fill(name, origin, build, out)
    make_guest(out, out)
    if split(name)[1] != "cloud":  # which is built without the drivers of a dom0
        make_base(out, out)
    for folder in ("lib", "usr"):  # the modules that are wanted are in the archives
        shutil.rmtree(os.path.join(out, folder), ignore_errors=True)
    with open(done, "w", encoding="utf-8") as handle:
        handle.write(stamp)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--update", action="store_true", help="ask for the newest")
    parser.add_argument("names", nargs="+", help="SUITE or SUITE-FLAVOUR, patched, or a file")
    args = parser.parse_args()
    try:
        for name in args.names:
            print(f"{name}: {need(name, args.build, args.update)}")
    except FetchError as error:
        print(f"kernels.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
