# SPDX-License-Identifier: GPL-2.0-only
"""Make the initramfs archives that dom0 and a stock-kernel guest boot from.

dom0's initrd is a row of archives, so that each part is made once and only the last one differs
from run to run:
    base.cpio    busybox, the kernel's Xen modules, /init
    lodge.cpio   our tools with the shared libraries they need, as listed in the manifest, and
                 their manual
    xen.cpio     Debian's Xen tools instead of ours, for comparison
    guest.cpio   a guest's kernel, initrd and config, under /guest
    debian.cpio  the initrd and configs of guests with a disk, what serves their network, and the
                 GRUB by which they boot from the disk
"""

import argparse
import glob
import lzma
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cpio import Archive  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUSYBOX = "/bin/busybox"
LIBRARIES = "lib/x86_64-linux-gnu"
DOM0_MODULES = ("xenfs", "xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc")
# Back-ends of the kernel's, what they and ours stand on, the packet filter, and QEMU's disks.
DOM0_ON_DEMAND = ("xen-blkback", "xen-netback", "loop", "bridge", "tun",
                  "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct",
                  "crc32c_generic", "crc32c_intel", "virtio_pci", "virtio_blk")
DOM0_WHERE_THERE = ("dm-mod",)  # not every kernel has it
GUEST_MODULES = ("xen-blkfront", "xen-netfront")
DISK_MODULES = ("xen-blkfront", "ext4", "crc32c_generic", "crc32c_intel")
DNSMASQ = "/usr/sbin/dnsmasq"
GRUB = "/usr/lib/grub-xen/grub-x86_64-xen.bin"
DIRECTORIES = ("proc", "sys", "dev", "run", "tmp", "etc", "root", "var/log", "var/lib", "mnt")


class ImageError(Exception):
    """Carries the whole message for the person at the terminal."""


def shared_libraries(program, search=()):
    """The files that the dynamic loader maps for a program; none for a script or static one."""
    with open(program, "rb") as handle:
        if handle.read(4) != b"\x7fELF":
            return []
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(search), LC_ALL="C")
    done = subprocess.run(["ldd", program], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    libraries = []
    for line in done.stdout.splitlines():
        if "not found" in line:
            raise ImageError(f"{program}: shared library {line.split()[0]} was not found")
        words = [word for word in line.split() if word.startswith("/")]
        libraries += words[:1]
    return libraries


def _loaded(content):
    """What is loaded of an ELF file: address, and sizes in the file and in memory, of each part."""
    start, = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    headers = (struct.unpack_from("<IIQQQQQQ", content, start + size * n) for n in range(count))
    return [(address, filesz, memsz) for kind, _, _, address, _, filesz, memsz, _ in headers
            if kind == 1]


def _without_debugging(path):
    """An ELF file's content without what only a debugger wants: GRUB reads an image slowly. Where
    strip takes more than that, as from a loader that was put together by hand, it stays whole."""
    with open(path, "rb") as handle:
        content = handle.read()
    if content[:4] != b"\x7fELF":
        return content
    with tempfile.TemporaryDirectory(prefix="lodge-strip-") as directory:
        stripped = os.path.join(directory, "stripped")
        subprocess.run(["strip", "--strip-unneeded", "-o", stripped, path], check=True)
        with open(stripped, "rb") as handle:
            smaller = handle.read()
    return smaller if _loaded(smaller) == _loaded(content) else content


def add_program(archive, target, source, search=(), whole=False):
    """A program with its loader and libraries, at the places where the loader looks. whole: as it
    is, with its symbols."""
    if whole:
        archive.file(target, source)
    else:
        archive.data(target, _without_debugging(source), 0o755)
    for library in shared_libraries(source, search):
        name = os.path.basename(library)
        where = "lib64" if name.startswith("ld-linux") else LIBRARIES
        if f"{where}/{name}" not in archive.entries:
            archive.data(f"{where}/{name}", _without_debugging(library), 0o755)


def add_busybox(archive):
    if not os.path.exists(BUSYBOX):
        raise ImageError(f"{BUSYBOX} is missing: install the package busybox-static")
    archive.file("bin/busybox", BUSYBOX, 0o755)
    applets = subprocess.run([BUSYBOX, "--list-full"], stdout=subprocess.PIPE, text=True,
                             check=True).stdout.split()
    for applet in applets:
        if os.path.basename(applet) != "busybox":
            archive.symlink(applet, "/bin/busybox")


def _module(path):
    """A module's content; newer kernels of Debian's have them compressed."""
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as handle:
        return handle.read()


def _modinfo(path, key):
    """The values of a key in a .ko's own .modinfo, which is a row of key=value strings."""
    content = _module(path)
    values, mark = [], b"\0" + key.encode() + b"="
    start = content.find(mark)
    while start >= 0:
        end = content.index(b"\0", start + 1)
        values.append(content[start + len(mark):end].decode())
        start = content.find(mark, end)
    return values


def _depends(path):
    """The modules that it needs, hyphens and underscores as they come."""
    return [name for value in _modinfo(path, "depends") for name in value.split(",") if name]


def release_of(kernel):
    """What the kernel calls itself, and the folder of its modules."""
    with open(os.path.join(kernel, "release"), encoding="utf-8") as handle:
        return handle.read().strip()


def _module_files(kernel):
    """Where each module of the kernel's is."""
    return {os.path.basename(path).split(".ko")[0].replace("-", "_"): path
            for top in ("lib", "usr/lib")
            for path in glob.glob(os.path.join(kernel, top, "modules/*/kernel/**/*.ko*"),
                                  recursive=True)}


def module_closure(kernel, wanted):
    """(name, path, dependencies) of each module and all it needs, dependencies first. What the
    kernel has built in needs no module."""
    places, inside = _module_files(kernel), set()
    for place in ("lib/modules/*", "usr/lib/modules/*", ""):
        for path in glob.glob(os.path.join(kernel, place, "modules.builtin")):
            with open(path, encoding="utf-8") as handle:
                inside |= {os.path.basename(line.strip())[:-3].replace("-", "_") for line in handle}
    ordered = {}

    def visit(name):
        key = name.replace("-", "_")
        if key in ordered or (key in inside and key not in places):
            return
        if key not in places:
            raise ImageError(f"kernel module {name} is not in {kernel}")
        needs = [need.replace("-", "_") for need in _depends(places[key])]
        for need in needs:
            visit(need)
        needs = [need for need in needs if need in places]
        ordered[key] = (places[key], needs)

    for name in wanted:
        visit(name)
    return [(name, path, needs) for name, (path, needs) in ordered.items()]


def _place(path):
    """Where a module of an unpacked package goes: below /lib, and not compressed."""
    return path[path.rindex("lib/modules/"):].removesuffix(".xz")


def add_modules(archive, kernel, wanted):
    """Copy modules and write modules.dep and modules.alias for modprobe, which also the kernel
    calls for what it lacks (depmod(8) is not needed)."""
    closure = module_closure(kernel, wanted)
    inside = {name: _place(path) for name, path, _ in closure}
    table = {name: needs for name, _, needs in closure}

    def all_needs(name):
        """What it needs comes behind it: modprobe loads a line from its end."""
        found = []
        for need in table[name]:
            found += [need] + all_needs(need)
        return list(dict.fromkeys(reversed(found)))[::-1]

    top = f"lib/modules/{release_of(kernel)}"
    lines = []
    for name, path, _ in closure:
        archive.data(inside[name], _module(path), 0o644)
        needs = " ".join(os.path.relpath(inside[need], top) for need in all_needs(name))
        lines.append(f"{os.path.relpath(inside[name], top)}: {needs}".rstrip())
    archive.data(f"{top}/modules.dep", "".join(line + "\n" for line in lines).encode())
    # For modprobe, which shall not complain of what need not be loaded.
    archive.data(f"{top}/modules.builtin", "".join(
        f"kernel/{name}.ko\n" for name in wanted if name.replace("-", "_") not in inside).encode())
    # modprobe compares with underscores, whatever it was asked for.
    aliases = [f"alias {alias.replace('-', '_')} {name}\n" for name, path, _ in closure
               for alias in _modinfo(path, "alias")]
    archive.data(f"{top}/modules.alias", "".join(aliases).encode())


def _skeleton(init):
    archive = Archive()
    for name in DIRECTORIES:
        archive.directory(name)
    archive.device("dev/console", "c", 5, 1)
    archive.device("dev/null", "c", 1, 3, 0o666)
    archive.file("init", os.path.join(HERE, init), 0o755)
    archive.data("etc/passwd", b"root::0:0:root:/root:/bin/sh\n")
    archive.data("etc/group", b"root:x:0:\n")
    add_busybox(archive)
    return archive


def make_base(kernel, out):
    archive = _skeleton("dom0-init")
    there = _module_files(kernel)
    add_modules(archive, kernel, DOM0_MODULES + DOM0_ON_DEMAND + tuple(
        name for name in DOM0_WHERE_THERE if name.replace("-", "_") in there))
    archive.data("etc/xen/xl.conf", b"")
    archive.file("etc/profile", os.path.join(HERE, "profile"), 0o644)
    archive.file("lib/lodge/guest-lib.sh", os.path.join(HERE, "guest-lib.sh"), 0o644)
    archive.data("etc/modules", "".join(name + "\n" for name in DOM0_MODULES).encode())
    archive.write(os.path.join(out, "base.cpio"))


def make_initrd(kernel, modules, init, path):
    """A guest's initrd."""
    archive = _skeleton(init)
    add_modules(archive, kernel, modules)
    archive.write(path)


def _with_initrd(kernel, modules, init, name, out):
    """An archive for dom0 that has a guest's initrd as /guest/NAME."""
    path = os.path.join(out, init.replace("-init", "-initrd") + ".cpio")
    make_initrd(kernel, modules, init, path)
    archive = Archive()
    archive.file("guest/" + name, path, 0o644)
    return archive


def make_guest(kernel, out):
    archive = _with_initrd(kernel, GUEST_MODULES, "guest-init", "initrd", out)
    archive.file("guest/vmlinuz", os.path.join(kernel, "vmlinuz"), 0o644)
    archive.file("guest/release", os.path.join(kernel, "release"), 0o644)
    archive.file("guest/guest.cfg", os.path.join(HERE, "guest.cfg"), 0o644)
    archive.write(os.path.join(out, "guest.cpio"))


def make_debian(kernel, out):
    archive = _with_initrd(kernel, DISK_MODULES, "disk-init", "disk-initrd", out)
    for name in ("debian.cfg", "debian2.cfg"):
        archive.file("guest/" + name, os.path.join(HERE, name), 0o644)
    if not os.path.exists(DNSMASQ):
        raise ImageError(f"{DNSMASQ} is missing: install the package dnsmasq-base")
    add_program(archive, DNSMASQ, DNSMASQ)
    if not os.path.exists(GRUB):
        raise ImageError(f"{GRUB} is missing: install the package grub-xen-host")
    archive.file(GRUB[1:], GRUB, 0o644)
    archive.write(os.path.join(out, "debian.cpio"))


def add_manuals(archive, root):
    """The manual's pages as text, with what shows them, and the completion for bash."""
    tools = os.path.join(root, "dom0-tools")
    for page in sorted(glob.glob(os.path.join(tools, "man", "*.[0-9]"))):
        try:
            done = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-rLL=78n", page],
                                  stdout=subprocess.PIPE, check=True)
        except FileNotFoundError as missing:
            raise ImageError("groff is missing: install the package groff-base") from missing
        archive.data(f"usr/share/man/{os.path.basename(page)}.txt", done.stdout)
    archive.file("usr/bin/man", os.path.join(HERE, "man"), 0o755)
    archive.file("usr/share/bash-completion/completions/lodge",
                 os.path.join(tools, "completion", "lodge"), 0o644)


def make_listed(manifest, root, search, out, manuals=False):
    """An archive from a manifest: "source-glob target" a line; what was not built is left out."""
    archive = Archive()
    if manuals:
        add_manuals(archive, root)
    for line in open(manifest, encoding="utf-8"):
        words = line.split("#")[0].split()
        if not words:
            continue
        pattern, target = words
        sources = sorted(glob.glob(os.path.join(root, pattern)))
        for source in sources:
            place = target + os.path.basename(source) if target.endswith("/") else target
            link = os.readlink(source) if os.path.islink(source) else ""
            if link and os.path.join(os.path.dirname(source), link) in sources:
                archive.symlink(place, link)  # another name of a program in here
            elif os.path.isfile(source):
                add_program(archive, place, source, search)
    archive.write(out)


def library_folders(root, pattern):
    """Where the loader shall look before the system's own folders."""
    found = glob.glob(os.path.join(os.path.abspath(root), pattern), recursive=True)
    return sorted({os.path.dirname(path) for path in found})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", help="the unpacked kernel package: make base and guest")
    parser.add_argument("--root", help="top of the source tree: make the archive of our tools")
    parser.add_argument("--xen", help="Debian's unpacked Xen: make the archive of its tools")
    parser.add_argument("--out", required=True, help="where the archives are written")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    try:
        if args.kernel:
            make_base(args.kernel, args.out)
            make_guest(args.kernel, args.out)
            make_debian(args.kernel, args.out)
        if args.root:
            make_listed(os.path.join(HERE, "manifest"), args.root,
                        library_folders(args.root, "build/*/*.so*"),
                        os.path.join(args.out, "lodge.cpio"), manuals=True)
        if args.xen:
            make_listed(os.path.join(HERE, "manifest.xen"), args.xen,
                        library_folders(args.xen, "usr/lib/**/*.so*"),
                        os.path.join(args.out, "xen.cpio"))
    except (ImageError, OSError) as error:
        print(f"mkimage.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
