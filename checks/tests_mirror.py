#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Every source of core/, softgpu/ and hal/ is under a unit test (named in some TEST-SOURCES line), every unit test names
its group after its file, each of its tests says its Goal and its Method, and every folder of core/ has a README.
"""

import os
import re

import tree

README_LINES_MAX = 60


def main():
    findings = []
    tests = tree.files("_test.c", under="test/unit")
    covered = set()
    for test in tests:
        text = tree.read(test)
        line = re.search(r"TEST-SOURCES:(.*?)\*/", text, re.S)
        if not line:
            findings.append(f"{test}: no TEST-SOURCES line")
            continue
        sources = re.findall(r"[\w./-]+\.c\b", line.group(1))
        findings += [f"{test}: TEST-SOURCES names {s}, which is missing" for s in sources if not os.path.exists(s)]
        covered.update(sources)
        if "@core" in line.group(1):
            covered.update(tree.files(".c", under="core"))
        covered.update(os.path.normpath(s) for s in re.findall(r'#include "([\w./-]+\.c)"', text))
        if "_group_tests" not in text:
            findings.append(f"{test}: runs no group of tests")
        if "Goal" not in text or "Method" not in text:
            findings.append(f"{test}: its tests do not say their Goal and their Method")

    for source in tree.files(".c", under=("core", "softgpu", "hal")):
        if source not in covered:
            findings.append(f"{source}: no unit test names it in TEST-SOURCES")
    places = tree.files(".c", ".h", under=("core", "softgpu", "hal", "os-user"))
    for folder in sorted({os.path.dirname(path) for path in places}):
        readme = os.path.join(folder, "README.md")
        if not os.path.exists(readme):
            findings.append(f"{readme} is missing: objects, locks, where to start")
        elif len(tree.read(readme).splitlines()) > README_LINES_MAX:
            findings.append(f"{readme}: more than one screen ({README_LINES_MAX} lines)")
    tree.end(findings)


main()
