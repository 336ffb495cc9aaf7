# SPDX-License-Identifier: GPL-2.0-only
"""What tests/bench makes of files and counts: functions of ELF files and of /proc/kallsyms, the
plugin's counts by workload, tables, flame graphs."""

import os
import subprocess
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))
import flame  # noqa: E402
import mem  # noqa: E402
import profile  # noqa: E402
import sides  # noqa: E402
import symbols  # noqa: E402
from harness.verdict import TestProblem  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
COUNTS = """stack 30 program
stack 300 entry;getppid
entry 10 hypercall lodge:hc_iret
total 70 300 30
stack 20 program
stack 200 entry;getppid
stack 60 entry;getppid;lodge:hc_iret
entry 10 hypercall lodge:hc_iret
entry 10 syscall program
entry 1 trap lodge:entry_page_fault
entry 2 hypercall 26
total 60 200 20
total 60 300 30
"""


def measure(figure, **functions):
    return sides.Measure(figure, stacks={("all", name): count for name, count in functions.items()})


class Symbols(unittest.TestCase):
    def test_elf(self):
        """Functions are found with their addresses, data are not; a stripped file has none."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "x")
            source = "int data = 1; int first(void) { return 1; } int second(void) { return 2; }"
            subprocess.run(["gcc", "-x", "c", "-nostdlib", "-static", "-Wl,-e,first",
                            "-Wl,-Ttext=0x400000", "-o", path, "-"], input=source.encode(),
                           check=True)
            with open(path, "rb") as file:
                found = {name: address for address, name in symbols.elf_functions(file.read())}
            listed = subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True, check=True)
            for name in ("first", "second"):
                self.assertIn(f"{found[name]:016x} T {name}", listed.stdout)
            self.assertNotIn("data", found)
            self.assertTrue(symbols.has_sections(path))
            subprocess.run(["strip", path], check=True)
            with open(path, "rb") as file:
                self.assertEqual(symbols.elf_functions(file.read()), [])

    def test_other_files(self):
        self.assertEqual(symbols.elf_functions(b"no ELF file"), [])

    def test_kallsyms(self):
        text = "noise\nSYMBOL ffffffff81000000 _text\nSYMBOL ffffffff81000010 do_it\nSYMBOL ffff"
        self.assertEqual(symbols.kallsyms_functions(text),
                         [(0xffffffff81000000, "_text"), (0xffffffff81000010, "do_it")])

    def test_map(self):
        text = "0000000000000000 D data\nffffffff81000010 t do_it\nffffffff82000000 R _ro\n"
        self.assertEqual(symbols.map_functions(text), [(0xffffffff81000010, "do_it")])

    def test_one_name_each(self):
        found = symbols.one_name_each([(2, "__ia32_sys_x"), (1, "b"), (2, "__do_sys_x"),
                                       (2, "__x64_sys_x"), (1, "_b")])
        self.assertEqual([address for address, _ in found], [1, 2])
        self.assertEqual(found[0][1], "b")
        self.assertNotEqual(found[1][1], "__ia32_sys_x")
        self.assertEqual(symbols.one_name_each([(1, "a_start"), (1, "__longer_name")])[0][1],
                         "__longer_name")

    def test_list(self):
        """In the order of addresses, from zero on; what is out of place is left out."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "list")
            symbols.write_list(path, [(0x1000, "low"), (0xffffffff81000000, "k")],
                               [(0xffff810000200000, "lodge:h"), (0xffffffff82000000, "lodge:no")])
            with open(path, encoding="ascii") as file:
                lines = [line.split() for line in file]
        self.assertEqual(lines[0], ["0", "program"])
        addresses = [int(line[0], 16) for line in lines]
        self.assertEqual(addresses, sorted(addresses))
        names = [line[1] for line in lines]
        self.assertIn("k", names)
        self.assertIn("lodge:h", names)
        self.assertNotIn("low", names)
        self.assertNotIn("lodge:no", names)


class Counts(unittest.TestCase):
    def test_best_round(self):
        """The round with the least instructions counts, for one operation."""
        found = sides.take_apart([("getppid", "28", "10")], COUNTS.splitlines())["getppid"]
        self.assertEqual(found.figure, 28)
        self.assertEqual(found.places, {"hypervisor": 6, "kernel": 20, "program": 2})
        self.assertEqual(found.stacks[("entry", "getppid", "lodge:hc_iret")], 6)
        self.assertEqual(found.entries, {"hypercall iret": 1, "syscall": 1,
                                         "trap page_fault": 0.1, "hypercall mmuext_op": 0.2})
        self.assertAlmostEqual(found.entered(), 2.3)

    def test_hypercalls(self):
        self.assertEqual([sides.NAMES[number] for number in ("1", "26", "55")],
                         ["mmu_update", "mmuext_op", "lodge_op"])

    def test_missing_round(self):
        with self.assertRaises(TestProblem):
            sides.take_apart([("getppid", "28", "10"), ("more", "1", "1")], COUNTS.splitlines())

    def test_sides(self):
        side = sides.Side("lodge-dom0=/x/lodge.elf@/y,xen_batch=on,debug")
        self.assertEqual((side.place, side.file, side.kernel.folder, side.words),
                         ("lodge-dom0", "/x/lodge.elf", "/y", "xen_batch=on debug"))
        for wrong in ("", "vmware", "native=/x", "lodge@"):
            with self.assertRaises(TestProblem):
                sides.Side(wrong)


class Tables(unittest.TestCase):
    def test_difference(self):
        rows = profile.rows(measure(10, a=5, b=70), measure(10, a=50, c=1))
        self.assertEqual([(row[0], row[3]) for row in rows], [("b", 70), ("a", -45), ("c", -1)])

    def test_with_callees(self):
        found = profile.with_callees({("a", "b"): 2, ("a", "b", "a"): 3, ("c",): 4})
        self.assertEqual(dict(found), {"a": 5, "b": 5, "c": 4})

    def test_natively(self):
        """A kernel stands beside the one without patches that was told the same, and what it does
        with more than half a percent more is named."""
        texts = ("native", "native@unpatched", "native@/a/0021", "native@unpatched,x",
                 "native@/a/0021,x", "lodge@/a/0021")
        listed = [types.SimpleNamespace(name=text, kernel=types.SimpleNamespace(
            name=text.partition("@")[2].partition(",")[0] or "debian")) for text in texts]
        figures = dict(zip(texts, ((1, 1), (1000, 1000), (1005, 1006), (1000, 1000), (990, 1000),
                                   (9, 9))))
        columns = {name: {w: sides.Measure(figure) for w, figure in zip(("walk", "fork"), both)}
                   for name, both in figures.items()}
        lines = list(mem.natively(listed, columns))
        self.assertEqual([line.split() for line in lines[1:3]],
                         [["walk", "1,000", "1,005", "+0.50%"],
                          ["fork", "1,000", "1,006", "+0.60%"]])
        self.assertEqual(lines[3], "slower by more than 0.5%: fork")
        self.assertEqual(lines[5].split(), ["walk", "1,000", "990", "-1.00%"])
        self.assertEqual(lines[7:], ["none is slower by more than 0.5%"])

    def test_beyond_native(self):
        """A kernel is compared with itself natively, where that has been measured."""
        texts = ("native", "native@/guest", "lodge@/guest", "xen")
        listed = [sides.Side(text) for text in texts]
        figures = dict(zip(texts, (100, 90, 130, 300)))
        columns = {name: {"w": sides.Measure(figure)} for name, figure in figures.items()}
        columns["xen"]["w"].entries = {"syscall": 2.0}
        self.assertEqual(mem.table(listed, columns)[1].split(),
                         ["w", "100", "90", "+40", "+200", "/", "2.0"])
        self.assertEqual(list(mem.reasons(listed, columns)), ["xen w: 2.0 syscall"])
        self.assertEqual(list(mem.natively(listed, columns)), [])
        del columns["native@/guest"]
        self.assertEqual(mem.table(listed, columns)[1].split()[:3], ["w", "100", "+30"])


class Flame(unittest.TestCase):
    def boxes(self, stacks):
        """Left edge, width and top of each box by its name."""
        root = ElementTree.fromstring(flame.graph(stacks, "a <title> & more"))
        found = {}
        for group in root.iter(SVG + "g"):
            name = group.find(SVG + "title").text.rpartition(":")[0]
            box = group.find(SVG + "rect")
            found[name] = tuple(float(box.get(key)) for key in ("x", "width", "y"))
        return found

    def test_boxes(self):
        found = self.boxes({("a",): 10, ("a", "b"): 20, ("a", "c"): 10, ("lodge:d",): 40})
        whole = found["all"][1]
        for name, share in (("a", 0.5), ("b", 0.25), ("c", 0.125), ("lodge:d", 0.5)):
            self.assertAlmostEqual(found[name][1], whole * share, delta=0.2)
        self.assertLess(found["a"][2], found["all"][2])  # a caller is below
        self.assertLess(found["b"][2], found["a"][2])
        self.assertGreaterEqual(found["c"][0], found["b"][0] + found["b"][1] - 0.2)
        self.assertLessEqual(found["c"][0] + found["c"][1], found["a"][0] + found["a"][1] + 0.2)

    def test_names(self):
        found = self.boxes({("<a>&",): 1})
        self.assertIn("<a>&", found)

    def test_too_narrow(self):
        self.assertNotIn("b", self.boxes({("a",): 10**6, ("a", "b"): 1}))

    def test_nothing(self):
        self.assertEqual(set(self.boxes({})), {"all"})


if __name__ == "__main__":
    unittest.main()
