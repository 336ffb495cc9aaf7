# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's source: Debian's package linux-source-6.1 fetched with apt, unpacked, and the series
of patches put on it with quilt.

The newest version that apt offers is taken. The file made-for beside the series names the version
that it was made against: where the newest is another one this is said, and where a patch no longer
applies, which one; then the version that the series was made for is used if it can still be had.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SERIES = os.path.join(HERE, "linux-6.1")
PATCHES = os.path.join(SERIES, "patches")
PACKAGE = "linux-source-6.1"
STAMP = ".unpacked-from"
TARBALL = "./usr/src/linux-source-6.1.tar.xz"


class KernelError(Exception):
    """Carries the whole message for the person at the terminal."""


class NotHad(KernelError):
    """The source cannot be had, as without a network."""


class DoesNotApply(KernelError):
    """A patch that does not fit the source that it was tried on."""


def say(text):
    print(f"guest-kernel: {text}", flush=True)


def _output(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    return done.returncode, done.stdout


def made_for():
    """The version of the source package against which the series was written."""
    with open(os.path.join(SERIES, "made-for"), encoding="utf-8") as handle:
        return handle.read().strip()


def series(upto=""):
    """The names of the patches, in order, up to the first that has this in its name."""
    with open(os.path.join(PATCHES, "series"), encoding="utf-8") as handle:
        lines = [line.split("#")[0].strip() for line in handle]
    names = [line for line in lines if line]
    if not upto:
        return names
    for number, name in enumerate(names, 1):
        if upto in name:
            return names[:number]
    raise KernelError(f"no patch of the series has {upto} in its name")


def diff(patch):
    """What a patch changes, without what it says of itself."""
    with open(os.path.join(PATCHES, patch), "rb") as handle:
        return handle.read().partition(b"\ndiff --git ")[2]


def _deb(cache, version):
    return os.path.join(cache, f"{PACKAGE}_{version.replace(':', '%3a')}_all.deb")


def newest(cache):
    """The version that apt offers; without a list of apt's, the newest that was fetched before."""
    status, text = _output("apt-cache", "policy", PACKAGE)
    found = re.search(r"Candidate: (\d\S*)", text) if status == 0 else None
    if found:
        return found.group(1)
    kept = sorted(glob.glob(_deb(cache, "*")), key=os.path.getmtime)
    if kept:
        return os.path.basename(kept[-1]).split("_")[1].replace("%3a", ":")
    raise NotHad(f"apt knows no package {PACKAGE}: run `apt-get update`, and check that "
                 "Debian's archive is among apt's sources")


def fetch(cache, version):
    """The path of that version's package, downloaded if it is not in the cache."""
    path = _deb(cache, version)
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        say(f"fetching {PACKAGE} {version} from Debian (about 140 MB)")
        _output("apt-get", "-q", "download", f"{PACKAGE}={version}", cwd=cache)
    if not os.path.exists(path):
        raise NotHad(f"{PACKAGE} {version}: apt-get download got nothing; run "
                     "`apt-get update` and check that Debian's archive can be reached")
    return path


def is_unpacked(tree):
    """Is there a source, whatever version it is?"""
    return os.path.exists(os.path.join(tree, STAMP))


def unpack(deb, tree):
    """The source as Debian has it, in tree; does nothing where that is from this package."""
    stamp = os.path.join(tree, STAMP)
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == os.path.basename(deb):
        return
    say(f"unpacking {os.path.basename(deb)}")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    script = ('set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" | xz -dc -T0 | '
              'tar -x -C "$3" --strip-components=1')
    status, text = _output("bash", "-c", script, "unpack", deb, TARBALL, tree)
    if status != 0:
        raise KernelError(f"{deb} cannot be unpacked: {text.strip()[-300:]}; "
                          "delete the file to fetch it again")
    with open(stamp, "w", encoding="utf-8") as handle:
        handle.write(os.path.basename(deb))


def quilt(tree, *words):
    """Run quilt in tree with our series; (status, output)."""
    env = dict(os.environ, QUILT_PATCHES=PATCHES, QUILT_SERIES=os.path.join(PATCHES, "series"),
               QUILT_PC=".pc", LC_ALL="C")
    try:
        return _output("quilt", "--quiltrc", "-", *words, cwd=tree, env=env)
    except FileNotFoundError as missing:
        raise KernelError("quilt is missing: run `make deps`") from missing


def applied(tree):
    """The names of the patches that the tree has."""
    try:
        with open(os.path.join(tree, ".pc", "applied-patches"), encoding="utf-8") as handle:
            return handle.read().split()
    except FileNotFoundError:
        return []


def take_off(tree):
    """Back to Debian's source."""
    if applied(tree):
        status, text = quilt(tree, "pop", "-a", "-f", "-q")
        if status != 0 or applied(tree):
            shutil.rmtree(tree)
            raise KernelError(f"quilt cannot take the patches off: {text.strip()[-300:]}; "
                              "the tree is removed, try again")
    shutil.rmtree(os.path.join(tree, ".pc"), ignore_errors=True)


def put_on(tree, patch, version):
    """Apply patches up to this one; a context that has changed is let pass in other versions of
    the source than that for which the series was made."""
    fuzz = 0 if version == made_for() else 2
    status, text = quilt(tree, "push", f"--fuzz={fuzz}", "-q", patch)
    if status != 0 or patch not in applied(tree):
        names = series()
        failed = next((name for name in names if name not in applied(tree)), patch)
        reason = [line for line in text.splitlines() if re.search(r"FAILED|No such|can't", line)]
        raise DoesNotApply(f"{failed} does not apply: {'; '.join(reason[:3]) or text[-300:]}")


def take_off_behind(tree, patch):
    """Back to where this patch was the last one."""
    if applied(tree)[-1:] != [patch]:
        status, text = quilt(tree, "pop", "-q", patch)
        if status != 0 or applied(tree)[-1:] != [patch]:
            raise KernelError(f"quilt does not go back to {patch}: {text.strip()[-300:]}")


def prepare(cache, tree, version, names=None):
    """tree becomes the source of that version with these patches on it, or with the series."""
    unpack(fetch(cache, version), tree)
    take_off(tree)
    names = series() if names is None else names
    if names:
        try:
            put_on(tree, names[-1], version)
        except DoesNotApply as problem:
            raise DoesNotApply(f"{problem} (to {PACKAGE} {version}; the series was made for "
                               f"{made_for()})") from problem
    say(f"{PACKAGE} {version}, {len(names)} patches")


def versions(cache, patched=True):
    """The versions to try, in order: the newest, then the one that the series was made for."""
    first, second = newest(cache), made_for()
    if first != second and patched:
        say(f"the series was made for {second}; Debian's newest source is {first}")
    return [first] if first == second or not patched else [first, second]


if __name__ == "__main__":
    sys.exit("source.py: build.py is the program")
