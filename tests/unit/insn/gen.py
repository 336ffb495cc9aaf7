# SPDX-License-Identifier: GPL-2.0-only
"""Has the assembler make instructions in all three modes; writes down their bytes and meaning.

A line of the result: mode (bytes of an address), kind, operand size, address size, repeated,
segment, reg, rm, offset of the memory operand, bytes. What is not known or of no meaning is "-".
"""

import re
import subprocess
import sys

HEADER, OUT = sys.argv[1:3]
MODES = {2: ".code16", 4: ".code32", 8: ".code64"}
R16 = "ax cx dx bx sp bp si di".split()
R32 = ["e" + r for r in R16] + [f"r{i}d" for i in range(8, 16)]
R64 = ["r" + r for r in R16] + [f"r{i}" for i in range(8, 16)]
SEGMENTS = "es cs ss ds fs gs".split()
# The program that reads this gives register n the same value.
VALUES = [(0x1122334455667788 * (n + 3)) & (2**64 - 1) for n in range(16)]
RIP = 0x7fff12345678

PLAIN = {"cli": "CLI", "sti": "STI", "hlt": "HLT", "pause": "PAUSE", ".byte 0xf1": "ICEBP",
         "clts": "CLTS", "invd": "INVD", "wbinvd": "WBINVD", "cpuid": "CPUID", "rdmsr": "RDMSR",
         "wrmsr": "WRMSR", "rdtsc": "RDTSC", "rdpmc": "RDPMC", "rsm": "RSM", "vmcall": "VMCALL",
         "monitor": "MONITOR", "mwait": "MWAIT", "xgetbv": "XGETBV", "xsetbv": "XSETBV",
         "vmrun": "VMRUN", "vmmcall": "VMMCALL", "vmload": "VMLOAD", "vmsave": "VMSAVE",
         "stgi": "STGI", "clgi": "CLGI", "skinit": "SKINIT", "invlpga": "INVLPGA",
         "rdtscp": "RDTSCP"}
MEMORY = {"sldt": "SLDT", "str": "STR", "lldt": "LLDT", "ltr": "LTR", "smsw": "SMSW",
          "lmsw": "LMSW", "sgdt": "SGDT", "sidt": "SIDT", "lgdt": "LGDT", "lidt": "LIDT",
          "invlpg": "INVLPG"}
REGISTER = ("sldt", "str", "lldt", "ltr", "smsw", "lmsw")


def operands(mode):
    """Memory operands: (text, address size, offset from rip or None, default segment)."""
    def of(names, size, full):
        mask = (1 << (8 * size)) - 1
        scales = (1, 2, 4, 8) if full else (1,)
        for n, name in enumerate(names):
            stack = "ss" if n in (4, 5) else "ds"
            for disp in (0, 8, -0x80, 0x1234, -0x12345):
                yield f"[{name}{disp:+d}]", size, (VALUES[n] + disp) & mask, stack
            for index in range(0, len(names), 3):
                if index == 4 or not full:
                    continue
                scale = scales[(n + index) % 4]
                where = VALUES[n] + VALUES[index] * scale + 0x44
                yield f"[{name}+{names[index]}*{scale}+0x44]", size, where & mask, stack
        for index in range(0, len(names), 5):
            yield f"[{names[index]}*8+0x1000]", size, (VALUES[index] * 8 + 0x1000) & mask, "ds"

    if mode == 8:
        yield from of(R64, 8, True)
        yield from of(R32, 4, True)
        yield "[rip+0x1000]", 8, "rip", "ds"
        yield "[eip+0x1000]", 4, "rip", "ds"
        yield "ds:0x12345678", 8, 0x12345678, "ds"
        return
    yield from of(R32[:8], 4, True)
    bx, bp, si, di = VALUES[3], VALUES[5], VALUES[6], VALUES[7]
    for text, base, segment in (("bx+si", bx + si, "ds"), ("bx+di", bx + di, "ds"),
                                ("bp+si", bp + si, "ss"), ("bp+di", bp + di, "ss"),
                                ("si", si, "ds"), ("di", di, "ds"), ("bp", bp, "ss"),
                                ("bx", bx, "ds")):
        for disp in (0, 5, -5, 0x300, -0x300):
            yield f"[{text}{disp:+d}]", 2, (base + disp) & 0xffff, segment
    yield "ds:0x1234", mode, 0x1234, "ds"


def wide(mode, prefixes, rex_w=False):
    if rex_w:
        return 8
    return 2 if (mode == 2) != ("0x66" in prefixes) else 4


def other(mode):
    return {2: 4, 4: 2, 8: 4}[mode]


def cases(mode):
    """(text, kind, fields by name), of all that is to be found."""
    prefixed = ("", ".byte 0x66; ", ".byte 0x67; ", ".byte 0x2e, 0x66, 0x3e; ", ".byte 0xf2; ",
                ".byte 0x66, 0x67, 0x66, 0x67, 0x36, 0x26; ")
    for text, kind in PLAIN.items():
        for prefix in prefixed:
            if kind == "PAUSE" and "0xf2" in prefix:
                continue
            fields = {"rep": int("0xf2" in prefix or kind == "PAUSE")}
            fields["address"] = other(mode) if "0x67" in prefix else mode
            yield prefix + text, kind, fields
        if mode == 8 and kind != "PAUSE":
            yield ".byte 0x66, 0x48; " + text, kind, {"operand": 8}
            # A prefix behind it: REX counts no more.
            yield ".byte 0x48, 0x66; " + text, kind, {"operand": 2}
    for size, reg in ((1, "al"), (2, "ax"), (4, "eax")):
        yield f"in {reg}, 0x61", "IN", {"operand": size}
        yield f"in {reg}, dx", "IN", {"operand": size}
        yield f"out 0x80, {reg}", "OUT", {"operand": size}
        yield f"out dx, {reg}", "OUT", {"operand": size}
        letter = {1: "b", 2: "w", 4: "d"}[size]
        for rep in ("", "rep "):
            yield f"{rep}ins{letter}", "INS", {"operand": size, "rep": int(rep != ""),
                                               "address": mode}
            yield f"{rep}outs{letter}", "OUTS", {"operand": size, "rep": int(rep != "")}
    for n, name in enumerate(SEGMENTS):
        byte = (0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65)[n]
        seen = name if mode != 8 or n >= 4 else "-"
        yield f".byte {byte}; rep outsb", "OUTS", {"segment": seen, "rep": 1}
        yield f".byte 0x67, {byte}; outsd", "OUTS", {"segment": seen, "address": other(mode),
                                                     "operand": 4}
        yield f".byte 0x64, {byte}; outsw", "OUTS", {"segment": seen if seen != "-" else "fs"}
    if mode == 8:
        yield "rex.W insd", "INS", {"operand": 4}
    yield from moves(mode)
    yield from memory(mode)


def moves(mode):
    registers = R64 if mode == 8 else R32[:8]
    size = 8 if mode == 8 else 4
    for cr in (0, 2, 3, 4) + ((8,) if mode == 8 else ()):
        for n, reg in enumerate(registers):
            yield f"mov {reg}, cr{cr}", "MOV_FROM_CR", {"reg": cr, "rm": n, "operand": size}
            yield f"mov cr{cr}, {reg}", "MOV_TO_CR", {"reg": cr, "rm": n, "operand": size}
    for dr in (0, 3, 6, 7):
        for n, reg in enumerate(registers):
            yield f"mov {reg}, dr{dr}", "MOV_FROM_DR", {"reg": dr, "rm": n, "operand": size}
            yield f"mov dr{dr}, {reg}", "MOV_TO_DR", {"reg": dr, "rm": n, "operand": size}
    # ModRM's form says nothing here; LOCK makes CR8 of CR0.
    yield ".byte 0x0f, 0x22, 0x05", "MOV_TO_CR", {"reg": 0, "rm": 5}
    yield ".byte 0xf0, 0x0f, 0x20, 0xc3", "MOV_FROM_CR", {"reg": 8, "rm": 3}


def memory(mode):
    for name, kind in MEMORY.items():
        for text, size, offset, segment in operands(mode):
            fields = {"address": size, "offset": offset, "segment": segment}
            yield f"{name} {text}", kind, fields
            if offset != "rip":
                yield f".byte 0x65; {name} {text}", kind, {**fields, "segment": "gs"}
    for name in REGISTER:
        for n, reg in enumerate((R16 + [f"r{i}w" for i in range(8, 16)])[:16 if mode == 8 else 8]):
            yield f"{name} {reg}", MEMORY[name], {"rm": n}


def assemble(mode):
    """[(kind, fields, bytes)]: labels around each say where it begins and ends."""
    rows = list(cases(mode))
    lines = [".intel_syntax noprefix", MODES[mode]]
    for number, (text, _, _) in enumerate(rows):
        lines.append(f"L{number}: {text}")
    lines.append(f"L{len(rows)}:")
    path = f"{OUT}/mode{mode}"
    with open(path + ".s", "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    subprocess.run(["as", "--64", "-o", path + ".o", path + ".s"], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", path + ".o", path + ".bin"],
                   check=True)
    found = subprocess.run(["nm", path + ".o"], check=True, stdout=subprocess.PIPE, text=True)
    at = {}
    for line in found.stdout.splitlines():
        where, _, name = line.split()
        at[name] = int(where, 16)
    with open(path + ".bin", "rb") as binary:
        code = binary.read()
    for number, (text, kind, fields) in enumerate(rows):
        yield kind, fields, code[at[f"L{number}"]:at[f"L{number + 1}"]], text


def kinds():
    with open(HEADER, encoding="ascii") as header:
        body = re.search(r"enum insn_kind \{(.*?)\};", header.read(), re.DOTALL).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return {name: n for n, name in enumerate(re.findall(r"INSN_(\w+)", body))}


def main():
    number = kinds()
    with open(OUT + "/cases.txt", "w", encoding="ascii") as out:
        for mode in MODES:
            for kind, fields, code, text in assemble(mode):
                segment = fields.get("segment", "-")
                offset = fields.get("offset", "-")
                if offset == "rip":
                    # The assembler leaves the displacement to the linker or writes it as it is.
                    disp = int.from_bytes(code[-4:], "little", signed=True)
                    offset = (RIP + len(code) + disp) & (2**(8 * fields["address"]) - 1)
                row = [mode, number[kind]]
                row += [fields.get(name, "-") for name in ("operand", "address", "rep")]
                row += [SEGMENTS.index(segment) if segment != "-" else "-"]
                row += [fields.get(name, "-") for name in ("reg", "rm")]
                row += [offset, code.hex(), text.replace(" ", "_")]
                print(*row, file=out)


main()
