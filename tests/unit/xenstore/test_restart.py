# SPDX-License-Identifier: GPL-2.0-only
"""The daemon is killed and started again: domains must not notice."""

import os
import random
import struct
import subprocess
import threading
import time
import unittest

import wire
from test_protocol import Case
from wire import StoreError, strings


class Restart(Case):
    fake = True

    def again(self):
        self.daemon.kill()
        self.daemon.start()
        self.root = self.daemon.client()

    def test_nodes(self):
        self.root.write("/a/b", b"v\0\xff")
        self.root.set_perms("/a/b", "n3", "r4", "b5")
        self.root.write("/gone/x", "1")
        self.root.rm("/gone")
        self.root.set_perms("@releaseDomain", "n0", "r7")
        tx = self.root.start()
        self.root.write("/tx/committed", "1", tx)
        self.root.rm("/vm", tx)
        self.root.end(tx)
        tx = self.root.start()
        self.root.write("/tx/open", "1", tx)
        self.again()
        self.assertEqual(self.root.read("/a/b"), b"v\0\xff")
        self.assertEqual(self.root.perms("/a/b"), ["n3", "r4", "b5"])
        self.assertEqual(self.root.perms("/a"), ["n0"])
        self.assertEqual(self.root.perms("@releaseDomain"), ["n0", "r7"])
        self.assertEqual(self.root.directory("/tx"), ["committed"])
        self.refused("ENOENT", self.root.read, "/gone")
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_orderly_end(self):
        self.root.write("/a", "1")
        self.daemon.process.terminate()
        self.assertEqual(self.daemon.process.wait(wire.PATIENCE), 0)
        self.daemon.start()
        self.assertEqual(self.daemon.client().read("/a"), b"1")

    def test_guest_goes_on(self):
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        guest.watch("x", "tok")
        guest.watch("dropped", "tok")
        guest.unwatch("dropped", "tok")
        guest.drain()
        self.root.talk(wire.RESUME, strings(5))
        self.again()
        self.assertEqual(guest.read("x"), b"1")
        # Events may have been lost, so each watch fires once; only those that still exist.
        self.assertEqual(guest.drain(), [("x", "tok")])
        self.root.write("/local/domain/5/x", "2")
        self.assertEqual(guest.drain(), [("x", "tok")])
        self.refused("EEXIST", guest.watch, "x", "tok")
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(5)), b"T\0")

    def test_open_transaction_has_to_be_repeated(self):
        guest = self.daemon.guest(5)
        ended = guest.start()
        guest.end(ended)
        tx = guest.start()
        guest.write("x", "1", tx)
        self.again()
        guest.write("y", "1", tx)  # goes on, in vain
        self.refused("EAGAIN", guest.end, tx)
        self.refused("ENOENT", guest.end, tx)
        self.refused("ENOENT", guest.end, ended)
        self.assertEqual(guest.directory("/local/domain/5"), [])
        tx = guest.start()
        guest.write("x", "2", tx)
        guest.end(tx)
        self.assertEqual(guest.read("x"), b"2")

    def test_request_during_the_absence(self):
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        self.daemon.kill()
        req = guest.post(wire.READ, strings("x"))
        self.daemon.start()
        self.assertEqual(guest.reply(req), b"1")

    def leave_request(self, guest, tries):
        """As a killed daemon leaves it: a request complete in the slot, and not carried out."""
        self.daemon.kill()
        with open(f"{self.daemon.directory}/rings", "r+b") as f:
            slot = bytearray(f.read(16384))
            message = wire.HEADER.pack(wire.GET_DOMAIN_PATH, 99, 0, 2) + b"5\0"
            ctl = struct.pack("=IIIHHHHHH", guest.get(guest.REQ_CONS), guest.get(guest.RSP_PROD), 0,
                              len(message), 0, 0, 0, 0, tries)
            slot[0] = 0
            slot[8:8 + len(ctl)] = ctl
            slot[56:56 + len(message)] = message
            f.seek(0)
            f.write(slot)
        self.daemon.start()

    def test_first_request_of_all_during_the_absence(self):
        guest = self.daemon.guest(5)
        self.leave_request(guest, 1)
        self.assertEqual(guest.reply(99), b"/local/domain/5\0")

    def test_request_that_kills_is_refused_in_the_end(self):
        guest = self.daemon.guest(5)
        self.leave_request(guest, 3)
        self.refused("EIO", guest.reply, 99)
        self.assertEqual(guest.talk(wire.GET_DOMAIN_PATH, strings(5)), b"/local/domain/5\0")

    def test_target_and_shutdown_are_remembered(self):
        guest, server = self.daemon.guest(5), self.daemon.guest(6)
        guest.write("x", "1")
        self.root.talk(wire.SET_TARGET, strings(6, 5))
        with open(f"{self.daemon.directory}/state.5", "w", encoding="utf-8") as f:
            f.write("shutdown")
        self.again()
        self.assertEqual(server.read("/local/domain/5/x"), b"1")
        self.again()
        self.root.watch("@releaseDomain", "t")
        self.root.drain()
        guest.sock.sendto((7).to_bytes(4, "little"), f"{self.daemon.directory}/evtchn")
        self.assertEqual(self.root.drain(), [])  # has been told before

    def test_watches_beyond_the_default_limit(self):
        guest = self.daemon.guest(5)
        self.root.control("quota", "set", "watches", "200")
        for i in range(200):
            guest.watch("x", f"t{i}")
        self.again()
        for i in range(200):
            guest.unwatch("x", f"t{i}")
        self.assertIn("watches      200", self.root.control("quota"))
        self.root.control("quota", "set", "watches", "7")  # what is there stays, all the same
        for i in range(7):
            guest.watch("x", f"t{i}")
        self.root.control("quota", "set", "watches", "3")
        self.again()
        for i in range(7):
            guest.unwatch("x", f"t{i}")
        self.assertIn("watches      3", self.root.control("quota"))

    def test_generations_do_not_come_again(self):
        for i in range(50):
            self.root.write(f"/a/{i}", "x")
            self.root.rm(f"/a/{i}")
        before = int(self.root.talk(wire.DIRECTORY_PART, strings("/a", 0)).split(b"\0")[0])
        self.daemon.process.terminate()  # writes the journal anew, in fewer records
        self.daemon.process.wait(wire.PATIENCE)
        self.daemon.start()
        self.root = self.daemon.client()
        self.root.write("/a/b", "x")
        after = int(self.root.talk(wire.DIRECTORY_PART, strings("/a", 0)).split(b"\0")[0])
        self.assertGreater(after, before)

    def test_target_that_is_released(self):
        self.daemon.guest(5)
        server = self.daemon.guest(6)
        self.root.talk(wire.SET_TARGET, strings(6, 5))
        self.root.talk(wire.RELEASE, strings(5))
        self.root.write("/z", "1")
        self.root.set_perms("/z", "n0", "r5")  # a later domain of that number
        self.refused("EACCES", server.read, "/z")
        self.again()
        self.refused("EACCES", server.read, "/z")

    def test_domain_that_died_meanwhile(self):
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        self.daemon.kill()
        with open(f"{self.daemon.directory}/state.5", "w", encoding="utf-8") as f:
            f.write("gone")
        self.daemon.start()
        self.root = self.daemon.client()
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(5)), b"F\0")
        self.refused("ENOENT", self.root.read, "/local/domain/5/x")
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_page_that_comes_late(self):
        """The kernel may still hold what the dead daemon had: the domain must not be given up."""
        guest = self.daemon.guest(5)
        guest.write("x", "1")
        self.daemon.kill()
        page = f"{self.daemon.directory}/page.5"
        os.rename(page, page + ".away")
        threading.Timer(0.5, os.rename, (page + ".away", page)).start()
        self.daemon.start()
        self.assertEqual(guest.read("x"), b"1")

    def test_live_domain_that_cannot_be_reconnected(self):
        """A guest closes its port, or gives up its page: it stays known, and nobody waits for it.
        """
        guests = [self.daemon.guest(domid) for domid in range(5, 15)]
        for guest in guests:
            guest.write("x", "1")
        self.daemon.kill()
        for guest in guests:
            page = f"{self.daemon.directory}/page.{guest.domid}"
            os.rename(page, page + ".away")
        began = time.monotonic()
        self.daemon.start()
        self.assertLess(time.monotonic() - began, 2.0)
        self.root = self.daemon.client()
        self.root.watch("@releaseDomain", "t")
        self.root.drain()
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(5)), b"T\0")
        self.assertEqual(self.root.read("/local/domain/5/x"), b"1")  # its nodes are kept
        self.refused("EINVAL", self.root.talk, wire.INTRODUCE, strings(5, 4711, guests[0].port))
        deadline = time.monotonic() + wire.PATIENCE
        while "no store until" not in self.daemon.read_log() and time.monotonic() < deadline:
            time.sleep(0.1)
        os.rename(f"{self.daemon.directory}/page.5.away", f"{self.daemon.directory}/page.5")
        self.root.talk(wire.INTRODUCE, strings(5, 4711, guests[0].port))
        self.assertEqual(guests[0].read("x"), b"1")
        # The end of one that was never connected again is noticed, over another restart as well.
        self.again()
        self.root.watch("@releaseDomain", "t")
        self.root.drain()
        with open(f"{self.daemon.directory}/state.6", "w", encoding="utf-8") as f:
            f.write("gone")
        guests[0].sock.sendto((7).to_bytes(4, "little"), f"{self.daemon.directory}/evtchn")
        self.assertEqual(self.root.event(), ("@releaseDomain", "t"))
        self.assertEqual(self.root.talk(wire.IS_INTRODUCED, strings(6)), b"F\0")
        self.refused("ENOENT", self.root.read, "/local/domain/6/x")
        self.assertEqual(self.root.control("check"), "OK\n")

    def test_events_for_other_domains_survive(self):
        """A change is made, and the daemon dies before its watcher has read of it."""
        writer, watcher = self.daemon.guest(5), self.daemon.guest(6)
        self.root.write("/shared", "1")
        self.root.set_perms("/shared", "n0", "b5", "r6")
        watcher.watch("/shared", "t")
        watcher.drain()
        for i in range(20):
            writer.write("/shared", str(i))
            self.again()
            self.assertIn(("/shared", "t"), watcher.drain())

    def test_journal_stays_short(self):
        for i in range(3000):
            self.root.write(f"/a/{i % 10}", b"x" * 1500)
        size = os.path.getsize(f"{self.daemon.directory}/journal")
        self.assertLess(size, 4 << 20)
        self.again()
        self.assertEqual(self.root.directory("/a"), [str(i) for i in range(10)])
        self.assertEqual(self.root.read("/a/9"), b"x" * 1500)


    def test_killed_when_the_journal_is_new(self):
        """A snapshot replaces the records of the very request that made the journal too long."""
        guest = self.daemon.guest(5)
        journal = 0
        while journal < (1 << 20) - 20000:
            self.root.write("/fill", b"x" * 3000)
            journal = int(self.root.control("memreport").split("journal")[1].split()[0])
        with open(f"{self.daemon.directory}/die-at-rename", "w", encoding="utf-8"):
            pass
        for i in range(1000):
            # Done twice, these answer EEXIST and ENOENT.
            for kind in (wire.WATCH, wire.UNWATCH):
                req = guest.post(kind, strings("w", f"t{i}"))
                if self.answered_or_dead(guest):
                    self.daemon.start()
                    self.assertEqual(guest.reply(req), b"OK\0")
                    return
                self.assertEqual(guest.reply(req), b"OK\0")
        self.fail("the journal was not written anew")

    def answered_or_dead(self, guest):
        """Whether the daemon has ended over the request that was posted last."""
        deadline = time.monotonic() + wire.PATIENCE
        while self.daemon.process.poll() is None and time.monotonic() < deadline:
            if guest.get(guest.RSP_PROD) != guest.get(guest.RSP_CONS):
                time.sleep(0.002)  # it may be about to end over what follows the answer
                return self.daemon.process.poll() is not None
            time.sleep(0.0002)
        return self.daemon.process.poll() is not None


class BadState(Case):
    fake = True

    def spoil(self, change):
        self.daemon.client().write("/kept", "1")
        self.daemon.kill()
        name = f"{self.daemon.directory}/journal"
        with open(name, "rb") as f:
            data = bytearray(f.read())
        change(data)
        with open(name, "wb") as f:
            f.write(data)
        self.daemon.start()
        return self.daemon.client().directory("/")

    def test_of_another_boot(self):
        def change(data):
            data[8] ^= 1
        self.assertNotIn("kept", self.spoil(change))

    def test_not_a_journal(self):
        def change(data):
            data[:8] = b"nonsense"
        self.assertNotIn("kept", self.spoil(change))

    def test_cut_off(self):
        def change(data):
            del data[100:]
        self.assertNotIn("kept", self.spoil(change))

    def test_scrambled(self):
        rng = random.Random(7)
        for _ in range(20):
            def change(data):
                for _ in range(30):
                    data[56 + rng.randrange(1500)] = rng.randrange(256)
            self.spoil(change)

    def records(self, data):
        """Kind and place of each record's fields."""
        at = 56
        while at + 8 <= struct.unpack_from("=Q", data, 48)[0]:
            length, kind = struct.unpack_from("=IB", data, at)
            yield kind, at + 8
            at += 8 + length

    def test_impossible_slots(self):
        """Of a slot that is not there, or is another's, nothing may be used or given back."""
        for slot in (1 << 15, 0x7fffffff, 0xffffffff, 0):
            guests = [self.daemon.guest(5), self.daemon.guest(6)]

            def change(data, slot=slot):
                for kind, at in self.records(data):
                    if kind == 4 and struct.unpack_from("=I", data, at)[0] == 6:
                        struct.pack_into("=I", data, at + 8, slot)
            with self.subTest(slot=slot):
                self.spoil(change)
                self.assertEqual(guests[0].talk(wire.GET_DOMAIN_PATH, strings(5)),
                                 b"/local/domain/5\0")
                self.assertEqual(self.daemon.process.poll(), None)
                self.daemon.client().talk(wire.RELEASE, strings(5))

    def test_second_daemon(self):
        done = subprocess.run([self.daemon.program, "-F"], env=self.daemon.environment,
                              stderr=subprocess.PIPE, text=True, timeout=wire.PATIENCE,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another xenstored holds", done.stderr)
        self.root.write("/still", "here")


class KilledOften(Case):
    """Under load, at any moment: each request is carried out exactly once."""
    fake = True
    SECONDS = 12

    def load(self, guest, number, stop, failed):
        try:
            count = 0
            while not stop.is_set():
                count += 1
                # Done twice, or not at all, these answer differently.
                ids = [guest.post(wire.WATCH, strings("w", f"t{count}")),
                       guest.post(wire.WRITE, strings("n") + str(count).encode()),
                       guest.post(wire.READ, strings("n")),
                       guest.post(wire.UNWATCH, strings("w", f"t{count}")),
                       guest.post(wire.WRITE, strings("big") + bytes([count % 256]) * 1900)]
                want = [b"OK\0", b"OK\0", str(count).encode(), b"OK\0", b"OK\0"]
                for req, answer in zip(ids, want):
                    if (got := guest.reply(req)) != answer:
                        raise AssertionError(f"{got!r} instead of {answer!r}")
                while True:
                    tx = guest.start()
                    guest.write("tx/n", str(int(guest.read("n", tx))), tx)
                    try:
                        guest.end(tx)
                        break
                    except StoreError as e:
                        if str(e) != "EAGAIN":
                            raise
                if guest.read("tx/n") != str(count).encode():
                    raise AssertionError("a committed transaction is lost")
                guest.events.clear()
                self.rounds[number] = count
        except BaseException as e:  # told to the main thread, which fails the test
            failed.append(e)

    def test_exactly_once(self):
        guests = [self.daemon.guest(5 + i) for i in range(3)]
        stop, failed = threading.Event(), []
        self.rounds = [0] * len(guests)
        threads = [threading.Thread(target=self.load, args=(g, i, stop, failed))
                   for i, g in enumerate(guests)]
        for thread in threads:
            thread.start()
        rng = random.Random(3)
        began = time.monotonic()
        kills = 0
        try:
            # At least so long, and longer on a machine that has much else to do.
            while not failed and time.monotonic() < began + 120 and (
                    time.monotonic() < began + self.SECONDS or kills < 20
                    or min(self.rounds) <= 10):
                time.sleep(rng.random() * 0.1)
                self.daemon.kill()
                self.daemon.start()
                kills += 1
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if failed:
            raise failed[0]
        self.assertGreaterEqual(kills, 20)
        self.assertGreater(min(self.rounds), 10)
        root = self.daemon.client()
        self.assertEqual(root.control("check"), "OK\n")
        for guest in guests:
            used = root.control("quota", guest.domid).split()
            self.assertEqual(used[used.index("watches") + 1], "0")
            self.assertEqual(used[used.index("transactions") + 1], "0")


if __name__ == "__main__":
    unittest.main()
