#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""In QEMU's place: a machine that says on its serial line what FAKE_SAYS has, and ends with the
status FAKE_STATUS; with "stay" as that it stands still until something is typed."""

import os
import socket
import sys


def main():
    chardev = next(word for word in sys.argv if word.startswith("socket,id=serial,path="))
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(chardev.partition("path=")[2])
        line.sendall(os.environ["FAKE_SAYS"].encode())
        if os.environ["FAKE_STATUS"] == "stay":
            line.recv(1)
            return 0
    return int(os.environ["FAKE_STATUS"])


if __name__ == "__main__":
    sys.exit(main())
