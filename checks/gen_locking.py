#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The tables of docs/design/locking.md come from core/lock/lock_order.h. Without an argument, or with --check: say
whether they are stale. With --write: write them.
"""

import argparse
import re

import tree

HEADER = "core/lock/lock_order.h"
DOC = "docs/design/locking.md"
KINDS = {"MUTEX": "mutex", "RW": "read-write", "SPIN": "spin", "SEM": "semaphore, handed over",
         "CSEM": "counting semaphore", "BITS": "bit lock"}
SUBORDERS = {"NONE": "", "ID": "; several in the order of their numbers", "LEVEL": "; several by rising level"}


def arguments(text):
    """Split at the commas that are in no string and no parenthesis."""
    found, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if char == "," and not depth:
                found.append(text[start:at])
                start = at + 1
    return [part.strip().strip('"') for part in [*found, text[start:]]]


def rows(macro):
    """The argument lists of every x(...) of one table."""
    text = tree.read(HEADER)
    body = re.search(r"#define " + macro + r"\(x\)((?:.*\\\n)*.*\n)", text).group(1)
    body = re.sub(r"\s*\\\n\s*", " ", body)
    found, at = [], 0
    while (match := re.compile(r"\bx\(").search(body, at)):
        depth, quoted, end = 1, False, match.end()
        while depth:
            quoted ^= body[end] == '"'
            depth += 0 if quoted else (body[end] == "(") - (body[end] == ")")
            end += 1
        found.append(arguments(body[match.end():end - 1]))
        at = end
    return found


def names(denied):
    return ", ".join(re.findall(r"d\((\w+)\)", denied))


def order_table():
    lines = ["| order | kind | per | taken for | never while it is held |", "|---|---|---|---|---|"]
    for name, kind, per, taken, never, excl, sub in rows("FERRY_LOCK_ORDER"):
        if excl:
            taken += f"; refused while {names(excl)} is held exclusively"
        taken += SUBORDERS[sub]
        lines.append(f"| {name} | {KINDS[kind]} | {per} | {taken} | {never} |")
    return lines


def ops_table():
    lines = ["| operation | what it is | refused while one of these is held |", "|---|---|---|"]
    for name, what, denied, excl in rows("FERRY_LOCK_OPS"):
        denied = names(denied)
        denied += f"; exclusively: {names(excl)}" if excl else ""
        lines.append(f"| {name} | {what} | {denied} |")
    return lines


def filled(text):
    """The document with both tables between their markers."""
    for marker, table in (("order", order_table()), ("operations", ops_table())):
        begin, end = f"<!-- {marker}: from {HEADER} -->\n", f"<!-- end of {marker} -->\n"
        if begin not in text or end not in text:
            raise SystemExit(f"{DOC}: no lines {begin.strip()} and {end.strip()}")
        head, rest = text.split(begin, 1)
        text = head + begin + "\n".join(table) + "\n" + end + rest.split(end, 1)[1]
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="the default")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()

    text = tree.read(DOC)
    fresh = filled(text)
    if args.write:
        with open(DOC, "w", encoding="utf-8") as f:
            f.write(fresh)
        return
    tree.end([] if text == fresh else [f"{DOC}: its tables are not those of {HEADER}: checks/gen_locking.py --write"])


main()
