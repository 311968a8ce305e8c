# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The stream of a guest, read line by line: which steps ran, how they ended, what their programs and the kernel said.
The format is drawn in init/init.h.
"""

import dataclasses
import re

RESULT = re.compile(r"(not )?ok (\d+)(?: - | |$)(.*?)(?:\s+# (SKIP|TODO|XFAIL)\b\s*(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)\b")
FIELDS = re.compile(r"(\w+)=([-+]?\d+)")


@dataclasses.dataclass
class Case:
    """One result line of a step's program."""
    name: str
    passed: bool
    skipped: bool = False
    why: str = ""


@dataclasses.dataclass
class Step:
    """output: what its program said; log: (priority, text) of the kernel; end: the numbers of the end marker."""
    number: int
    name: str
    output: list = dataclasses.field(default_factory=list)
    log: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    end: dict = None
    passed: bool = None
    skipped: bool = False

    def why(self):
        """What is wrong with the step itself, in words; None when nothing is."""
        if self.end is None or self.passed is None:
            return "did not end: the machine died in it, or was stopped"
        end, parts = self.end, []
        if end["timed_out"]:
            parts.append("reached its time limit")
        if end["unkillable"]:
            parts.append("did not obey SIGKILL in time")
        if end["left"]:
            parts.append(f"left {end['left']} processes behind")
        if end["cut"]:
            parts.append("said too much")
        if end["signal"] and not end["timed_out"]:
            parts.append(f"died of signal {end['signal']}" + (", core dumped" if end["core"] else ""))
        if not self.passed and not parts:
            parts.append(f"exit status {end['exit']}")
        return ", ".join(parts) or (None if self.passed else "failed")


class Ktap:
    """Results of one program. Nested ones come before the line that sums them up, indented deeper."""

    def __init__(self, lines):
        self.cases, self.wrong = [], []
        self.seen = False
        self._open = {}  # depth: [planned or None, results so far, first case of this depth's next subtest, reason]
        notes = []
        for line in lines:
            text = line.lstrip(" ")
            depth = (len(line) - len(text)) // 2
            if text.startswith(("KTAP version", "TAP version")):
                self.seen = True
                self._open[depth] = [None, 0]
                notes = []
            elif depth in self._open and PLAN.match(text):
                self._open[depth][0] = int(PLAN.match(text).group(1))
            elif depth in self._open and RESULT.match(text):
                self._result(depth, RESULT.match(text), notes)
                notes = []
            elif text:
                notes.append(text.removeprefix("# "))
        for level in list(self._open):
            self._close(level, "")

    def _close(self, depth, name):
        planned, count = self._open.pop(depth)
        where = f" in {name}" if name else ""
        if planned is None:
            self.wrong.append(f"no plan{where}")
        elif planned != count:
            self.wrong.append(f"{count} results of {planned} planned{where}")

    def _result(self, depth, match, notes):
        bad, number, name, directive, reason = match.groups()
        level = self._open[depth]
        level[1] += 1
        if int(number) != level[1]:
            self.wrong.append(f"result {number} where {level[1]} was due: {name}")
        for deeper in [d for d in self._open if d > depth]:
            self._close(deeper, name)
        skipped = directive == "SKIP"
        self.cases.append(Case(name.strip() or f"test {number}", not bad, skipped,
                               reason or "\n".join(notes[-30:])))


class Stream:
    """Feed it lines; began and ended are the two markers' numbers, None until they came."""

    def __init__(self):
        self.began = self.ended = None
        self.release = ""
        self.planned = None
        self.steps = []
        self.early = []  # log before the first step
        self.notes = []  # what PID 1 complains about outside of a step
        self._step = None

    def feed(self, line):
        if line.startswith("  ") and self._step:
            self._step.output.append(line[2:])
        elif line.startswith("# kmsg"):
            self._kmsg(line)
        elif line.startswith("# begin "):
            _, _, number, name = line.split(" ", 3)
            self._step = Step(int(number), name)
            self.steps.append(self._step)
        elif line.startswith("# end ") and self._step:
            self._step.end = {k: int(v) for k, v in FIELDS.findall(line)}
        elif line.startswith("FERRY-INIT begin"):
            self.began = {k: int(v) for k, v in FIELDS.findall(line.split("release=", 1)[1])}
            self.release = line.split("release=", 1)[1].split(" ", 1)[0]
        elif line.startswith("FERRY-INIT end"):
            self.ended = {k: int(v) for k, v in FIELDS.findall(line)}
        elif PLAN.match(line):
            self.planned = int(PLAN.match(line).group(1))
        elif RESULT.match(line) and self._step:
            match = RESULT.match(line)
            self._step.passed = not match.group(1)
            self._step.skipped = match.group(4) == "SKIP"
            self._step = None
        elif line.startswith("#"):
            (self._step.notes if self._step else self.notes).append(line[2:])

    def _kmsg(self, line):
        if line.startswith("# kmsg-lost"):
            self.notes.append("kernel log records were lost")
            return
        _, _, priority, time, *text = line.split(" ", 4)
        entry = (int(priority), f"[{time}] {text[0] if text else ''}")
        if self._step:
            self._step.log.append(entry)
        elif self.steps:
            # Between two steps: it belongs to the one before.
            self.steps[-1].log.append(entry)
        else:
            self.early.append(entry)
