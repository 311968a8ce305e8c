# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""From what a guest said to passed and failed."""

import logscan
import stream

scanner = logscan.Scanner()


def judge(series, guest, said, tries, timings=False):
    """([(name, what is wrong or None, skipped)], a line about the run)"""
    found = [(f"{series}:boot", boot_wrong(guest, said), False)]
    taint = said.began["taint"] if said.began else 0
    for step in said.steps:
        found += judge_step(series, step, taint)
        if step.end:
            taint = step.end["taint"]
    found.append((f"{series}:log", outside_wrong(guest, said), False))
    line = f"{series}: {said.release or 'did not boot'}, {guest.seconds:.0f} s"
    if said.began:
        line += f" (PID 1 after {said.began['uptime_ms'] / 1000:.1f} s)"
    if tries > 1:
        line += f", boot was tried {tries} times: the first died before PID 1"
    if timings:
        line += "".join(f"\n  {s.end['ms'] / 1000:7.2f} s {s.name}  {numbers(s.end)}" for s in said.steps if s.end)
    return found, line


def numbers(end):
    return " ".join(f"{k}={v:+d}" for k, v in end.items() if k.endswith("_kb") and v)


def boot_wrong(guest, said):
    """Did the machine as a whole come up, finish and switch itself off?"""
    parts = []
    if not said.began:
        parts.append("PID 1 said nothing")
    elif not said.ended:
        parts.append("no marker of a finished run")
    elif said.ended["steps"] != len(said.steps) or said.planned != len(said.steps):
        parts.append(f"{len(said.steps)} steps seen, {said.planned} planned, {said.ended['steps']} said to have run")
    if guest.ended != "ended":
        parts.append(f"stopped by us: {guest.ended}")
    elif guest.status:
        parts.append(f"QEMU ended with {guest.status}: {guest.errors.strip()}")
    if said.notes:
        parts.append("PID 1 notes: " + "; ".join(said.notes[:10]))
    if not parts:
        return None
    return "\n".join([", ".join(parts), "the console's last lines:", *guest.console_text().splitlines()[-40:]])


def judge_step(series, step, taint):
    """The step, and each result its program gave."""
    ktap = stream.Ktap(step.output)
    found = []
    for case in ktap.cases:
        wrong = None if case.passed else case.why or "no reason given"
        found.append((f"{series}:{step.name}:{case.name}", wrong if not case.skipped else case.why, case.skipped))
    parts = []
    if step.why():
        parts.append(step.why())
    parts += ktap.wrong
    if ktap.seen and not ktap.cases:
        parts.append("no result")
    lines = [text for _, text in step.log]
    dirty = scanner.report(lines)
    if dirty:
        parts.append(f"the kernel's log:\n{dirty}")
    news = logscan.taint_news(taint, step.end["taint"]) if step.end else ""
    if news:
        parts.append(f"the kernel is tainted now: {news}")
    wrong = None
    if parts:
        wrong = "\n".join(parts)
        if step.why():
            wrong += "\n" + "\n".join([*step.notes[-60:], *step.output[-30:]])
    found.append((f"{series}:{step.name}", wrong if not step.skipped else "not on this kernel", step.skipped))
    return found


def outside_wrong(guest, said):
    """
    The log before the first step, and the console: there is what the kernel said when it died. What a step's own log
    has shown is not said again, unless the machine died: how much of a death reaches PID 1 on the other CPU before
    that one is stopped, is chance.
    """
    early = scanner.report(text for _, text in said.early)
    if early:
        return f"before the first step:\n{early}"
    seen = sum(bool(scanner.report([text])) for step in said.steps for _, text in step.log)
    console = scanner.report(guest.console_text().splitlines())
    if console and not (seen and said.ended):
        return f"on the console:\n{console}"
    return None


def record(res, found):
    for name, wrong, skipped in found:
        if skipped:
            res.skip(name, wrong)
        elif wrong is not None:
            res.fail(name, wrong)
        else:
            res.ok(name)


class _Dead:
    """A guest that left only a console."""
    ended, status, errors, seconds = "ended", 0, "", 1.0

    def console_text(self):
        return "[    5.0] Kernel panic - not syncing: sysrq triggered crash\n"


def self_test():
    """A death is found on the console, however much of it PID 1 read: [(name of the test, what is wrong or None)]"""
    outcome = []
    for read in (0, 1):
        said = stream.Stream()
        for line in ["FERRY-INIT begin release=6.1 taint=0 uptime_ms=1", "1..1", "# begin 1 crash",
                     *["# kmsg 0 5.0 Kernel panic - not syncing: sysrq triggered crash"] * read]:
            said.feed(line)
        wrong = {name: why for name, why, _ in judge("dead", _Dead(), said, 1)[0]}["dead:log"]
        outcome.append((f"report: a death of which PID 1 read {read} lines is found on the console",
                        None if wrong and "panic" in wrong else f"found: {wrong}"))
    return outcome
