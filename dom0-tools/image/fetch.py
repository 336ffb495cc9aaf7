# SPDX-License-Identifier: GPL-2.0-only
"""Fetch Debian's newest signed kernel package and unpack it under the build directory.

The generic flavour is wanted: the cloud flavour lacks dom0 support, and an rt kernel has its own
ideas of time (kernels.py fetches others). Downloads are kept in build/cache, so that only the first
build needs the network.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

META = "linux-image-amd64"
XEN_PACKAGES = (
    "xen-hypervisor-4.17-amd64", "xen-hypervisor-4.17-amd64-dbg", "xen-utils-4.17",
    "xenstore-utils", "libxenmisc4.17", "libyajl2", "libxencall1", "libxendevicemodel1",
    "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1", "libxenstore4",
    "libxentoolcore1", "libxentoollog1",
)
FLAVOUR = re.compile(r"^linux-image-(\d[\w.+~]*-\d+)-amd64$")


class FetchError(Exception):
    """Carries the whole message for the person at the terminal."""


def _output(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def newest_package():
    """The package that linux-image-amd64 depends on: Debian's own answer to "the newest"."""
    for line in _output("apt-cache", "depends", META).splitlines():
        name = line.replace("Depends:", "").strip()
        if "Depends:" in line and FLAVOUR.match(name):
            return name
    return ""


def _candidate(package):
    for line in _output("apt-cache", "policy", package).splitlines():
        if "Candidate:" in line:
            return line.split()[-1]
    return ""


def download(cache):
    """The path of the .deb in the cache, downloaded if it is not there yet."""
    os.makedirs(cache, exist_ok=True)
    package = newest_package()
    wanted = f"{package}_{_candidate(package)}_amd64.deb" if package else ""
    found = glob.glob(os.path.join(cache, wanted.replace(":", "%3a"))) if wanted else []
    if found:
        return found[0]
    if package:
        print(f"fetching {package} {_candidate(package)} from Debian (about 70 MB)", flush=True)
        subprocess.run(["apt-get", "-q", "download", package], cwd=cache, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = sorted(glob.glob(os.path.join(cache, "linux-image-[0-9]*-amd64_*_amd64.deb")),
                  key=os.path.getmtime)
    if kept:
        return kept[-1]
    raise FetchError(f"kernel package {package or META}: apt-get download got nothing; "
                     "run `apt-get update` and check that Debian's archive can be reached")


def unpack(deb, out):
    """Unpack to out/<release>/ and point out/current at it; does nothing the second time."""
    stamp = os.path.join(out, "unpacked-from")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == deb:
        return
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    print(f"unpacking {os.path.basename(deb)}", flush=True)
    subprocess.run(["dpkg-deb", "--extract", deb, out], check=True)
    images = glob.glob(os.path.join(out, "boot", "vmlinuz-*"))
    if len(images) != 1:
        raise FetchError(f"{deb}: expected one boot/vmlinuz-*, found {len(images)}; "
                         "delete the file to fetch it again")
    release = os.path.basename(images[0])[len("vmlinuz-"):]
    os.replace(images[0], os.path.join(out, "vmlinuz"))
    with open(os.path.join(out, "release"), "w", encoding="utf-8") as handle:
        handle.write(release)
    with open(stamp, "w", encoding="utf-8") as handle:
        handle.write(deb)


def fetch_xen(cache, out):
    """Debian's Xen, unpacked and not installed: an installed one would enter the boot menu."""
    stamp, wanted = os.path.join(out, "unpacked"), "\n".join(XEN_PACKAGES)
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return
    os.makedirs(cache, exist_ok=True)
    for package in XEN_PACKAGES:
        pattern = os.path.join(cache, package + "_*_amd64.deb")
        if not glob.glob(pattern):
            print(f"fetching {package} from Debian", flush=True)
            subprocess.run(["apt-get", "-q", "download", package], cwd=cache, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = sorted(glob.glob(pattern), key=os.path.getmtime)
        if not found:
            raise FetchError(f"package {package}: apt-get download got nothing")
        subprocess.run(["dpkg-deb", "--extract", found[-1], out], check=True)
    with open(stamp, "w", encoding="utf-8") as handle:
        handle.write(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", required=True, help="where downloaded packages are kept")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", help="where the kernel is unpacked")
    what.add_argument("--xen", help="unpack Debian's Xen here instead")
    parser.add_argument("--extract", help="the tool that turns vmlinuz into the ELF vmlinux")
    args = parser.parse_args()
    try:
        if args.xen:
            fetch_xen(args.cache, args.xen)
            return 0
        unpack(download(args.cache), args.out)
        if args.extract and os.access(args.extract, os.X_OK):
            subprocess.run([args.extract, os.path.join(args.out, "vmlinuz"),
                            os.path.join(args.out, "vmlinux")], check=True)
    except (FetchError, OSError, subprocess.CalledProcessError) as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
