#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What the documentation names exists: every link to a file, and every `path/with/a/slash` in backquotes, in every .md
file, from the root, from include/ or from the file's own folder. Not looked for: build/ (made by make), addresses on
the net, and names with a placeholder in them (capitals, <, *, $).
"""

import glob
import os
import re

import tree

TOP = ("core", "softgpu", "hal", "os-user", "os-linux", "lib", "tools", "include", "programs", "test", "docs",
       "checks", "scripts", "mk", "packaging", "LICENSES", ".ci")
EXTENSIONS = (".c", ".h", ".md", ".py", ".sh", ".mk", ".map", ".in", ".txt", ".1", ".3", ".7")


def looks_like_path(word):
    if not re.fullmatch(r"[\w./+{},-]+", word) or word.startswith(("build/", "/", "-", "~")):
        return False
    name = word.rstrip("/").split("/")[-1]
    if re.search(r"\b[A-Z]{3,}\b", re.sub(r"\w+\.md$|LICENSE[\w-]*", "", word)):
        return False
    return ("/" in word and word.split("/")[0] in TOP) or ("/" in word and name.endswith(EXTENSIONS))


def exists(path, base):
    # {a,b} means both.
    brace = re.search(r"\{([^}]*)\}", path)
    if brace:
        return all(exists(path.replace(brace.group(0), one, 1), base) for one in brace.group(1).split(","))
    return any(glob.glob(os.path.join(top, path)) for top in (".", base, "include"))


def main():
    findings = []
    for doc in tree.files(".md"):
        base = os.path.dirname(doc)
        fenced = False
        for number, line in enumerate(tree.read(doc).splitlines(), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", line)
                     if not re.match(r"[a-z]+:|#", link)]
            for word in re.findall(r"`([^`]+)`", line):
                # `make check` and the like are no paths; nor is file:line.
                word = re.sub(r":\d+$", "", word.strip())
                if looks_like_path(word):
                    links.append(word)
            findings += [f"{doc}:{number}: no {link}" for link in links if link and not exists(link, base)]
    tree.end(findings)


main()
