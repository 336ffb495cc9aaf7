# SPDX-License-Identifier: GPL-2.0-only
"""Plug taps and send frames through them: what the host's networks let pass, and what is left of
them afterwards. Runs in a network namespace of its own (namespace.py)."""

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time
import unittest

LODGE_NET = sys.argv.pop(1)
MAC1, MAC2, OTHER = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:16:3e:00:00:99"
EVERYONE = "ff:ff:ff:ff:ff:ff"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
MARK = b"frame of the test"


def net(*arguments, fails="", status=1):
    """Run lodge-net; returns what it printed, or its message where it shall fail."""
    done = subprocess.run([LODGE_NET, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if fails:
        assert done.returncode == status, f"{arguments} did not fail: {done.stdout}{done.stderr}"
        assert fails in done.stderr, f"no \"{fails}\" in: {done.stderr}"
        return done.stderr
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout.strip()


def ip(*arguments):
    return subprocess.run(["ip", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def ruleset():
    return subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


class Tap:
    """A tap device as a back-end opens it: the test is the guest behind it."""

    def __init__(self, name):
        self.name = name
        self.file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                                      IFF_TAP | IFF_NO_PI))

    def close(self):
        os.close(self.file)

    def send(self, frame):
        os.write(self.file, frame)

    def receive(self, wait):
        """The next frame that the test sent, or None; others are the host's own."""
        end = time.monotonic() + wait
        while select.select([self.file], [], [], max(0, end - time.monotonic()))[0]:
            frame = os.read(self.file, 2048)
            if MARK in frame:
                return frame
        return None


def mac(text):
    return bytes(int(byte, 16) for byte in text.split(":"))


def ethernet(source, kind, payload, to=EVERYONE, tag=b""):
    return mac(to) + mac(source) + tag + struct.pack("!H", kind) + payload


def arp(source, sender_mac, sender_ip, target="10.0.0.1", tag=b""):
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + mac(sender_mac) + socket.inet_aton(sender_ip)
    return ethernet(source, ARP, body + bytes(6) + socket.inet_aton(target) + MARK, tag=tag)


def udp(sport=1000, dport=1000):
    return struct.pack("!HHHH", sport, dport, 8 + len(MARK), 0) + MARK


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4(source, sender, payload=None, to="10.0.0.9", to_mac=EVERYONE, tag=b""):
    payload = udp() if payload is None else payload
    head = [0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0, socket.inet_aton(sender),
            socket.inet_aton(to)]
    head[7] = checksum(struct.pack("!BBHHHBBH4s4s", *head))
    return ethernet(source, IPV4, struct.pack("!BBHHHBBH4s4s", *head) + payload, to_mac, tag)


def vlan(number, kind=0x8100):
    return struct.pack("!HH", kind, number)


def ipv6(source, sender, protocol, payload, tag=b""):
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 255)
    return ethernet(source, IPV6, head + socket.inet_pton(socket.AF_INET6, sender) +
                    socket.inet_pton(socket.AF_INET6, "ff02::1") + payload, tag=tag)


def icmpv6(kind, target="::"):
    return struct.pack("!BBHI", kind, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, target) + MARK


class NetTest(unittest.TestCase):
    def setUp(self):
        self.taps = [Tap("vif1.0"), Tap("vif2.0")]

    def tearDown(self):
        for tap in self.taps:
            net("unplug", tap.name)
            tap.close()
        subprocess.run([LODGE_NET, "remove", "xenbr0"], stderr=subprocess.DEVNULL, check=False)
        subprocess.run([LODGE_NET, "remove", "lodgenat0"], stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(ruleset(), "")
        self.assertEqual([name for name in os.listdir("/run/lodge/net") if name != ".lock"], [])

    def bridge(self, *first):
        net("bridge", "xenbr0")
        net("plug", "vif1.0", f"--mac={MAC1}", *first)
        net("plug", "vif2.0", f"--mac={MAC2}")

    def passes(self, frame):
        self.taps[0].send(frame)
        self.assertIsNotNone(self.taps[1].receive(5), frame.hex())

    def drops(self, frame):
        """Sent, then followed by one that passes: only the second must come out."""
        sign = ipv4(MAC1, self.own, udp(dport=7))
        self.taps[0].send(frame)
        self.taps[0].send(sign)
        self.assertEqual(self.taps[1].receive(5), sign, frame.hex())

    own = "10.0.0.5"


class Filter(NetTest):
    def test_own_frames_pass_and_another_mac_does_not(self):
        self.bridge()
        self.passes(ipv4(MAC1, "10.0.0.5"))
        self.passes(arp(MAC1, MAC1, "10.0.0.77"))
        self.drops(ipv4(OTHER, "10.0.0.5"))
        self.drops(arp(OTHER, MAC1, "10.0.0.5"))
        self.drops(arp(MAC1, OTHER, "10.0.0.5"))

    def test_a_tag_hides_nothing(self):
        self.bridge()
        for tag in (vlan(5), vlan(0), vlan(5, 0x88A8)):
            self.passes(ipv4(MAC1, "10.0.0.5", tag=tag))
            self.passes(arp(MAC1, MAC1, "10.0.0.5", tag=tag))
            self.drops(ipv4(OTHER, "10.0.0.5", tag=tag))
            self.drops(arp(MAC1, OTHER, "10.0.0.5", tag=tag))
            self.drops(ipv4(MAC1, "10.0.0.5", udp(67, 68), tag=tag))
            self.drops(ipv6(MAC1, "fe80::1", 58, icmpv6(134), tag=tag))
            self.drops(ipv4(MAC1, "10.0.0.5", tag=tag + vlan(6)))

    def test_it_is_no_router_and_gives_no_addresses(self):
        self.bridge()
        self.passes(ipv6(MAC1, "fe80::1", 58, icmpv6(133)))
        self.passes(ipv4(MAC1, "0.0.0.0", udp(68, 67)))
        self.passes(ipv6(MAC1, "fe80::1", 17, udp(546, 547)))
        hop_by_hop = struct.pack("!BB6x", 58, 0)
        self.drops(ipv6(MAC1, "fe80::1", 58, icmpv6(134)))
        self.drops(ipv6(MAC1, "fe80::1", 0, hop_by_hop + icmpv6(134)))
        self.drops(ipv6(MAC1, "fe80::1", 58, icmpv6(137)))
        self.drops(ipv4(MAC1, "10.0.0.5", udp(67, 68)))
        self.drops(ipv4(MAC1, "10.0.0.5", udp(1000, 68)))
        self.drops(ipv6(MAC1, "fe80::1", 17, udp(547, 546)))

    def test_without_filter_all_pass(self):
        self.bridge("--no-filter", "--ip=10.0.0.5")
        self.passes(ipv4(OTHER, "10.0.0.6"))
        self.passes(arp(OTHER, MAC2, "10.0.0.6"))
        self.passes(ipv4(MAC1, "10.0.0.6", udp(67, 68)))

    def test_only_its_ipv4_addresses(self):
        self.bridge("--ip=10.0.0.5/24 10.9.0.0/16")
        self.passes(ipv4(MAC1, "10.0.0.5"))
        self.passes(ipv4(MAC1, "10.9.3.4"))
        self.passes(arp(MAC1, MAC1, "10.0.0.5"))
        self.passes(arp(MAC1, MAC1, "0.0.0.0", "10.0.0.5"))
        self.drops(arp(MAC1, MAC1, "0.0.0.0", "10.0.0.6"))
        self.passes(ipv4(MAC1, "0.0.0.0", udp(68, 67)))
        self.drops(ipv4(MAC1, "0.0.0.0", udp(68, 53)))
        self.drops(ipv4(MAC1, "10.0.0.6"))
        self.drops(ipv4(OTHER, "10.0.0.5"))
        self.drops(arp(MAC1, MAC1, "10.0.0.6"))
        self.drops(arp(MAC1, MAC1, "10.0.0.1"))
        self.drops(ipv4(MAC1, "10.0.0.5", tag=vlan(5)))
        self.drops(ipv4(MAC1, "10.0.0.6", tag=vlan(5)))
        self.drops(arp(MAC1, MAC1, "10.0.0.6", tag=vlan(5)))
        self.drops(ethernet(MAC1, 0x88CC, MARK * 4))
        self.drops(ipv6(MAC1, "fd00::5", 17, udp()))

    def test_only_its_ipv6_addresses(self):
        self.bridge("--ip=10.0.0.5 fd00::5 fd00:7:4::/46")
        self.passes(ipv6(MAC1, "fd00::5", 17, udp()))
        self.passes(ipv6(MAC1, "fe80::216:3eff:fe00:1", 17, udp()))
        self.passes(ipv6(MAC1, "::", 58, icmpv6(135, "fd00::5")))
        self.passes(ipv6(MAC1, "fd00:7:7::1", 58, icmpv6(136, "fd00:7:7:ffff::1")))
        self.drops(ipv6(MAC1, "fd00:7:7::1", 58, icmpv6(136, "fd00:7:8::")))
        self.passes(ipv6(MAC1, "::", 58, icmpv6(135, "fe80::216:3eff:fe00:1")))
        self.drops(ipv6(MAC1, "::", 58, icmpv6(135, "fd00::6")))
        self.drops(ipv6(MAC1, "::", 58, icmpv6(135, "fe80::216:3eff:fe00:2")))
        self.passes(ipv6(MAC1, "fd00::5", 58, icmpv6(135, "fd00::6")))
        self.passes(ipv6(MAC1, "fd00::5", 58, icmpv6(136, "fd00::5")))
        self.passes(ipv6(MAC1, "fe80::216:3eff:fe00:1", 58, icmpv6(136, "fe80::216:3eff:fe00:1")))
        self.drops(ipv6(MAC1, "fd00::6", 17, udp()))
        self.drops(ipv6(MAC1, "fe80::216:3eff:fe00:2", 17, udp()))
        self.drops(ipv6(MAC1, "::", 17, udp()))
        self.drops(ipv6(MAC1, "fd00::5", 58, icmpv6(136, "fd00::1")))
        self.drops(ipv6(MAC1, "fe80::216:3eff:fe00:1", 58, icmpv6(134)))
        self.drops(ipv6(MAC1, "fd00::5", 58, icmpv6(137, "fd00::1")))

    def test_plugged_again_with_other_addresses(self):
        self.bridge("--ip=10.0.0.4")
        net("plug", "vif1.0", f"--mac={MAC1}", "--ip=10.0.0.5")
        self.passes(ipv4(MAC1, "10.0.0.5"))
        self.drops(ipv4(MAC1, "10.0.0.4"))


class Bridge(NetTest):
    def test_plug_twice_and_unplug_twice(self):
        self.bridge()
        first = sorted(ruleset().splitlines())
        self.assertEqual(net("plug", "vif1.0", f"--mac={MAC1}"), "vif1.0 bridge xenbr0")
        self.assertEqual(sorted(ruleset().splitlines()), first)
        self.assertIn("master xenbr0", ip("link", "show", "vif1.0"))
        net("unplug", "vif1.0")
        net("unplug", "vif1.0")
        self.assertNotIn("vif1.0", ruleset())
        shown = ip("link", "show", "vif1.0")
        self.assertNotIn("master", shown)
        self.assertNotIn("UP", shown)

    def test_unplug_after_the_interface_went(self):
        self.bridge()
        self.taps[0].close()
        net("unplug", "vif1.0")
        self.assertNotIn("vif1.0", ruleset())
        self.taps[0] = Tap("vif1.0")

    def test_mtu(self):
        self.bridge("--mtu=1400")
        self.assertIn("mtu 1400", ip("link", "show", "vif1.0"))
        net("plug", "vif1.0", f"--mac={MAC1}", "--mtu=7", fails="cannot have an MTU of 7 bytes")
        # The bridge is others', too: their frames stay as long as they were.
        self.assertIn("mtu 1500", ip("link", "show", "xenbr0"))
        self.assertIn("mtu 1500", ip("link", "show", "vif2.0"))

    def test_the_bridge_keeps_its_address(self):
        net("nat")
        before = ip("link", "show", "lodgenat0").split("link/ether ")[1].split()[0]
        net("plug", "vif1.0", f"--mac={MAC1}", "--mode=nat")
        self.assertIn(before, ip("link", "show", "lodgenat0"))
        self.assertIn("fe:ff:ff:ff:ff:ff", ip("link", "show", "vif1.0"))

    def test_remove_waits_for_ports(self):
        self.bridge()
        net("remove", "xenbr0", fails="has 2 ports still")

    def test_remove_says_what_is_not_there(self):
        net("remove", "nosuch", fails="there is no bridge nosuch")
        net("remove", "vif1.0", fails="vif1.0 is an interface, but not a bridge")
        self.assertIn("vif1.0", ip("link"))

    def test_wrong_command_lines(self):
        net("frob", fails="there is no such command", status=2)
        net("frob", "xenbr0", fails="there is no such command", status=2)
        net("remove", fails="a name is missing", status=2)
        net("remove", "xenbr0", "xenbr1", fails="an argument too many", status=2)
        net(fails="a command is missing", status=2)

    def test_failures_name_the_way_out(self):
        own = f"--mac={MAC1}"
        net("plug", "vif1.0", own, "--mode=bridge", fails="there is no bridge xenbr0")
        net("plug", "vif1.0", own, "--bridge=lo", fails="not a bridge")
        net("plug", "vif1.0", own, "--bridge=a/b", fails="cannot be the name of a bridge")
        net("plug", "vif1.0", fails="the filter needs the guest's MAC address")
        net("plug", "vif1.0", "--mac=01:00:00:00:00:01", fails="the filter needs")
        net("plug", "vif9.0", own, fails="there is no such interface")
        net("plug", "vif1.0\"; flush", own, fails="there is no such interface")
        net("plug", "vif1.0", own, "--ip=10.0.0.5;", fails="is no IPv4 or IPv6 address")
        net("plug", "vif1.0", own, "--mode=route", "--ip=10.0.0.5", fails="no default route")


    def test_what_is_the_hosts_is_left_alone(self):
        net("nat")
        before = ip("addr"), ip("route"), ruleset()
        for name in ("lo", "lodgenat0"):
            net("plug", name, f"--mac={MAC1}", "--mtu=1400", fails=f"{name} is an interface of")
        # The bridge's own address.
        net("plug", "vif1.0", f"--mac={MAC1}", "--mode=nat", "--ip=10.77.0.1",
            fails="has an address of this host")
        self.assertEqual((ip("addr"), ip("route"), ruleset()), before)


class Nat(NetTest):
    def test_on_demand_and_gone_with_the_last_port(self):
        self.assertEqual(net("plug", "vif1.0", f"--mac={MAC1}"), "vif1.0 nat lodgenat0")
        net("plug", "vif2.0", f"--mac={MAC2}", "--mode=nat")
        self.assertIn("10.77.0.1/24", ip("addr", "show", "lodgenat0"))
        self.assertIn("masquerade", ruleset())
        with open("/proc/sys/net/ipv4/ip_forward", encoding="utf-8") as handle:
            self.assertEqual(handle.read(), "1\n")
        net("unplug", "vif1.0")
        self.assertIn("masquerade", ruleset())
        net("unplug", "vif2.0")
        self.assertEqual(ruleset(), "")
        self.assertNotIn("lodgenat0", ip("link"))

    def test_asked_for_it_stays(self):
        self.assertEqual(net("nat"), "lodgenat0 10.77.0.1/24")
        net("plug", "vif1.0", f"--mac={MAC1}")
        net("unplug", "vif1.0")
        self.assertIn("masquerade", ruleset())
        self.assertEqual(net("nat"), "lodgenat0 10.77.0.1/24")
        net("nat", "--address=10.5.0.1/24", fails="exists with another address")

    def test_a_bridge_of_somebody_elses(self):
        """Becomes a NAT network when the administrator says so, not when a guest's config does."""
        ip("link", "add", "mine0", "type", "bridge")
        ip("addr", "add", "192.0.2.1/24", "dev", "mine0")
        arguments = ("plug", "vif1.0", f"--mac={MAC1}", "--mode=nat", "--bridge=mine0")
        try:
            net(*arguments, fails="`lodge-net nat mine0` makes it one")
            self.assertEqual(ruleset(), "")
            self.assertNotIn("master", ip("link", "show", "vif1.0"))
            net("nat", "mine0")
            self.assertEqual(net(*arguments), "vif1.0 nat mine0")
        finally:
            net("unplug", "vif1.0")
            net("remove", "mine0")

    def test_it_avoids_the_networks_of_the_host(self):
        net("nat", "other0", "--address=10.77.128.1/9")
        try:
            self.assertEqual(net("nat"), "lodgenat0 10.128.0.1/24")
        finally:
            net("remove", "other0")

    def test_out_with_the_hosts_address_and_only_answers_in(self):
        """The first tap is the guest, the second one is the world."""
        net("nat")
        net("plug", "vif1.0", "--mode=nat", f"--mac={MAC1}")
        ip("addr", "add", "192.0.2.1/24", "dev", "vif2.0")
        ip("link", "set", "vif2.0", "up")
        ip("neigh", "add", "192.0.2.9", "lladdr", MAC2, "dev", "vif2.0")
        ip("neigh", "add", "10.77.0.5", "lladdr", MAC1, "dev", "lodgenat0")
        router = ip("link", "show", "lodgenat0").split("link/ether ")[1].split()[0]
        outside = ip("link", "show", "vif2.0").split("link/ether ")[1].split()[0]
        self.taps[0].send(ipv4(MAC1, "10.77.0.5", udp(), "192.0.2.9", router))
        frame = self.taps[1].receive(5)
        self.assertIsNotNone(frame)
        self.assertEqual(frame[26:30], socket.inet_aton("192.0.2.1"))
        sport, = struct.unpack("!H", frame[34:36])
        # Not asked for, then the answer: only the answer may come.
        self.taps[1].send(ipv4(MAC2, "192.0.2.9", udp(9, 9), "10.77.0.5", outside))
        self.taps[1].send(ipv4(MAC2, "192.0.2.9", udp(1000, sport), "192.0.2.1", outside))
        answer = self.taps[0].receive(5)
        self.assertIsNotNone(answer)
        self.assertEqual(struct.unpack("!HH", answer[34:38]), (1000, 1000))
        self.assertEqual(answer[30:34], socket.inet_aton("10.77.0.5"))


class Route(NetTest):
    def test_routes_and_proxies_come_and_go(self):
        gateway = Tap("gate0")
        try:
            ip("addr", "add", "192.0.2.1/24", "dev", "gate0")
            ip("link", "set", "gate0", "up")
            before = ip("route"), ip("-6", "route"), ip("neigh", "show", "proxy")
            arguments = ("plug", "vif1.0", "--mode=route", f"--mac={MAC1}",
                         "--ip=192.0.2.5 2001:db8::5", "--gatewaydev=gate0")
            for _ in range(2):
                self.assertEqual(net(*arguments), "vif1.0 route")
            self.assertIn("192.0.2.5 dev vif1.0", ip("route"))
            self.assertIn("2001:db8::5 dev vif1.0", ip("-6", "route"))
            self.assertIn("192.0.2.1/32", ip("addr", "show", "vif1.0"))
            self.assertIn("192.0.2.5 dev gate0", ip("neigh", "show", "proxy"))
            with open("/proc/sys/net/ipv6/conf/gate0/accept_ra", encoding="utf-8") as handle:
                self.assertEqual(handle.read(), "2\n")
            net("plug", "vif2.0", "--mode=route", f"--mac={MAC2}", "--ip=192.0.2.5",
                "--gatewaydev=gate0", fails="192.0.2.5 is routed to vif1.0 already")
            self.assertIn("192.0.2.5 dev vif1.0", ip("route"))
            self.assertIn("192.0.2.5 dev gate0", ip("neigh", "show", "proxy"))
            net("unplug", "vif1.0")
            self.assertEqual(ip("route"), before[0])
            self.assertEqual(ip("neigh", "show", "proxy"), before[2])
            self.assertNotIn("192.0.2.1", ip("addr", "show", "vif1.0"))
        finally:
            gateway.close()


    def test_addresses_that_the_host_needs(self):
        gateway = Tap("gate0")
        try:
            ip("addr", "add", "192.0.2.1/24", "dev", "gate0")
            ip("addr", "add", "2001:db8::1/64", "dev", "gate0", "nodad")
            ip("link", "set", "gate0", "up")
            ip("route", "add", "default", "via", "192.0.2.254")
            ip("route", "add", "10.1.2.0/24", "via", "192.0.2.253")
            before = ip("route"), ip("-6", "route"), ip("neigh", "show", "proxy"), ruleset()

            def refused(address, why):
                net("plug", "vif1.0", "--mode=route", f"--mac={MAC1}", f"--ip={address}", fails=why)

            refused("192.0.2.1", "has an address of this host")
            refused("2001:db8::1", "has an address of this host")
            refused("192.0.2.254", "has a router of this host")
            refused("192.0.2.253", "has a router of this host")
            refused("192.0.0.0/16", "has an address of this host")
            refused("192.0.2.128/25", "has a router of this host")
            refused("10.0.0.0/8", "networks that it has routes to")
            refused("2001:db8::/32", "has an address of this host")
            self.assertEqual((ip("route"), ip("-6", "route"), ip("neigh", "show", "proxy"),
                              ruleset()), before)
            net("plug", "vif1.0", "--mode=route", f"--mac={MAC1}", "--ip=192.0.2.5 10.1.3.0/24")
            self.assertIn("10.1.3.0/24 dev vif1.0", ip("route"))
        finally:
            net("unplug", "vif1.0")
            gateway.close()


class Locked(NetTest):
    def test_one_who_does_not_go_on(self):
        """Nobody waits for him for ever; who he is, and what to do, is told."""
        net("unplug", "vif9.0")  # the folder is there
        with open("/run/lodge/net/.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = net("unplug", "vif9.0", fails="/run/lodge/net/.lock: ")
            self.assertRegex(said, f"process {os.getpid()} .*kill -CONT {os.getpid()}|/proc/locks")
        net("unplug", "vif9.0")


class Script(NetTest):
    def script(self, text):
        with open("/run/script", "w", encoding="utf-8") as handle:
            handle.write("#!/bin/sh\n" + text)
        os.chmod("/run/script", 0o755)

    def test_it_is_run_with_xls_environment(self):
        self.script('echo "$1 $2 $script $vif $netdev $XENBUS_TYPE $XENBUS_BASE_PATH $XENBUS_PATH"'
                    ' >>/run/said\n')
        path = "/local/domain/0/backend/lodge-vif/1/0"
        net("plug", "vif1.0", f"--mac={MAC1}", "--script=/run/script", "--gatewaydev=out0",
            f"--xenbus-path={path}")
        self.assertIn("lodge-vif1.0", ruleset())
        net("unplug", "vif1.0")
        with open("/run/said", encoding="utf-8") as handle:
            said = handle.read().splitlines()
        rest = f"type_if=vif /run/script vif1.0 out0 vif backend {path}"
        self.assertEqual(said, [f"online {rest}", f"offline {rest}"])

    def test_its_last_words_are_told(self):
        self.script("echo first; echo 'no such bridge' >&2; exit 3\n")
        net("plug", "vif1.0", f"--mac={MAC1}", "--script=/run/script",
            fails="failed with status 3: no such bridge")
        net("plug", "vif1.0", f"--mac={MAC1}", "--script=/nowhere", fails="No such file")
        net("plug", "vif1.0", f"--mac={MAC1}", "--script=sh", fails="not absolute")


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed", flush=True)
    sys.exit(1 if bad else 0)
