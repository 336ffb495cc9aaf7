# SPDX-License-Identifier: GPL-2.0-only
"""The files of the source tree, read once, and how each C file is compiled."""

import os
import re
import shlex
import subprocess

COMPILE = re.compile(r"(^|[;&|]\s*|\s)(\S*(gcc|cc|clang))\s[^;&|]*\.c(\s|$)")


class Tree:
    """Paths are relative to the top. What git ignores is not there."""

    def __init__(self, top, below=()):
        self.top = top
        done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=top,
                              stdout=subprocess.PIPE, text=True, check=False)
        names = done.stdout.split("\n") if done.returncode == 0 else self._walk()
        self.all_files = sorted(name for name in names
                                if name and os.path.isfile(os.path.join(top, name)))
        below = [os.path.normpath(path) for path in below]
        self.files = [name for name in self.all_files if not below or
                      any(name == path or name.startswith(path + "/") for path in below)]
        self._texts = {}
        self._commands = None

    def _walk(self):
        for folder, inner, names in os.walk(self.top):
            inner[:] = [name for name in inner if name not in ("build", ".git", "__pycache__")]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.top)

    def path(self, name):
        return os.path.join(self.top, name)

    def read(self, name):
        if name not in self._texts:
            with open(self.path(name), encoding="utf-8", errors="replace") as handle:
                self._texts[name] = handle.read()
        return self._texts[name]

    def with_suffix(self, *suffixes):
        return [name for name in self.files if name.endswith(suffixes)]

    def commands(self):
        """For each C file that a Makefile compiles: (folder, flags)."""
        if self._commands is None:
            self._commands = {}
            for makefile in self.all_files:
                if os.path.basename(makefile) == "Makefile" and os.path.dirname(makefile):
                    self._dry_run(os.path.dirname(makefile))
        return self._commands

    def _dry_run(self, folder):
        for target in ([], ["check"]):
            done = subprocess.run(["make", "-s", "-n", "-B", "-C", folder] + target, cwd=self.top,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  check=False)
            where = folder
            for line in done.stdout.replace("\\\n", " ").splitlines():
                entered = re.search(r"Entering directory '(.*)'", line)
                if entered:
                    where = os.path.relpath(entered.group(1), self.top)
                moved = re.match(r"\s*cd (\S+) &&", line)
                if COMPILE.search(line):
                    self._one_command(os.path.relpath(os.path.join(self.path(where),
                                                                   moved.group(1)), self.top)
                                      if moved else where, line)

    def _one_command(self, folder, line):
        try:
            words = shlex.split(line)
        except ValueError:
            return
        flags, sources, skip = [], [], False
        for position, word in enumerate(words):
            if skip:
                skip = False
            elif word.endswith(".c"):
                sources.append(word)
            elif word in ("-I", "-include", "-isystem", "-D"):
                flags += [word, words[position + 1]]
                skip = True
            elif re.match(r"-(I|D|U|std=|m|f|nostd|isystem)", word):
                flags.append(word)
        for source in sources:
            name = os.path.relpath(os.path.join(self.path(folder), source), self.top)
            self._commands.setdefault(name, (folder, flags))

    def flags_for(self, header):
        """A header is compiled like a C file of its folder, or of the nearest one above."""
        folder = os.path.dirname(header)
        commands = self.commands()
        while folder:
            for name in sorted(commands):
                if os.path.dirname(name) == folder:
                    return commands[name]
            for name in sorted(commands):
                if name.startswith(folder + "/"):
                    return commands[name]
            folder = os.path.dirname(folder)
        return (".", ["-std=gnu17", "-Iinclude", "-Irings"])
