#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The library exports what its header declares: include/ferry/ferry.h, lib/ferry.map and, when it is built, the symbols
of build/libferry.so name the same functions.
"""

import os
import re
import subprocess

import tree


def differences(where, exported, declared):
    return ([f"{where} lacks {name}, which ferry.h declares" for name in sorted(declared - exported)] +
            [f"{where} exports {name}, which ferry.h does not declare" for name in sorted(exported - declared)])


def main():
    declared = set(tree.public_functions())
    text = re.sub(r"/\*.*?\*/", " ", tree.read("lib/ferry.map"), flags=re.S)
    mapped = set(re.findall(r"\b(ferry_\w+);", text))
    findings = differences("lib/ferry.map", mapped, declared)

    so = "build/libferry.so"
    if os.path.exists(so):
        nm = subprocess.run(["nm", "-D", "--defined-only", so], capture_output=True, text=True, check=True)
        names = {line.split()[-1] for line in nm.stdout.splitlines()}
        names = {name for name in names if not name.startswith("FERRY_")}
        findings += [f"{so} exports {name} without a version" for name in sorted(names) if "@" not in name]
        findings += differences(so, {name.split("@")[0] for name in names}, declared)
    tree.end(findings)


main()
