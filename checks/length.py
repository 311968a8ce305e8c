#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Files have at most 800 lines, functions at most 60, lines at most 118 columns. A function between 61 and 80 lines
may be listed in checks/length_allowed.txt ("path function lines"); the list may only shrink, and is best empty.
"""

import ast
import re

import tree

FILE_MAX = 800
FUNCTION_MAX = 60
FUNCTION_HARD = 80
COLUMNS_MAX = 118


def c_functions(text):
    """(name, lines from its name to its closing brace) of kernel-style C: the braces stand in column 0."""
    lines = text.splitlines()
    start = name = None
    for number, line in enumerate(lines):
        match = re.match(r"[A-Za-z_][\w\s*]*?\b(\w+)\s*\((?!.*;\s*$)", line)
        if match and not line.startswith(("#", "typedef", "struct {", "enum ", "return")):
            start, name = number, match.group(1)
        elif line == "}" and start is not None:
            yield name, number - start + 1
            start = None
        elif line.startswith(("};", "#")):
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def main():
    findings = []
    allowed = {}
    for line in tree.read("checks/length_allowed.txt").splitlines():
        if line and not line.startswith("#"):
            path, name, lines = line.split()
            allowed[path, name] = int(lines)

    for path in tree.files(".c", ".h", ".py", ".sh", ".mk", names=("Makefile",)):
        text = tree.read(path)
        lines = text.splitlines()
        if len(lines) > FILE_MAX:
            findings.append(f"{path}: {len(lines)} lines, at most {FILE_MAX}")
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > COLUMNS_MAX:
                findings.append(f"{path}:{number}: {len(line.expandtabs(8))} columns, at most {COLUMNS_MAX}")
        functions = c_functions if path.endswith((".c", ".h")) else python_functions if path.endswith(".py") else None
        for name, count in functions(text) if functions else ():
            limit = min(max(FUNCTION_MAX, allowed.pop((path, name), 0)), FUNCTION_HARD)
            if count > limit:
                findings.append(f"{path}: {name}() has {count} lines, at most {limit}")
    findings += [f"checks/length_allowed.txt: {path} {name} is no longer needed" for path, name in allowed]
    tree.end(findings)


main()
