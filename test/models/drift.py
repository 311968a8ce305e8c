# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
A model stands for functions of the code; its head names them, each with a fingerprint:

    *     core/power/gate.c ferry_gate_enter 1a2b3c4d

A function that has changed since fails here until somebody has looked whether the model still says what it does, and
has put the new fingerprint there (test/models/run.py --stamp). Comments and white space do not count.
"""

import hashlib
import re

import tables

LINE = re.compile(r"^ \*     (\S+\.[ch]) (\w+)(?: ([0-9a-f]{8}))?$", re.M)


def fingerprint(tree, path, name):
    """Of one function, or None when it is not there."""
    text = tables.without_comments((tree / path).read_text()) if (tree / path).exists() else ""
    match = re.search(r"^(?!#)[A-Za-z_][^;{}\n]*\b" + name + r"\([^;{}]*\)[\sA-Z_]*\n\{.*?^\}", text, re.S | re.M)
    if not match:
        return None
    return hashlib.sha256(" ".join(match.group(0).split()).encode()).hexdigest()[:8]


def compare(tree, model):
    """What is wrong, a sentence each."""
    found = []
    for path, name, stamp in LINE.findall(model.read_text()):
        now = fingerprint(tree, path, name)
        if not now:
            found.append(f"{model.name} stands for {name}() of {path}, which is not there")
        elif now != stamp:
            found.append(f"{model.name} stands for {name}() of {path}, which has changed: is the model still right? "
                         f"Then  python3 test/models/run.py --stamp")
    return found


def stamp(tree, model):
    """Write the fingerprints of today."""
    def line(match):
        path, name = match.group(1), match.group(2)
        now = fingerprint(tree, path, name)
        if not now:
            raise tables.Drift(f"{model.name}: no {name}() in {path}")
        return f" *     {path} {name} {now}"

    old = model.read_text()
    new = LINE.sub(line, old)
    if new != old:
        model.write_text(new)
