# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What the models take from the code, so that they cannot say something else: the lock order and its rules (order.h),
and the verbs of the exhibit of three locks as sequences of locks (verbs.h).
"""

import re
import subprocess

VERB_FILES = ("test/sim/exhibit/three_locks.h",)
VERBS = ("read_lock", "read_unlock", "control_lock", "control_unlock", "write_lock", "write_unlock", "downgrade",
         "downgrade_for_control")
NOT_MODELLED = ("init",)


class Drift(Exception):
    """The code no longer is what the models were made from."""


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def verb_bodies(tree):
    """{verb: the statements of three_VERB()}"""
    text = "\n".join(without_comments((tree / path).read_text()) for path in VERB_FILES)
    found = {}
    for match in re.finditer(r"\bthree_(\w+)\(struct three_locks \*l\)\s*\{(.*?)\n\}", text, re.S):
        found[match.group(1)] = [s.strip() for s in match.group(2).split(";") if s.strip()]
    return found


def step(verb, statement):
    """One statement of a verb in the model's words."""
    words = " ".join(statement.split())
    match = re.fullmatch(r"(?:ferry_os|sim)_(\w+)\(&l->(\w+)\)", words)
    if match:
        return "_".join(match.groups())
    match = re.fullmatch(r"three_(\w+)\(l\)", words)
    if not match:
        raise Drift(f"three_{verb}: a statement that the model cannot take over: {statement}")
    return f"VERB_{match.group(1)}"


def verbs(tree):
    """verbs.h"""
    bodies = verb_bodies(tree)
    for verb in NOT_MODELLED:
        bodies.pop(verb, None)
    if sorted(bodies) != sorted(VERBS):
        raise Drift(f"the three locks have the verbs {' '.join(sorted(bodies))}; "
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
