# SPDX-License-Identifier: GPL-2.0-only
"""Inputs to start from: one correct example for each reader."""

import os
import struct
import sys


def note(kind, desc):
    return struct.pack("<III", 4, len(desc), kind) + b"Xen\0" + desc + b"\0" * (-len(desc) % 4)


def elf():
    virt = 0xffffffff80000000
    notes = note(6, b"linux\0") + b"".join(
        note(kind, struct.pack("<Q", value)) for kind, value in
        ((3, virt), (1, virt + 0x1000000), (2, virt + 0x1001000), (15, 1 << 39), (16, 1),
         (17, 1 << 11)))
    head = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0x1000000, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, virt + 0x1000000, 0x1000000, 0x100, 0x3000, 4096)
    notes_at = struct.pack("<IIQQQQQQ", 4, 4, 0x200, 0, 0, len(notes), len(notes), 4)
    return (head + load + notes_at).ljust(0x200, b"\0") + notes


def tag(kind, body):
    body = struct.pack("<II", kind, 8 + len(body)) + body
    return body + b"\0" * (-len(body) % 8)


def multiboot2():
    entries = b"".join(struct.pack("<QQII", *e) for e in
                       ((0, 0x9fc00, 1, 0), (0x100000, 0x3fe00000, 1, 0), (0xf0000, 0x10000, 2, 0)))
    body = (tag(1, b"console=com1\0") + tag(2, b"GRUB 2\0")
            + tag(3, struct.pack("<II", 0x400000, 0x800000) + b"kernel\0")
            + tag(6, struct.pack("<II", 24, 0) + entries) + tag(15, b"RSD PTR ".ljust(36, b"\0"))
            + tag(0, b""))
    return struct.pack("<II", 8 + len(body), 0) + body


def table(name, body):
    return name + struct.pack("<I", 36 + len(body)) + b"\1\0" + b"OEM".ljust(26, b"\0") + body


def acpi():
    madt = struct.pack("<II", 0xfee00000, 1) + b"".join((
        struct.pack("<BBBBI", 0, 8, 0, 0, 1), struct.pack("<BBBBI", 0, 8, 1, 1, 1),
        struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0),
        struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 13),
        struct.pack("<BBHQ", 5, 12, 0, 0xfee00000), struct.pack("<BBHIII", 9, 16, 0, 300, 1, 2)))
    memory = bytearray(1536)
    memory[0:36] = b"RSD PTR \0OEM   \2" + struct.pack("<IIQI", 64, 36, 64, 0)
    xsdt = table(b"XSDT", struct.pack("<QQQQ", 256, 512, 768, 1024))
    memory[64:64 + len(xsdt)] = xsdt
    for at, name, body in ((256, b"APIC", madt), (512, b"FACP", bytes(range(208))),
                           (768, b"HPET", bytes(20)), (1024, b"MCFG", bytes(8 + 16 * 6))):
        one = table(name, body)
        memory[at:at + len(one)] = one
    return bytes(memory)


def main():
    options = b"console=com2,9600 dom0_mem=512M,max:1G loglvl=all/none no-smap maxcpus=3 mem=4G foo"
    for number, (name, data) in enumerate((("elf", elf()), ("cmdline", options),
                                           ("multiboot2", multiboot2()), ("acpi", acpi()))):
        with open(os.path.join(sys.argv[1], name), "wb") as seed:
            seed.write(bytes([number]) + data)


main()
