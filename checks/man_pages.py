#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Every function of include/ferry/ferry.h has a page in docs/man, with its prototype and its sections; every page is
free of warnings of groff; every knob, option and counter the code has is in the page that lists them.
"""

import os
import re
import shutil
import subprocess
import sys

import tree

MAN = "docs/man"
SECTIONS = {"1": ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"],
            "3": ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "SEE ALSO"],
            "7": ["NAME", "DESCRIPTION", "SEE ALSO"]}


def text_of(page):
    """The source of a page, following one .so."""
    text = tree.read(page)
    match = re.match(r"(?:\.\\\".*\n)*\.so (\S+)\n", text)
    return tree.read(os.path.join(MAN, os.path.basename(match.group(1)))) if match else text


def words(text):
    """The text without groff's requests and escapes."""
    text = re.sub(r"\\f.|\\&", "", text).replace("\\-", "-").replace('"', "")
    text = re.sub(r"^\.\\\".*$", "", text, flags=re.M)
    return re.sub(r"^\.[A-Za-z]+ ?", "", text, flags=re.M)


def check_functions(findings):
    for name, prototype in tree.public_functions().items():
        page = f"{MAN}/{name}.3"
        if not os.path.exists(page):
            findings.append(f"{page} is missing")
        elif prototype not in tree.plain(words(text_of(page))):
            findings.append(f"{page} does not show the prototype of ferry.h: {prototype}")


def check_page(page, findings):
    source = tree.read(page)
    link = re.search(r"^\.so (\S+)$", source, re.M)
    if link:
        if not os.path.exists(f"{MAN}/{os.path.basename(link.group(1))}"):
            findings.append(f"{page}: .so of {link.group(1)}, which is missing")
        return
    have = re.findall(r'^\.SH "?([A-Z ]+?)"?$', source, re.M)
    findings += [f"{page}: no section {s}" for s in SECTIONS.get(page[-1], []) if s not in have]
    if not re.search(rf'^\.TH {re.escape(os.path.basename(page)[:-2])} {page[-1]} ', source, re.M | re.I):
        findings.append(f"{page}: .TH does not carry its name and section")
    run = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], capture_output=True, text=True, check=False)
    findings += [line for line in run.stderr.splitlines() if line.strip()]


def check_lists(findings):
    """What the user can name is written down where it is looked for."""
    seven, errors = words(tree.read(f"{MAN}/ferry.7")), words(tree.read(f"{MAN}/ferry_strerror.3"))
    uapi = tree.read("include/ferry/uapi/ferry.h")
    for counter in re.findall(r"^\tx\((\w+), \"", uapi, re.M):
        if not re.search(rf"^{counter}$", seven, re.M):
            findings.append(f"{MAN}/ferry.7: counter {counter} is not explained (scripts/man_lists.py)")
    errors = re.sub(r"\s+", " ", errors)
    table = re.findall(r'^\tx\((\w+), (E\w+), "(.*)"\)', tree.read("include/ferry/error.h"), re.M)
    for code, errno, sentence in table:
        entry = f"{code} {errno} {sentence}"
        if entry not in errors:
            findings.append(f"{MAN}/ferry_strerror.3: not listed, or not so (scripts/man_lists.py): {entry}")


def main():
    if not shutil.which("groff"):
        print("groff is not here")
        sys.exit(77)
    findings = []
    check_functions(findings)
    for page in tree.files(".1", ".3", ".7", under=MAN):
        check_page(page, findings)
    check_lists(findings)
    tree.end(findings)


main()
