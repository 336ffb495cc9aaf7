# SPDX-License-Identifier: GPL-2.0-only
"""The rules of the hypervisor's parts, on trees of a few lines: each finds what it is for."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lint"))
import rules  # pylint: disable=wrong-import-position

# What all trees have: there is nothing wrong with it.
GOOD = {
    "core/domain.h": "#include <pv/vcpu.h>\n#include <x86/vcpu.h>",
    "core/spinlock.h": "", "core/guest_type.h": "#include <core/domain.h>",
    "core/sched/sched.c": "#include <core/guest_type.h>\n#include <x86/cpu.h>\nv->arch.fpu",
    "guest/pirq.h": "", "guest/pirq.c": "#include <guest/pirq.h>\n#include <x86/irq.h>",
    "pv/vcpu.h": "#include <x86/vcpu.h>", "pv/pte.h": "",
    "pv/pte.c": "#include <guest/pirq.h>\n#include <x86/paging.h>\nv->pv.area = d.pv.orphans;",
    "x86/cpu.h": "#include <core/spinlock.h>", "x86/vcpu.h": "", "x86/paging.h": "",
    "x86/irq.h": "",
    "x86/switch.h": "#include <core/domain.h>", "x86/asm-offsets.c": "OFFSET(vcpu, v->pv.area)",
    "x86/time.c": "#include <core/guest_type.h>",
}
# A file, what it has beside, and a word of what is said of it.
BAD = (
    ("core/sched/sched.c", "#include <guest/pirq.h>", "must not include"),
    ("core/sched/sched.c", "#include <pv/vcpu.h>", "must not include"),
    ("core/sched/sched.c", "#include <x86/paging.h>", "own affair"),
    ("core/sched/sched.c", "v->pv.area", "one guest type's"),
    ("guest/pirq.c", "#include <pv/pte.h>", "must not include"),
    ("guest/pirq.c", "#include <x86/switch.h>", "own affair"),
    ("guest/pirq.c", "d->pv.orphans", "one guest type's"),
    ("pv/vcpu.h", "#include <pv/pte.h>", "plain data"),
    ("x86/time.c", "#include <guest/pirq.h>", "must not include"),
    ("x86/time.c", "current->pv.area", "one guest type's"),
    ("x86/cpu.h", "#include <core/domain.h>", "must not include"),
    ("x86/switch.h", "#include <core/guest_type.h>", "must not include"),
)


class Tree:
    """As much of lint's own as these rules ask for."""

    def __init__(self, texts):
        self.texts = {name if name.startswith("include/") else "hypervisor/" + name: text
                      for name, text in texts.items()}
        self.all_files = sorted(self.texts)

    def read(self, path):
        return self.texts[path]

    def with_suffix(self, *suffixes):
        return [path for path in self.all_files if path.endswith(suffixes)]


def findings(texts):
    tree = Tree(texts)
    return [found for rule in (rules.include_direction, rules.machine_headers, rules.type_data)
            for found in rule(tree)]


def headers_limit():
    """As many headers as there may be, and one more: beside each other, in a row, met twice."""
    limit = rules.HEADERS_LIMIT
    wrong = []
    for last in (limit, limit + 1):
        names = [f"lib/{n}.h" for n in range(1, last + 1)]
        lines = [f"#include <{name}>" for name in names]
        beside = {**dict.fromkeys(names, ""), "pv/a.c": "\n".join(lines)}
        row = {**dict(zip(names, lines[1:] + [""])), "pv/a.c": lines[0]}
        twice = {**beside, names[0]: lines[-1], "pv/b.c": lines[0]}
        for kind, texts in (("beside", beside), ("in a row", row), ("twice", twice)):
            found = [path for path, _, _ in rules.headers_limit(Tree(texts))]
            if found != ["hypervisor/pv/a.c"] * (last > limit):
                wrong.append(f"{last} headers {kind}: {found}")
    return wrong


# Operations in tables; then one more line, and whether the number that it brings is there already.
CONTROL = {
    "include/public/domctl.h": "#define XEN_DOMCTL_life 1\n#define XEN_DOMCTL_end 2\n"
                               "#define LODGE_DOMCTL_end 2\n#define XEN_DOMCTL_more 3",
    "include/public/sysctl.h": "#define XEN_SYSCTL_all 1\n#define XENMEM_give 1",
    "core/control/domctl.c": "    DOMCTL(XEN_DOMCTL_life, domctl_life, 0),",
    "core/control/sysctl.c": "    [XEN_SYSCTL_all] = sysctl_all,", "core/mem/memory.c": "",
    "guest/domctl.c": "DOMCTL(XEN_DOMCTL_end, domctl_end, XEN_DOMCTL_life),", "guest/sysctl.c": "",
    "pv/domctl.c": "DOMCTL_VCPU(XEN_DOMCTL_more, domctl_more, more, 0),", "hvm/context.c": "",
}
TABLES = (
    ("guest/domctl.c", "DOMCTL(XEN_DOMCTL_life, domctl_other, 0),", True),
    ("guest/domctl.c", "DOMCTL(LODGE_DOMCTL_end, domctl_other, 0),", True),
    ("guest/domctl.c", "DOMCTL(XEN_DOMCTL_none, domctl_other, 0),", True),
    ("guest/sysctl.c", "[XEN_SYSCTL_all] = sysctl_other,", True),
    ("core/mem/memory.c", "[XENMEM_give] = memory_give,", False),
    ("pv/domctl.c", "DOMCTL(XEN_DOMCTL_end, domctl_other, 0),", True),
    ("hvm/context.c", "DOMCTL(XEN_DOMCTL_life, domctl_other, 0),", True),
    ("hvm/context.c", "DOMCTL(XEN_DOMCTL_more, domctl_other, 0),", False),
)


def control_tables():
    wrong = [f"nothing is wrong with {found}" for found in rules.control_tables(Tree(CONTROL))]
    for name, line, twice in TABLES:
        texts = {**CONTROL, name: CONTROL[name] + "\n" + line}
        found = list(rules.control_tables(Tree(texts)))
        if len(found) != twice:
            wrong.append(f"{name} with {line}: {found}")
    return wrong


def main():
    wrong = [f"nothing is wrong with {found}" for found in findings(GOOD)]
    for name, line, word in BAD:
        found = findings({**GOOD, name: GOOD[name] + "\n" + line})
        if [path for path, _, text in found if word in text] != ["hypervisor/" + name]:
            wrong.append(f"{name} with {line}: {found}")
    wrong += headers_limit() + control_tables()
    for line in wrong:
        print(line)
    print(f"{len(BAD) + 8 + len(TABLES) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
