# SPDX-License-Identifier: GPL-2.0-only
"""Write an initramfs: the "newc" cpio format, which the kernel unpacks.

Written here instead of calling cpio(1) because an archive made from a list of entries needs
neither root (device nodes, owners) nor a staging tree, and comes out the same for the same input.
Archives may follow each other in one initrd; a later entry replaces an earlier one of its name.
"""

import os
import stat


class Archive:
    """Entries by path; write() lays them out, parents first."""

    def __init__(self):
        self.entries = {}

    def _parents(self, path):
        head = os.path.dirname(path)
        if head and head not in self.entries:
            self._parents(head)
            self.entries[head] = (stat.S_IFDIR | 0o755, b"", 0, 0)

    def _put(self, path, mode, data=b"", major=0, minor=0):
        path = path.strip("/")
        self._parents(path)
        self.entries[path] = (mode, data, major, minor)

    def directory(self, path, mode=0o755):
        self._put(path, stat.S_IFDIR | mode)

    def data(self, path, content, mode=0o644):
        self._put(path, stat.S_IFREG | mode, content)

    def file(self, path, source, mode=None):
        """A copy of a host file; symlinks are followed, as the target may not be in the image."""
        with open(source, "rb") as handle:
            content = handle.read()
        if mode is None:
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.data(path, content, mode)

    def symlink(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, kind, major, minor, mode=0o600):
        self._put(path, (stat.S_IFCHR if kind == "c" else stat.S_IFBLK) | mode, b"", major, minor)

    def write(self, path):
        temporary = f"{path}.{os.getpid()}.new"
        with open(temporary, "wb") as out:
            for number, name in enumerate(sorted(self.entries), 1):
                out.write(_entry(name, number, *self.entries[name]))
            out.write(_entry("TRAILER!!!", 0, 0, b"", 0, 0))
            out.write(b"\0" * (-out.tell() % 512))
        os.replace(temporary, path)


def _entry(name, inode, mode, data, major, minor):
    """One header, name and content, each padded to four bytes."""
    raw = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, major, minor, len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)
