# SPDX-License-Identifier: GPL-2.0-only
"""Which function is at an address: the list that the plugin where.c reads.

A kernel's functions come from its System.map or its ELF file or, where there is neither, as with
Debian's, from what the running kernel says in /proc/kallsyms; the hypervisor's from its ELF file,
and in Xen's case from the one that Debian has for debuggers. Without that file all of Xen is one
function.
"""

import struct

PROGRAM = "program"
HYPERVISOR_START = 0xFFFF800000000000
KERNEL_START = 0xFFFF880000000000
MODULES_START = 0xFFFFFFFFC0000000
LODGE_STUBS = 0xFFFF810040000000  # hypervisor/x86/layout.h: copies of entry_stub
SHT_SYMTAB = 2
SHF_EXECINSTR = 4
EXCEPTIONS = {0: "divide_error", 1: "debug", 2: "nmi", 3: "breakpoint", 6: "invalid_opcode",
              7: "device_not_available", 13: "general_protection", 14: "page_fault"}


def has_sections(path):
    """Does an ELF file have what is not loaded, such as symbols? What was unpacked has nothing."""
    with open(path, "rb") as file:
        return struct.unpack_from("<H", file.read(64), 60)[0] > 0


def elf_functions(content):
    """(address, name) of all symbols in executable sections of a 64-bit ELF file, unsorted."""
    if content[:5] != b"\x7fELF\x02":
        return []
    start, = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    # Of each section: type, flags, place, length, link
    sections = [struct.unpack_from("<4xIQ8xQQI", content, start + size * n) for n in range(count)]
    code = {number for number, section in enumerate(sections) if section[1] & SHF_EXECINSTR}
    found = []
    for kind, _, place, length, link in sections:
        if kind != SHT_SYMTAB:
            continue
        names = sections[link][2]
        for at in range(place, place + length, 24):
            name, _, _, section, address = struct.unpack_from("<IBBHQ", content, at)
            if section in code and name:
                end = content.index(b"\0", names + name)
                found.append((address, content[names + name:end].decode()))
    return found


def kallsyms_functions(text):
    """The same from lines "SYMBOL address name", which membench prints."""
    words = (line.split() for line in text.splitlines() if line.startswith("SYMBOL "))
    return [(int(line[1], 16), line[2]) for line in words if len(line) == 3]


def map_functions(text):
    """The same from a kernel's System.map."""
    words = (line.split() for line in text.splitlines())
    return [(int(line[0], 16), line[2]) for line in words if len(line) == 3 and line[1] in "tTwW"]


def _better(name):
    """Of several names for one address the one that people know: not the compiler's, nor that of
    another calling convention or of a section's border."""
    return (name.startswith(("__pfx_", "__cfi_", ".", "$")), "ia32" in name,
            name.endswith(("_start", "_begin", "_end")),
            name.startswith("_"), len(name), name)


def one_name_each(functions):
    """Sorted by address, with one name for each."""
    best = {}
    for address, name in functions:
        if address not in best or _better(name) < _better(best[address]):
            best[address] = name
    return sorted(best.items())


def lodge_functions(content):
    """Lodge's, with a name for each vector's entry and for the copies of the SYSCALL entry."""
    functions = one_name_each(elf_functions(content))
    vectors = dict((name, address) for address, name in functions).get("entry_vectors")
    if vectors:
        functions += [(vectors + 16 * number,
                       "entry_" + EXCEPTIONS.get(number, f"vector_{number}"))
                      for number in range(256)]
    return [(address, "lodge:" + name)
            for address, name in dict(functions + [(LODGE_STUBS, "entry_stub")]).items()]


def xen_functions(content):
    """Xen's; behind its image are the copies of its SYSCALL entry."""
    functions = one_name_each(elf_functions(content))
    last = max(address for address, _ in functions)
    return [(address, "xen:" + name) for address, name in functions + [(last + 4096, "stub")]]


def write_list(path, kernel, hypervisor=()):
    """The plugin's file: kernel and hypervisor are lists of (address, name)."""
    everything = [(0, PROGRAM), (HYPERVISOR_START, "hypervisor"), (KERNEL_START, "kernel"),
                  (MODULES_START, "module")]
    # What is between a list's last function and the next list is nobody's in particular.
    everything += [(address, name) for address, name in one_name_each(kernel)
                   if KERNEL_START <= address < MODULES_START]
    everything += [(address, name) for address, name in hypervisor
                   if HYPERVISOR_START <= address < KERNEL_START]
    with open(path, "w", encoding="ascii") as file:
        for address, name in sorted(everything):
            file.write(f"{address:x} {name}\n")
