# SPDX-License-Identifier: GPL-2.0-only
"""A Debian machine behind its serial line: log in, run parts of the test's script, power off."""

import re

from harness.verdict import FAILURE, TestProblem

BOOT_LIMIT = 600
END_LIMIT = 180


class Host:
    def __init__(self, machine):
        self.machine = machine

    def log_in(self, terminal):
        """As root, who has no password, once systemd has come so far."""
        self.machine.expect(rf"{terminal}\s[\s\S]*?login: ", BOOT_LIMIT)
        self.machine.send("root\n")
        self.machine.expect(r"^root@host:~# ", 120)
        self.machine.send("mount -o ro LABEL=tree /mnt; dmesg -n 3\n")

    def script(self, part, limit=300):
        """Run a part of tests/boot/debian-host.sh, which prints FAIL and a reason."""
        start = len(self.machine.text)
        self.machine.send(f"sh /mnt/test.sh {part}; echo part-{part}-ended-$?\n")
        status = self.machine.expect(rf"^part-{part}-ended-(\d+)$", limit).group(1)
        if status != "0":
            reasons = re.findall(r"^FAIL.*$", self.machine.text[start:], re.MULTILINE)
            raise TestProblem(FAILURE, f"{part}: status {status}; " + "; ".join(reasons[:3]))

    def power_off(self):
        self.machine.send("systemctl poweroff\n")
        self.machine.wait(END_LIMIT)
