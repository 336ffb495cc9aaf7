# SPDX-License-Identifier: GPL-2.0-only
"""Make what the test machine boots from: one GRUB ISO per configuration.

The ISO holds GRUB for BIOS, the hypervisor, dom0's kernel and initrd, and a grub.cfg that starts
the one entry at once. Only the GRUB modules that are used are put in, as making and reading the
ISO is a good part of a short test. GRUB reads a large ISO by a driver of its own, as the BIOS takes
three times as long for a kernel; for a few sectors the driver is not worth its loading.
"""

import contextlib
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading

from harness.verdict import ERROR, TestProblem

GRUB_MODULES = "multiboot2 iso9660 serial terminal normal configfile gzio echo nativedisk ahci"
KEPT_ISOS = 24
LARGE = 8 << 20
GRUB_CFG = """set timeout=0
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
echo "GRUB: loading"
{driver}
multiboot2 /hypervisor {options}
{modules}
boot
"""


def concatenate(parts, path):
    """An initrd out of several archives (the kernel unpacks them one after the other)."""
    with open(path, "wb") as out:
        for part in parts:
            with open(part, "rb") as handle:
                shutil.copyfileobj(handle, out)


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def make_iso(path, hypervisor, options, modules):
    """Write an ISO that boots the hypervisor; modules are (file, command line) in order."""
    with tempfile.TemporaryDirectory(prefix="lodge-iso-") as tree:
        grub = os.path.join(tree, "boot", "grub")
        os.makedirs(grub)
        _link(os.path.realpath(hypervisor), os.path.join(tree, "hypervisor"))
        lines, size = [], 0
        for number, (source, command) in enumerate(modules, 1):
            name = f"module{number}"
            size += os.path.getsize(source)
            _link(os.path.realpath(source), os.path.join(tree, name))
            lines.append(f"module2 --nounzip /{name} {command}".rstrip())
        config = GRUB_CFG.format(driver="nativedisk ahci" if size > LARGE else "",
                                 options=_quote(options), modules=_quote("\n".join(lines)))
        with open(os.path.join(grub, "grub.cfg"), "w", encoding="utf-8") as handle:
            handle.write(config)
        command = ["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--locales=", "--fonts=",
                   "--themes=", f"--install-modules={GRUB_MODULES}", "-o", path, tree]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, timeout=120)
        except FileNotFoundError as missing:
            raise TestProblem(ERROR, "grub-mkrescue is missing: run `make deps`") from missing
        if done.returncode != 0:
            raise TestProblem(ERROR, f"grub-mkrescue failed: {done.stdout[-400:]}")


def _quote(text):
    """GRUB's shell splits at these; dollar signs and semicolons must reach the command line."""
    return "".join("\\" + char if char in ";$&|<>'\"{}" else char for char in text)


def cached_iso(cache, hypervisor, options, modules):
    """Like make_iso, but an ISO of the same content is made only once."""
    digest = hashlib.sha256((GRUB_MODULES + GRUB_CFG + options).encode())
    for source, command in [(hypervisor, "")] + list(modules):
        with open(source, "rb") as handle:
            digest.update(hashlib.sha256(handle.read()).digest())
        digest.update(command.encode() + b"\0")
    os.makedirs(cache, exist_ok=True)
    path = os.path.join(cache, digest.hexdigest()[:24] + ".iso")
    with contextlib.suppress(FileNotFoundError):
        os.utime(path)
        return path
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}"
    make_iso(temporary, hypervisor, options, modules)
    os.replace(temporary, path)
    _prune(cache)
    return path


def _prune(cache):
    """Keep the ISOs used last: each is as large as a kernel, and every new build makes more."""
    isos = glob.glob(os.path.join(cache, "*.iso"))
    with contextlib.suppress(FileNotFoundError):  # another one prunes as well
        for path in sorted(isos, key=os.path.getmtime)[:-KEPT_ISOS]:
            os.unlink(path)
