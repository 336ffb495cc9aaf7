# SPDX-License-Identifier: GPL-2.0-only
"""Make the disk of a Debian 12 guest: packages by mmdebstrap, an ext4 file system by mke2fs.

The image is a plain file system without partitions, sparse, and kept in build/cache under a name
that stands for its recipe, so that it is made once. A guest boots from it with a kernel of dom0's,
or with its own one by GRUB (bootloader= in its config): that and a grub.cfg are in /boot. Nothing
is mounted, so it can be made in a container. mmdebstrap must be root; where this is not, sudo is
used.

The guest: systemd, ifupdown with DHCP as Debian's installer sets it up, a login as root without a
password on its console; fio, iperf3, wget and ping for measuring and trying; of the fetched kernel
the modules that a guest has a use for.
"""

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mkimage import DISK_MODULES, ImageError, make_initrd, module_closure  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = "bookworm"
PACKAGES = (
    "systemd-sysv", "udev", "dbus", "login", "kmod", "netbase", "ifupdown", "isc-dhcp-client",
    "iproute2", "iputils-ping", "wget", "procps", "fio", "iperf3",
)
MODULES = ("xen-blkfront", "xen-netfront", "ext4", "autofs4", "loop", "tun", "nf_tables")
DISK_INIT = "disk-init"  # the first process in its initrd
SIZE = "1G"
FILESYSTEM = ("-t", "ext4", "-L", "debian", "-m", "0", "-J", "size=16",
              "-E", "root_owner=0:0,lazy_itable_init=0")
ROOM = 800 << 20
WITHOUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*",
           "/usr/lib/x86_64-linux-gnu/gconv/*")

FILES = {
    "etc/hostname": "debian\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 debian\n",
    "etc/fstab": "/dev/xvda / ext4 rw,discard,errors=remount-ro 0 1\n",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\n\n"
                              "allow-hotplug enX0\niface enX0 inet dhcp\n",
    # An emulated machine may be slow beyond all measure; what comes late has come.
    "etc/systemd/system.conf.d/patience.conf":
        "[Manager]\nDefaultTimeoutStartSec=15min\nDefaultDeviceTimeoutSec=15min\n",
    "etc/systemd/journald.conf.d/volatile.conf": "[Journal]\nStorage=volatile\n",
    # Of the devices that are there at boot these have something to be told; to ask all of a
    # hundred terminals and memory blocks takes longer than the rest of the boot.
    "etc/systemd/system/systemd-udev-trigger.service.d/few.conf":
        "[Service]\nExecStart=\n"
        "ExecStart=-udevadm trigger --action=add --subsystem-match=block --subsystem-match=net "
        "--subsystem-match=xen\n"
        "ExecStart=-udevadm trigger --action=add --sysname-match=hvc0\n",
    # The demo's scripts read this console.
    "etc/inputrc": "set enable-bracketed-paste off\n",
    # Empty, and not missing: each boot has an identity of its own, and none counts as the first.
    "etc/machine-id": "",
    # Of the demo's guests the second one boots by it.
    "boot/grub/grub.cfg":
        "set timeout=1\nmenuentry \"Debian\" {\n"
        "    linux /boot/vmlinuz root=/dev/xvda console=hvc0 loglevel=4 cryptomgr.notests "
        "SYSTEMD_COLORS=0 systemd.hostname=debian2\n"
        "    initrd /boot/initrd.img\n}\n",
    "etc/issue": "Debian 12, a guest of Lodge; log in as root, there is no password\n\n",
}
# What is for machines of other kinds, or for systems that live longer than this one; each of them
# is a second or two of an emulated boot.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "systemd-pstore.service",
          "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-fsckd.socket",
          "systemd-journal-flush.service",
          "modprobe@.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
          "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
          "systemd-network-generator.service", "getty@tty1.service")
CUSTOMIZE = (
    "passwd -d root >/dev/null",
    "systemctl --quiet mask " + " ".join(MASKED),
    "rm -f /etc/resolv.conf",
    "depmod {release}",
)


def recipe(release):
    """What the image is made of, as a short name."""
    with open(os.path.join(HERE, DISK_INIT), encoding="utf-8") as handle:
        parts = (SUITE, PACKAGES, MODULES, SIZE, FILESYSTEM, WITHOUT, FILES, MASKED, CUSTOMIZE,
                 DISK_MODULES, handle.read(), release)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def as_root(command):
    if os.getuid() == 0:
        return command
    if not shutil.which("sudo"):
        raise ImageError("the guest's image must be made as root, and there is no sudo")
    return ["sudo"] + command


def run(command):
    """Run quietly; what it said comes out when it fails."""
    try:
        done = subprocess.run(as_root(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except FileNotFoundError as missing:
        raise ImageError(f"{command[0]} is missing: run `make deps`") from missing
    if done.returncode != 0:
        raise ImageError(f"{command[0]} ended with status {done.returncode}:\n"
                         + "\n".join(done.stdout.splitlines()[-12:]))


def write_overlay(top, kernel, release):
    """The files that are put over Debian's, in a directory."""
    for name, text in FILES.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
    shutil.copyfile(os.path.join(kernel, "vmlinuz"), os.path.join(top, "boot", "vmlinuz"))
    make_initrd(kernel, DISK_MODULES, DISK_INIT, os.path.join(top, "boot", "initrd.img"))
    # Debian 12 has /lib as a link into /usr; a directory of that name would replace it.
    modules = os.path.join(top, "usr", "lib", "modules", release)
    for _, path, _ in module_closure(kernel, MODULES):
        target = os.path.join(modules, path[path.index("/kernel/") + 1:])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        found = os.path.join(kernel, "lib", "modules", release, name)
        if os.path.exists(found):
            shutil.copyfile(found, os.path.join(modules, name))


def make(kernel, release, work, path):
    overlay, root = os.path.join(work, "overlay"), os.path.join(work, "root")
    os.makedirs(overlay)
    write_overlay(overlay, kernel, release)
    os.chmod(work, 0o755)
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(PACKAGES)]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT]
    command += [f"--customize-hook=sync-in {overlay} /"]
    command += [f'--customize-hook=chroot "$1" {line.format(release=release)}'
                for line in CUSTOMIZE]
    try:
        run(command + [SUITE, root])
        # Made by us first, so that it is ours also where root fills it.
        with open(path, "wb") as handle:
            handle.truncate(0)
        run(["mke2fs", "-q", "-F", *FILESYSTEM, "-d", root, path, SIZE])
    finally:
        run(["rm", "-rf", "--one-file-system", root])


def cached(cache, kind, name, room, make_it):
    """The path of a KIND-NAME in the cache; if there is none, make_it(work, path) makes one.

    Where less than `room` is free that is said first. The one before stays, too: another tree may
    share the cache, or this one go back to it.
    """
    os.makedirs(cache, exist_ok=True)
    path = os.path.join(os.path.abspath(cache), f"{kind}-{name}")
    if os.path.exists(path):
        return path
    print(f"making {os.path.basename(path)} (once; some minutes)", flush=True)
    free = shutil.disk_usage(cache).free
    if free < room:
        raise ImageError(f"{cache}: {free >> 20} MiB are free, this disk needs {room >> 20} while "
                         "it is made")
    with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=cache) as work:
        fresh = os.path.join(work, "image")
        make_it(work, fresh)
        os.replace(fresh, path)
    all_kinds = os.path.join(cache, f"{kind}-*{os.path.splitext(name)[1]}")
    for old in sorted(glob.glob(all_kinds), key=os.path.getmtime)[:-2]:
        os.unlink(old)
    return path


def image(kernel, cache):
    """The path of the image, made if there is none of this recipe."""
    with open(os.path.join(kernel, "release"), encoding="utf-8") as handle:
        release = handle.read().strip()
    return cached(cache, "guest", f"{recipe(release)}.ext4", ROOM,
                  lambda work, path: make(kernel, release, work, path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", required=True, help="the unpacked kernel package")
    parser.add_argument("--cache", required=True, help="where the image is kept")
    parser.add_argument("--out", required=True, help="a link to it is made here")
    args = parser.parse_args()
    try:
        path = image(args.kernel, args.cache)
        os.makedirs(os.path.dirname(args.out), exist_ok=True)
        link = args.out + ".new"
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.relpath(path, os.path.dirname(args.out)), link)
        os.replace(link, args.out)
    except (ImageError, OSError) as error:
        print(f"guest_image.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
