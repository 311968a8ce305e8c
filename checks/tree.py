# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What the checks share: which files are the project's. No check itself (not executable)."""

import os
import re
import sys

SKIP = {".git", "build", "__pycache__"}


def files(*suffixes, under=("."), names=()):
    """Paths from the root, sorted: those that end in one of suffixes, or are called one of names."""
    found = []
    for top in [under] if isinstance(under, str) else under:
        for folder, folders, here in os.walk(top):
            folders[:] = [f for f in folders if f not in SKIP]
            found += [os.path.normpath(os.path.join(folder, f)) for f in here
                      if f.endswith(suffixes) or f in names]
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def public_functions():
    """{name: prototype on one line} of include/ferry/ferry.h."""
    text = re.sub(r"/\*.*?\*/", " ", read("include/ferry/ferry.h"), flags=re.S)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = {}
    for match in re.finditer(r"(?<![^;}{])\s*([a-z][\w \t\n]*?[\s*]+(ferry_\w+)\s*\([^;{]*\))\s*(?=;)", text):
        found[match.group(2)] = plain(match.group(1))
    return found


def plain(prototype):
    """One prototype however it was laid out."""
    text = re.sub(r"\s+", " ", prototype).strip()
    text = re.sub(r"\s*([(),*\[\]])\s*", r"\1", text)
    return text


def end(findings):
    """Print the findings and leave."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
