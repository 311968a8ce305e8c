#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The code in README.md works: every C block that includes ferry/gpu.h compiles for the GPU, every one that includes
ferry/ferry.h compiles for the CPU. (test/e2e runs the first of them.)
"""

import re
import subprocess
import tempfile

import tree


def blocks(path="README.md"):
    """The C blocks of a document, in order."""
    return re.findall(r"^```c\n(.*?)^```", tree.read(path), re.S | re.M)


def compile_one(text, command):
    with tempfile.TemporaryDirectory() as work:
        source = f"{work}/mine.c"
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        flags = ["-Wall", "-Wextra", "-Werror", "-Iinclude", "-c", source, "-o", f"{work}/mine.o"]
        run = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
        return run.stderr if run.returncode else None


def main():
    findings, gpu = [], 0
    for text in blocks():
        if "ferry/gpu.h" in text:
            gpu += 1
            error = compile_one(text, ["clang", "-O2", "-target", "bpf", "-mcpu=v3"])
        elif "ferry/ferry.h" in text:
            error = compile_one(text, ["gcc", "-std=gnu11"])
        else:
            continue
        if error:
            findings.append(f"README.md: this block does not compile:\n{text}\n{error}")
    if not gpu:
        findings.append("README.md: no example of a GPU program")
    tree.end(findings)


if __name__ == "__main__":
    main()
