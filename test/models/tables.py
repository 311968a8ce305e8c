# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What the models take from the code, so that they cannot say something else: the lock order and its rules (order.h),
and the verbs of the VA-space lock as sequences of locks (verbs.h).
"""

import re
import subprocess

VERB_FILES = ("core/lock/va_lock.h", "core/lock/va_lock.c")
VERBS = ("read_lock", "read_unlock", "control_lock", "control_unlock", "write_lock", "write_unlock", "downgrade",
         "downgrade_for_control")
# A try never waits. That it leaves ACQUIRE alone is said in docs/design/models.md.
NOT_MODELLED = ("read_trylock",)


class Drift(Exception):
    """The code no longer is what the models were made from."""


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def verb_bodies(tree):
    """{verb: the statements of ferry_va_VERB_at()}"""
    text = "\n".join(without_comments((tree / path).read_text()) for path in VERB_FILES)
    found = {}
    for match in re.finditer(r"\bferry_va_(\w+)_at\(struct ferry_ctx \*ctx,[^;{]*\)\s*\{(.*?)\n\}", text, re.S):
        found[match.group(1)] = [s.strip() for s in match.group(2).split(";") if s.strip()]
    return found


def step(verb, statement):
    """One statement of a verb in the model's words."""
    match = re.fullmatch(r"ferry_(\w+)_at\(ctx, (?:&l->(\w+)|l), file, line\)", " ".join(statement.split()))
    if not match:
        raise Drift(f"ferry_va_{verb}: a statement that the model cannot take over: {statement}")
    call, member = match.groups()
    if member:
        return f"{call}_{member}"
    return "VERB_" + call.removeprefix("va_")


def verbs(tree):
    """verbs.h"""
    bodies = verb_bodies(tree)
    for verb in NOT_MODELLED:
        bodies.pop(verb, None)
    if sorted(bodies) != sorted(VERBS):
        raise Drift(f"the VA-space lock has the verbs {' '.join(sorted(bodies))}; "
                    f"the model knows {' '.join(sorted(VERBS))}")
    lines = [f"#define VERB_{verb} " + "; ".join(step(verb, s) for s in bodies[verb]) for verb in VERBS]
    return "\n".join(lines) + "\n"


def order(tree, work):
    """order.h, by way of the compiler."""
    program = work / "order"
    subprocess.run(["gcc", "-std=c11", "-I", tree / "core", "-o", program, tree / "test/models/order.c"], check=True)
    return subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout


def write(tree, work):
    """Both headers into work."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "order.h").write_text(order(tree, work))
    (work / "verbs.h").write_text(verbs(tree))
