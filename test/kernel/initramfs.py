# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""An initramfs out of files of this machine: a cpio archive in the newc format, written here, not compressed."""

import os
import pathlib
import re
import stat
import subprocess

TRAILER = "TRAILER!!!"


class Initramfs:
    """Paths in the guest, each with what it holds. Folders above a path are made when it is added."""

    def __init__(self):
        self.entries = {}

    def _add(self, path, mode, data):
        path = os.path.normpath(str(path).lstrip("/"))
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.folder(parent)
        self.entries[path] = (mode, data)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def text(self, path, text):
        self._add(path, stat.S_IFREG | 0o644, text.encode())

    def link(self, path, to):
        self._add(path, stat.S_IFLNK | 0o777, to.encode())

    def file(self, path, source):
        source = pathlib.Path(source)
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self._add(path, stat.S_IFREG | mode, source.read_bytes())

    def program(self, path, source):
        """An executable and the shared libraries it is linked with."""
        self.file(path, source)
        for library in shared_libraries(source):
            if library.lstrip("/") not in self.entries:
                self.file(library, library)

    def size(self):
        return sum(len(data) for _, data in self.entries.values())

    def write(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, data)) in enumerate(self.entries.items(), 1):
                _record(out, number, name, mode, data)
            _record(out, 0, TRAILER, 0, b"")


def _record(out, inode, name, mode, data):
    """
    "070701", thirteen numbers of eight hex digits, the name with its NUL, the data; name and data each padded to a
    multiple of four.
    """
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    out.write(head + b"\0" * (-len(head) % 4))
    out.write(data + b"\0" * (-len(data) % 4))


def shared_libraries(program):
    """Absolute paths, the loader included; none for a static program. A missing one is an error."""
    run = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if "not a dynamic executable" in run.stderr or "statically linked" in run.stdout:
        return []
    if run.returncode or "not found" in run.stdout:
        raise RuntimeError(f"ldd {program}: {run.stdout}{run.stderr}")
    return re.findall(r"(?:=> )?(/\S+) \(0x", run.stdout)
