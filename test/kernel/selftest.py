# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Does the ring notice? Two machines in which everything goes wrong, and what must be found in each."""

import plan as plans
from plan import Plan, Step

MISBEHAVE = f"{plans.TEST_DIR}/misbehave"

# How a step misbehaves, and what its finding must say; None: there must be none.
EXPECTED = {
    "fine": None,
    "status": "exit status 3",
    "crash": "died of signal 11",
    "hang": "reached its time limit",
    "leave": "left 1 processes behind",
    "flood": "said too much",
    "failed-case": "",  # the case fails, see CASES; its program ended well
    "short-plan": "1 results of 3 planned",
    "no-plan": "no plan",
    "misnumbered": "result 3 where 2 was due",
    "nested": "",
    "forge": None,
    "binary": None,
    "warn": "WARNING: CPU",
    "taint": "tainted now: W",
    "missing": "exit status 127",
    "absent-module": "exit status 1",
    "wanted-status": None,
}
CASES = {
    "failed-case:good": None,
    "failed-case:bad": "because it must",
    "nested:inner one": None,
    "nested:inner two": "no reason given",
    "nested:outer": "no reason given",
    "short-plan:the only one": None,
}


def all_wrong():
    """Every step that misbehaves and leaves the machine alive."""
    steps = []
    for name in EXPECTED:
        if name == "missing":
            steps.append(Step("run", name, 5, ("/no/such/program",)))
        elif name == "absent-module":
            steps.append(Step("insmod", name, 5, ("/no/such/module.ko",)))
        elif name == "wanted-status":
            steps.append(Step("run", name, 5, (MISBEHAVE, "status"), exit=3))
        elif name == "taint":
            # Through PID 1 itself: /proc/sys/kernel/tainted takes new bits from root.
            steps.append(Step("write", name, 5, ("/proc/sys/kernel/tainted", 1 << 9)))
        else:
            steps.append(Step("run", name, 2 if name == "hang" else 10, (MISBEHAVE, name)))
    return Plan(steps)


def dies():
    """The kernel crashes in the middle of a step."""
    return Plan([Step("run", "fine", 5, (MISBEHAVE, "fine")),
                 Step("write", "crash", 5, ("/proc/sysrq-trigger", "c")),
                 Step("run", "never", 5, (MISBEHAVE, "fine"))])


def compare(found, expected, series):
    """[(name of the test, what is wrong or None)]: each expected finding is there, and no other."""
    by_name = {name.removeprefix(f"{series}:"): wrong for name, wrong, _ in found}
    outcome = []
    for name, text in expected.items():
        test = f"the ring notices: {series}:{name}" if text is not None else f"the ring is calm: {series}:{name}"
        if name not in by_name:
            outcome.append((test, "no such result"))
        elif text is None:
            outcome.append((test, by_name[name] and f"found: {by_name[name]}"))
        elif not text and by_name[name] is None:
            outcome.append((test, None))
        else:
            got = by_name[name]
            outcome.append((test, None if got is not None and text in got else f"found: {got}"))
    return outcome


def judge_all_wrong(found, series):
    return compare(found, {"boot": None, "log": None, **EXPECTED, **CASES}, series)


def judge_dies(found, series):
    return compare(found, {"boot": "no marker of a finished run", "fine": None, "crash": "did not end",
                           "log": "panic"}, series)
