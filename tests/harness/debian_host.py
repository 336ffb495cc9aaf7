# SPDX-License-Identifier: GPL-2.0-only
"""The disk of a whole Debian 12 machine, as somebody has it who tries Lodge: GRUB for BIOS and for
UEFI on a disk of its own, systemd, Debian's xen-utils and libvirt, what `make install` needs. Lodge
is not on it: the tests install it.

Made once and kept in build/cache under a name that stands for its recipe: mmdebstrap makes the
system, mke2fs the file system, and the machine itself, booted once with its own kernel, puts GRUB
on its disk, as Debian's installer does. Nothing is mounted here, so it works in a container.
"""

import glob
import hashlib
import os
import subprocess

from guest_image import cached, run
from mkimage import ImageError

from harness.machine import QEMU
from harness.paths import HARNESS, ROOT

SUITE = "bookworm"
PACKAGES = (
    "systemd-sysv", "udev", "dbus", "login", "kmod", "procps", "netbase", "iproute2", "make",
    "linux-image-amd64", "initramfs-tools", "grub2-common", "grub-pc-bin", "grub-efi-amd64-bin",
    "dosfstools", "e2fsprogs", "bash-completion", "man-db",
    "xen-utils-4.17", "xenstore-utils",
    "libvirt-daemon-system", "libvirt-daemon-driver-xen", "libvirt-clients",
)
SIZE = 5 << 30
SECTOR = 512
ROOT_START = 264192  # sectors: behind GRUB's own MiB and the EFI partition
PARTITIONS = f"""label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
start=4096, size=260096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
start={ROOT_START}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
"""
FILESYSTEM = ("-t", "ext4", "-L", "host", "-m", "0",
              "-E", f"root_owner=0:0,lazy_itable_init=0,offset={ROOT_START * SECTOR}")
ROOM = 6 << 30
WITHOUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def _setup():
    """The script that puts GRUB onto the disk, without its comments: a change of these alone does
    not make another disk."""
    with open(os.path.join(HARNESS, "debian-host-setup.sh"), encoding="utf-8") as handle:
        return "".join(line for line in handle if not line.startswith("# "))


FILES = {
    "etc/hostname": "host\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 host\n",
    "etc/fstab": "LABEL=host / ext4 rw,errors=remount-ro 0 1\n",
    "etc/default/grub": "GRUB_DEFAULT=saved\nGRUB_TIMEOUT=1\n"
                        'GRUB_CMDLINE_LINUX="console=ttyS0 console=hvc0 net.ifnames=0"\n'
                        "GRUB_TERMINAL=serial\nGRUB_DISABLE_OS_PROBER=true\n",
    # Only the drivers of this machine's disk: GRUB has to read the initrd.
    "etc/initramfs-tools/conf.d/few": "MODULES=list\nCOMPRESS=lz4\nBUSYBOX=n\n",
    "etc/initramfs-tools/modules": "ext4\nahci\nsd_mod\nvirtio_pci\nvirtio_blk\n",
    "etc/systemd/system.conf.d/patience.conf":
        "[Manager]\nDefaultTimeoutStartSec=15min\nDefaultDeviceTimeoutSec=15min\n",
    "etc/inputrc": "set enable-bracketed-paste off\n",
    "etc/machine-id": "",
    "setup": _setup(),
}
# What another kind of machine needs, or an older one; each costs seconds of an emulated boot.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "systemd-pstore.service", "man-db.timer",
          "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "libvirt-guests.service",
          "getty@tty1.service", "smartmontools.service", "dnsmasq.service")
CUSTOMIZE = (
    "passwd -d root >/dev/null",
    "chmod 755 /setup",
    "systemctl --quiet mask " + " ".join(MASKED),
    "update-initramfs -u",
    "rm -f /etc/resolv.conf",
)


def build_packages():
    """What build-deps.txt lists for `make install`; the tools' libraries come with it."""
    with open(os.path.join(ROOT, "build-deps.txt"), encoding="utf-8") as handle:
        lines = handle.read().partition("\n## test")[0].splitlines()
    return tuple(line.split()[0] for line in lines if line and not line.startswith("#"))


def recipe():
    parts = (SUITE, PACKAGES + build_packages(), SIZE, PARTITIONS, FILESYSTEM, WITHOUT,
             sorted(FILES.items()), MASKED, CUSTOMIZE)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _write_overlay(top):
    for name, text in FILES.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)


def _system(work):
    """The system in a directory; the paths of its kernel and initrd, copied out of it."""
    overlay, root = os.path.join(work, "overlay"), os.path.join(work, "root")
    _write_overlay(overlay)
    os.chmod(work, 0o755)
    command = ["mmdebstrap", "--quiet", "--variant=minbase",
               "--include=" + ",".join(PACKAGES + build_packages())]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT]
    command += [f"--essential-hook=sync-in {overlay} /"]
    command += [f'--customize-hook=chroot "$1" {line}' for line in CUSTOMIZE]
    run(command + [SUITE, root])
    boot = []
    for kind in ("vmlinuz", "initrd.img"):
        found = glob.glob(os.path.join(root, "boot", kind + "-*"))
        if len(found) != 1:
            raise ImageError(f"the system has {len(found)} files /boot/{kind}-*")
        boot.append(os.path.join(work, kind))
        run(["cp", found[0], boot[-1]])
        run(["chmod", "644", boot[-1]])
    return root, boot


def _install_grub(disk, kernel, initrd, log):
    """Boot the system with its kernel given by hand, so that it puts GRUB on its disk."""
    command = [QEMU, "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-display",
               "none", "-vga", "none", "-net", "none", "-no-reboot", "-serial", f"file:{log}",
               "-drive", f"file={disk},if=none,id=disk,format=raw,cache=unsafe",
               "-device", "virtio-blk-pci,drive=disk", "-kernel", kernel, "-initrd", initrd,
               "-append", "root=LABEL=host ro console=ttyS0 init=/setup panic=-1 cryptomgr.notests"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=900)
    except subprocess.TimeoutExpired as slow:
        raise ImageError(f"the machine did not get GRUB onto its disk in 900 s: {log}") from slow
    with open(log, encoding="utf-8", errors="replace") as handle:
        if "setup-is-done" not in handle.read():
            raise ImageError(f"the machine could not put GRUB onto its disk: {log}")


def _make(work, path, log):
    root, boot = _system(work)
    try:
        with open(path, "wb") as handle:
            handle.truncate(SIZE)
        subprocess.run(["sfdisk", "--quiet", path], input=PARTITIONS, text=True, check=True)
        # Behind the last block there is room for the second copy of the partition table.
        blocks = (SIZE - ROOT_START * SECTOR - (1 << 20)) >> 10
        run(["mke2fs", "-q", "-F", *FILESYSTEM, "-d", root, path, f"{blocks}k"])
    finally:
        run(["rm", "-rf", "--one-file-system", root])
    _install_grub(path, *boot, log)


def image(cache, logs):
    """The path of the disk's image, made if there is none of this recipe."""
    log = os.path.join(os.path.abspath(logs), "debian-host-setup.log")
    return cached(cache, "host", f"{recipe()}.img", ROOM,
                  lambda work, path: _make(work, path, log))
