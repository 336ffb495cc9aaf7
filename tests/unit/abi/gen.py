#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write a C program that prints everything our public headers define.

The program is compiled twice, against include/public/ and against Debian's libxen-dev, and has to
print the same text both times. The list of what to print is taken from our headers, so a new
structure, field or constant is covered the moment it is written; a name that the reference does not
know is an error of the second compilation. `gen.py --missing` looks the other way: operation
numbers that the reference has and we do not. `gen.py --own` looks at the headers of extensions.
"""
import re
import subprocess
import sys
from pathlib import Path

# Macros that are no values: empty, or aliases of a type or a field.
NOT_A_VALUE = {"XEN_FLEX_ARRAY_DIM", "xen_wc_sec_hi", "xen_vga_console_info",
               "xen_vga_console_info_t", "xenpf_settime"}

# Function-like macros, and the calls by which they are compared.
CALLS = {
    "xen_mk_uint": ["xen_mk_uint(7)"],
    "xen_mk_ulong": ["xen_mk_ulong(7)"],
    "xen_mk_ullong": ["xen_mk_ullong(7)"],
    "xen_pfn_to_cr3": ["xen_pfn_to_cr3(0x12345)", "xen_pfn_to_cr3(0xffffffffffffful)"],
    "xen_cr3_to_pfn": ["xen_cr3_to_pfn(0x12345678)"],
    "XENMEMF_address_bits": ["XENMEMF_address_bits(31u)"],
    "XENMEMF_get_address_bits": ["XENMEMF_get_address_bits(0x1ff21u)"],
    "XENMEMF_node": ["XENMEMF_node(3u)", "XENMEMF_node(~0u)"],
    "XENMEMF_get_node": ["XENMEMF_get_node(XENMEMF_node(5u))", "XENMEMF_get_node(0u)"],
    "XENMEMF_exact_node": ["XENMEMF_exact_node(2u)"],
    "XENMEM_resource_ioreq_server_frame_ioreq": ["XENMEM_resource_ioreq_server_frame_ioreq(3)"],
    "XEN_DOMCTL_GRANT_version": ["XEN_DOMCTL_GRANT_version(0x12)"],
    "XEN_CPUID_LEAF": ["XEN_CPUID_LEAF(4)"],
    "xen_vcpu_physid_to_x86_apicid": ["xen_vcpu_physid_to_x86_apicid(0x500000003ul)"],
    "xen_vcpu_physid_to_x86_acpiid": ["xen_vcpu_physid_to_x86_acpiid(0x500000003ul)"],
    "MASK_XENSTORE_IDX": ["MASK_XENSTORE_IDX(5000u)"],
    "MASK_XENCONS_IDX": ["MASK_XENCONS_IDX(5000u, ((struct xencons_interface *)0)->out)"],
    "TI_GET_DPL": ["TI_GET_DPL(&(struct trap_info){.flags = 7})"],
    "TI_GET_IF": ["TI_GET_IF(&(struct trap_info){.flags = 7})"],
    "TI_SET_DPL": ["TI_SET_DPL(&(struct trap_info){.flags = 0}, 3)"],
    "TI_SET_IF": ["TI_SET_IF(&(struct trap_info){.flags = 0}, 9)"],
    "XEN_GUEST_HANDLE": ["sizeof(XEN_GUEST_HANDLE(xen_pfn_t))"],
    "XEN_GUEST_HANDLE_64": ["sizeof(XEN_GUEST_HANDLE_64(uint8))"],
    "XEN_GUEST_HANDLE_PARAM": ["sizeof(XEN_GUEST_HANDLE_PARAM(const_void))"],
}
# Function-like macros that only build others, are statements, or are lists of our own.
NOT_CALLED = {"__xen_mk_uint", "__xen_mk_ulong", "__xen_mk_ullong", "__DEFINE_XEN_GUEST_HANDLE",
              "DEFINE_XEN_GUEST_HANDLE", "__XEN_GUEST_HANDLE", "set_xen_guest_handle_raw",
              "set_xen_guest_handle", "XEN_ERRNO_LIST", "XEN_ERRNO_ENUM", "XSD_ERROR_LIST",
              "DEFINE_RING_TYPES"}

# Ours alone: names for what the reference leaves unnamed, and error numbers that it hides.
OURS_ONLY = {"xen_memory_domain_t", "xen_domctl_createdomain_t", "xen_sysctl_readconsole_t",
             "xen_sysctl_physinfo_t", "XEN_EINTR", "XEN_ERESTART", "struct ring_header"}

# Headers of extensions of our own: the reference has nothing to compare with. Their layouts are
# pinned by their own assertions. No name in them may be one that the ABI could take, and none of
# ours may be in another header (--own).
EXTENSIONS = "lodge*.h"
OWN_NAME = re.compile(r"^(LODGE|lodge|__HYPERVISOR_lodge)_\w+$")

# Families of operation numbers that have to be complete, and what we leave out on purpose.
FAMILIES = re.compile(r"^(__HYPERVISOR_\w+|VIRQ_\w+|DOMID_\w+|VMASST_\w+|MMUEXT_\w+|MMU_\w+"
                      r"|UVMF_\w+"
                      r"|SIF_\w+|EVTCHNOP_\w+|EVTCHNSTAT_\w+|EVTCHN_FIFO_\w+|GNTTABOP_\w+|GNTST_\w+"
                      r"|GNTMAP_\w+|GTF_\w+|SCHEDOP_\w+|SHUTDOWN_\w+|VCPUOP_\w+|RUNSTATE_\w+"
                      r"|CALLBACK\w+|XENNMI_\w+|PHYSDEVOP_\w+|MAP_PIRQ_\w+|XENPF_\w+|XENVER_\w+"
                      r"|XENFEAT_\w+|XEN_ELFNOTE_\w+|XENMEM_[a-z]\w+|XENMEMF_\w+|XENMAPSPACE_\w+"
                      r"|XEN_DOMCTL_[a-z]\w+|XEN_DOMCTL_CDF_\w+|XEN_DOMINF_\w+|XEN_SYSCTL_[a-z]\w+"
                      r"|XEN_SYSCTL_PHYSCAP_\w+|XEN_CPUID_\w+|XENSTORE_\w+|BLKIF_[A-Z]\w+"
                      r"|VDISK_\w+|_?NET[RT]XF_\w+|NETIF_RSP_\w+|_?XEN_NETIF_[A-Z]\w+)$")
LEFT_OUT = re.compile(r"^(GNTTABOP_error_msgs|XEN_DOMCTL_vmtrace_(?!op$)\w+|XEN_SYSCTL_pm_op_\w+"
                      r"|XENMEM_(access|sharing|paging)_op_\w+"
                      r"|__HYPERVISOR_platform_op_compat)$")

REFERENCE = ["xen/xen.h", "xen/errno.h", "xen/version.h", "xen/features.h", "xen/event_channel.h",
             "xen/physdev.h", "xen/memory.h", "xen/grant_table.h", "xen/sched.h", "xen/vcpu.h",
             "xen/callback.h", "xen/nmi.h", "xen/platform.h", "xen/elfnote.h", "xen/domctl.h",
             "xen/sysctl.h", "xen/hvm/save.h", "xen/hvm/hvm_op.h", "xen/hvm/params.h",
             "xen/arch-x86/hvm/start_info.h", "xen/arch-x86/cpuid.h", "xen/arch-x86/xen-mca.h",
             "xen/io/console.h", "xen/io/xs_wire.h", "xen/io/ring.h", "xen/io/xenbus.h",
             "xen/io/blkif.h", "xen/io/netif.h"]

PROLOGUE = """
#include <stdio.h>

static void put_number(const char *name, unsigned long long v, unsigned size, int negative)
{
    printf("%s = %#llx, %u bytes, %s\\n", name, v, size, negative ? "signed" : "unsigned");
}
static void put_string(const char *name, const char *v)
{
    printf("%s = \\"%s\\"\\n", name, v);
}
#define IS_STRING(x) _Generic((x), char *: 1, default: 0)
#define AS_STRING(x) _Generic((x), char *: (x), default: "")
#define AS_NUMBER(x) _Generic((x), char *: 0, default: (x))
#define VALUE(x) (IS_STRING(x) ? put_string(#x, AS_STRING(x)) \\
        : put_number(#x, (unsigned long long)AS_NUMBER(x), sizeof(AS_NUMBER(x)), \\
                     (__typeof__(AS_NUMBER(x)))-1 < (__typeof__(AS_NUMBER(x)))1))
#define TYPE(t) printf("%s: %zu bytes, aligned to %zu\\n", #t, sizeof(t), _Alignof(t))
#define FIELD(t, f) printf("%s.%s: at %zu, %zu bytes\\n", #t, #f, offsetof(t, f), \\
                           sizeof(((t *)0)->f))
#define FLEXIBLE(t, f) printf("%s.%s: at %zu, %zu bytes each\\n", #t, #f, offsetof(t, f), \\
                              sizeof(((t *)0)->f[0]))
#define BITFIELD(t, f) do { \\
        union { t s; unsigned char b[sizeof(t)]; } x = {.b = {0}}; \\
        x.s.f = -1; \\
        printf("%s.%s: bits", #t, #f); \\
        for (size_t i = 0; i < sizeof(t); i++) printf(" %02x", x.b[i]); \\
        printf("\\n"); \\
    } while (0)
"""


def headers(root):
    """Our headers, relative to the include path, without those of extensions of our own."""
    base = Path(root) / "public"
    return sorted(str(p.relative_to(base.parent)) for p in base.rglob("*.h")
                  if not p.match(EXTENSIONS))


def gcc(args, text):
    """Run gcc on a source text, return what it prints."""
    run = subprocess.run(["gcc", "-std=gnu17", *args, "-x", "c", "-"], input=text, text=True,
                         capture_output=True, check=False)
    if run.returncode:
        sys.exit("gen.py: gcc failed:\n" + run.stderr)
    return run.stdout


def includes(names):
    return "".join(f"#include <{n}>\n" for n in names)


def own_macros(root):
    """Macro names defined in our headers: (object-like, function-like)."""
    objects, functions = [], []
    for name in headers(root):
        for m in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\(?)(.*)$",
                             (Path(root) / name).read_text(encoding="utf-8"), re.M):
            if m[1].startswith("LODGE_PUBLIC_"):
                continue
            (functions if m[2] else objects).append(m[1])
    return list(dict.fromkeys(objects)), list(dict.fromkeys(functions))


class Parser:
    """Reads the definitions out of our preprocessed headers."""

    def __init__(self, text):
        self.tokens = re.findall(r'"(?:\\.|[^"\\])*"|\w+|[^\s\w]', text)
        self.pos = 0
        self.out = []
        self.typedefs = []

    def take(self):
        self.pos += 1
        return self.tokens[self.pos - 1]

    def peek(self, ahead=0):
        return self.tokens[self.pos + ahead]

    def skip_group(self, opening, closing):
        depth = 0
        while True:
            token = self.take()
            depth += (token == opening) - (token == closing)
            if depth == 0:
                return

    def body(self, aggregate, prefix, sink):
        """Members between braces; `sink` gets (path, kind)."""
        assert self.take() == "{"
        while self.peek() != "}":
            self.member(aggregate, prefix, sink)
        self.take()

    def member(self, aggregate, prefix, sink):
        if self.peek() in ("struct", "union"):
            end = self.pos + 1
            tag = None
            if self.tokens[end] != "{":
                tag = self.tokens[end]
                end += 1
            if self.tokens[end] == "{":
                keyword = self.peek()
                self.pos = end
                inner = []
                self.body(aggregate, "", inner)
                if tag:
                    name = f"{keyword} {tag}"
                    self.out += [("TYPE", name)] + [(k, name, p) for p, k in inner]
                names = self.declarators()
                if not names:
                    sink += [(prefix + p, k) for p, k in inner]
                for name, kind in names:
                    sink.append((prefix + name, kind))
                    sink += [(f"{prefix}{name}.{p}", k) for p, k in inner]
                return
            self.pos = end
        else:
            while self.peek() in ("const", "unsigned", "signed", "volatile"):
                self.take()
            if self.peek(1) not in (";", ",", "[", ":"):
                self.take()
                while self.peek() in ("int", "long", "char"):
                    if self.peek(1) in (";", ",", "[", ":"):
                        break
                    self.take()
        sink += [(prefix + name, kind) for name, kind in self.declarators()]

    def declarators(self):
        found = []
        while self.peek() != ";":
            while self.peek() in ("*", "const"):
                self.take()
            name, kind = self.take(), "FIELD"
            if self.peek() == ":":
                self.pos += 2
                kind = "BITFIELD"
            while self.peek() == "[":
                if self.peek(1) == "]":
                    kind = "FLEXIBLE"
                self.skip_group("[", "]")
            found.append((name, kind))
            if self.peek() == ",":
                self.take()
        self.take()
        return found

    def aggregate(self, typedef):
        """struct/union at file level, `self.pos` on the keyword."""
        keyword, tag = self.take(), None
        if self.peek() != "{":
            tag = self.take()
        if self.peek() == "{":
            inner = []
            self.body(None, "", inner)
            names = []
            while self.peek() != ";":
                names.append(self.take())
            self.take()
            name = f"{keyword} {tag}" if tag else names[0]
            if name.startswith("__guest_handle"):
                return
            self.out += [("TYPE", name)] + [(k, name, p) for p, k in inner]
            if typedef:
                self.typedefs += names
        else:
            self.rest(typedef)

    def rest(self, typedef):
        """The remainder of a declaration without a body."""
        last = None
        while self.peek() != ";":
            if self.peek() == "[":
                self.skip_group("[", "]")
            elif self.peek() == "(":
                self.skip_group("(", ")")
            else:
                last = self.take()
        self.take()
        if typedef and last:
            self.typedefs.append(last)

    def enum(self, typedef):
        self.take()
        if self.peek() != "{":
            self.take()
        if self.peek() != "{":
            self.rest(typedef)
            return
        self.take()
        while self.peek() != "}":
            self.out.append(("VALUE", self.take()))
            while self.peek() not in (",", "}"):
                self.take()
            if self.peek() == ",":
                self.take()
        self.pos += 2

    def run(self):
        while self.pos < len(self.tokens):
            typedef = self.peek() == "typedef"
            if typedef:
                self.take()
            if self.peek() in ("struct", "union"):
                self.aggregate(typedef)
            elif self.peek() == "enum":
                self.enum(typedef)
            else:
                self.rest(typedef)
        self.out += [("TYPE", t) for t in self.typedefs]
        return self.out


def definitions(root):
    """What our headers define, without what the compiler's own headers do."""
    text = gcc(["-E", "-I", root, "-ffreestanding"], includes(headers(root)))
    keep, own = [], False
    for line in text.splitlines():
        mark = re.match(r'# \d+ "([^"]*)"', line)
        if mark:
            own = "/public/" in mark[1]
        elif own:
            keep.append(line)
    return Parser("\n".join(keep)).run()


def program(root):
    objects, functions = own_macros(root)
    unknown = [f for f in functions if f not in CALLS and f not in NOT_CALLED]
    if unknown:
        sys.exit("gen.py: no call to compare these macros by: " + " ".join(unknown))
    calls = [("VALUE", c) for f in functions for c in CALLS.get(f, [])]
    values = [("VALUE", m) for m in objects if m not in NOT_A_VALUE]
    items = [i for i in dict.fromkeys(definitions(root) + values + calls)
             if i[1] not in OURS_ONLY]
    ours = "".join(f"#include <{h}>\n" for h in headers(root))
    theirs = "".join(f"#include <{h}>\n" for h in REFERENCE)
    print("/* Written by gen.py. */\n#include <stddef.h>\n#include <stdint.h>")
    print("#ifdef REFERENCE\n" + theirs + "#else\n" + ours + "#endif")
    print(PROLOGUE + "\nint main(void)\n{")
    for kind, *args in items:
        print(f"    {kind}({', '.join(args)});")
    print("    return 0;\n}")


def missing(root):
    """Operation numbers of the reference that our headers lack."""
    theirs = gcc(["-E", "-dM", "-D__XEN_TOOLS__"], "#include <stdint.h>\n" + includes(REFERENCE))
    objects, functions = own_macros(root)
    ours = set(objects) | set(functions)
    lacking = sorted(n for n in re.findall(r"^#define (\w+)", theirs, re.M)
                     if FAMILIES.match(n) and not LEFT_OUT.match(n) and n not in ours)
    for name in lacking:
        print(f"not in include/public: {name}")
    return 1 if lacking else 0


def foreign_names(root):
    """Names that an extension's header defines outside of our own name space, or another within."""
    bad = []
    for path in sorted((Path(root) / "public").rglob("*.h")):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"^[ \t]*#[ \t]*define[ \t]+(?!LODGE_PUBLIC_)(\w+)", text, re.M)
        names += re.findall(r"^(?:struct|union|enum)[ \t]+(\w+)(?=[ \t]*\{)", text, re.M)
        assert names, path
        if path.match(EXTENSIONS):
            bad += [f"{path.name}: {n} does not begin with LODGE_ or lodge_"
                    for n in names if not OWN_NAME.match(n)]
        else:
            bad += [f"{path.name}: {n} is a name of ours, which belongs into a header {EXTENSIONS} "
                    "(EXTENSIONS of gen.py: those are not compared with the reference)"
                    for n in names if OWN_NAME.match(n)]
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--own":
        sys.exit(foreign_names(sys.argv[2]))
    if len(sys.argv) == 3 and sys.argv[1] == "--missing":
        sys.exit(missing(sys.argv[2]))
    if len(sys.argv) != 2:
        sys.exit("usage: gen.py [--missing|--own] INCLUDE_DIRECTORY")
    program(sys.argv[1])
