# SPDX-License-Identifier: GPL-2.0-only
"""Run a command in network and mount namespaces of its own, with an empty /run; as a user that is
not root, in a user namespace too. Where that is not allowed, say "skip: reason" and succeed."""

import os
import subprocess
import sys

SETUP = 'mount -t tmpfs none /run && exec "$@"'


def main():
    unshare = ["unshare", "--net", "--mount"] + ([] if os.getuid() == 0 else ["--map-root-user"])
    enter = unshare + ["sh", "-c", SETUP, "sh"]
    probe = "test -w /dev/net/tun && test -w /proc/sys/net/ipv4/ip_forward"
    tried = subprocess.run(enter + ["sh", "-c", probe], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
    if tried.returncode != 0:
        why = (tried.stdout.strip().splitlines() or ["no /dev/net/tun, or /proc/sys is read-only"])
        print(f"skip: no network namespace with tap devices can be made here: {why[-1]}")
        return 0
    return subprocess.call(enter + sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
