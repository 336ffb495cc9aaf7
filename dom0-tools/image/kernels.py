# SPDX-License-Identifier: GPL-2.0-only
"""Fetch a kernel of another Debian release or flavour, and make the images to boot it with: for
tests that run it as dom0 or as a guest.

A kernel is named SUITE or SUITE-FLAVOUR: trixie, bullseye-cloud, bookworm-backports, trixie-rt. The
archive is the one that this system is installed from; apt keeps its lists and its cache for these
suites in build/cache, so that nothing of the system's own changes. What is there is taken as it is:
--update asks for the newest.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fetch import FetchError, unpack  # noqa: E402
from mkimage import ImageError, make_base, make_guest  # noqa: E402

FLAVOURS = ("cloud", "rt")
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


def need(name, build, update=False):
    """The directory of that kernel, with vmlinux and archives as build/image has them; base.cpio
    only where it can be dom0. Made if it is not there; FetchError when it cannot be had."""
    cache, out = os.path.join(build, "cache"), os.path.join(build, "kernels", name)
    os.makedirs(cache, exist_ok=True)
    try:
        deb = os.path.abspath(_package(cache, name, update))
        done = os.path.join(out, "images-made-from")
        if os.path.exists(done) and open(done, encoding="utf-8").read() == deb:
            return out
        unpack(deb, out)
        subprocess.run([os.path.join(build, "builder", "extract-kernel"),
                        os.path.join(out, "vmlinuz"), os.path.join(out, "vmlinux")], check=True)
        make_guest(out, out)
        if split(name)[1] != "cloud":  # which is built without the drivers of a dom0
            make_base(out, out)
        for folder in ("lib", "usr"):  # the modules that are wanted are in the archives
            shutil.rmtree(os.path.join(out, folder), ignore_errors=True)
    except (OSError, ImageError, subprocess.CalledProcessError) as problem:
        raise FetchError(f"kernel {name}: {problem}") from problem
    with open(done, "w", encoding="utf-8") as handle:
        handle.write(deb)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--update", action="store_true", help="ask for the newest")
    parser.add_argument("names", nargs="+", help="SUITE or SUITE-FLAVOUR")
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
