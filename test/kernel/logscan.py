#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Look through a kernel log for what must not be in it (patterns.txt).

    logscan.py FILE...        print what is found; 1 when anything is
    logscan.py --self-test    every pattern bites in its sample (samples.txt), and nothing in the clean logs does
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Taint that a module built out of tree and not signed brings: O and E. Anything else is news.
TAINT_ALLOWED = (1 << 12) | (1 << 13)
TAINT_LETTERS = "PFSRMBUDAWCIOELKXTNJ"


class Scanner:
    """The patterns of one file."""

    def __init__(self, path=HERE / "patterns.txt"):
        self.patterns, self.excuses = {}, {}
        for line in pathlib.Path(path).read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            name, expression = line.split(" ", 1)
            into = self.excuses if name.startswith("!") else self.patterns
            if name.lstrip("!") in into:
                raise ValueError(f"{path}: {name} twice")
            into[name.lstrip("!")] = re.compile(expression)

    def line(self, text):
        """Names of the patterns that bite in this line."""
        if any(e.search(text) for e in self.excuses.values()):
            return []
        return [name for name, pattern in self.patterns.items() if pattern.search(text)]

    def scan(self, lines):
        """[(line number from 0, names)] of the lines with a finding."""
        found = []
        for number, text in enumerate(lines):
            names = self.line(text)
            if names:
                found.append((number, names))
        return found

    def report(self, lines, context=25, findings_max=3):
        """What is found as text for people, None when the log is clean: each with the lines that follow it."""
        lines = list(lines)
        found = self.scan(lines)
        if not found:
            return None
        parts, until, shown = [], -1, 0
        for number, names in found:
            if number < until:
                continue
            if shown == findings_max:
                parts.append(f"... and more, {len(found)} lines in all")
                break
            until, shown = number + context, shown + 1
            parts += [f"{', '.join(names)}:"] + [f"  {text}" for text in lines[number:until]]
        return "\n".join(parts)


def taint_news(before, after):
    """Letters of the taint that came and should not have, "" when there is none."""
    new = after & ~before & ~TAINT_ALLOWED
    return "".join(letter for bit, letter in enumerate(TAINT_LETTERS) if new >> bit & 1) or (hex(new) if new else "")


def samples(path=HERE / "samples.txt"):
    """[(name, lines)]: "=== NAME" begins a sample; the name "clean" may come several times."""
    found = []
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith("=== "):
            found.append((line[4:].strip(), []))
        elif found:
            found[-1][1].append(line)
    return found


def self_test():
    """[(name of the test, what is wrong or None)]"""
    scanner, outcome, seen = Scanner(), [], set()
    clean = 0
    for name, lines in samples():
        if name == "clean":
            clean += 1
            outcome.append((f"patterns: clean log {clean} is clean", scanner.report(lines)))
            continue
        seen.add(name)
        bites = {hit for _, names in scanner.scan(lines) for hit in names}
        wrong = None if name in bites else f"found only: {', '.join(sorted(bites)) or 'nothing'}"
        if name.startswith("!"):
            # An excuse is needed (without it the sample bites) and enough (with it, it does not).
            bare = Scanner()
            del bare.excuses[name[1:]]
            wrong = "is not needed" if not bare.scan(lines) else scanner.report(lines)
        outcome.append((f"patterns: {name} bites", wrong))
    for name in [*scanner.patterns, *("!" + e for e in scanner.excuses)]:
        if name not in seen:
            outcome.append((f"patterns: {name} has a sample", "no sample in samples.txt"))
    if not clean:
        outcome.append(("patterns: there is a clean log", "no clean sample in samples.txt"))
    outcome.append(("patterns: taint O and E are allowed", taint_news(0, TAINT_ALLOWED) or None))
    outcome.append(("patterns: taint W and L are not",
                    None if taint_news(0, 1 << 9 | 1 << 14) == "WL" else "not seen"))
    return outcome


def main():
    if sys.argv[1:] == ["--self-test"]:
        wrong = [(name, why) for name, why in self_test() if why]
        for name, why in wrong:
            print(f"{name}: {why}")
        print(f"{len(self_test()) - len(wrong)} passed, {len(wrong)} failed")
        return 1 if wrong else 0
    status = 0
    for path in sys.argv[1:]:
        report = Scanner().report(pathlib.Path(path).read_text(errors="replace").splitlines())
        if report:
            print(f"{path}:\n{report}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
