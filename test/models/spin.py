# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The SPIN models: every case with the verdict it must have. A broken variant that is not found is as bad as a hang in
the real one.
"""

import dataclasses
import re
import subprocess

VERDICTS = {"clean": None, "hang": "invalid end state", "wrong": "assertion violated", "starves": "acceptance cycle"}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    model: str
    verdict: str       # of VERDICTS
    knobs: tuple = ()
    live: bool = False  # the model's ltl formula under weak fairness, instead of safety
    long: bool = False  # check-long only
    sim: tuple = ()     # the same in the simulator: story, what is left out, contract


BOTH = (("fair", ()), ("weak", ("WEAK",)))
SIX = ("CALLERS=2", "DOWNGRADERS=1")
EIGHT = ("CALLERS=2", "DOWNGRADERS=1", "READERS=1", "WRITERS=2")
TEN = ("CALLERS=2", "REWRITERS=2", "DOWNGRADERS=1", "READERS=1", "WRITERS=2", "SERVICES=2")
# (mutant, verdict under fair, verdict under weak)
MUTANTS = (("control_without_writers", "hang", "hang"), ("downgrade_drops_writers", "hang", "hang"),
           ("control_under_write", "hang", "hang"), ("service_takes_writers", "hang", "hang"),
           ("other_order", "hang", "hang"), ("service_without_acquire", "clean", "hang"),
           ("acquire_released_first", "clean", "hang"), ("service_keeps_acquire", "clean", "clean"))
# Those that the lock order or the rule about control calls refuses on the spot.
REFUSED = ("control_without_writers", "downgrade_drops_writers", "control_under_write", "other_order")


def three_locks():
    for contract, knobs in BOTH:
        yield Case(f"three_locks:{contract}", "three_locks", "clean", knobs + SIX,
                   sim=("va_space_lock", None, contract))
        for without, verdict in (("writers", "hang"), ("acquire", "hang" if contract == "weak" else "clean")):
            yield Case(f"three_locks:{contract}:without-{without}", "three_locks", verdict,
                       (*knobs, f"WITHOUT_{without.upper()}"), sim=("va_space_lock", without, contract))
        for mutant, fair, weak in MUTANTS:
            yield Case(f"three_locks:{contract}:{mutant}", "three_locks", weak if contract == "weak" else fair,
                       (*knobs, *SIX, "NO_RULES", f"MUTANT_{mutant}"))
        yield Case(f"three_locks:{contract}:served", "three_locks", "clean", (*knobs, "FIFO"), live=True)
        yield Case(f"three_locks:{contract}:eight", "three_locks", "clean", knobs + EIGHT)
        yield Case(f"three_locks:{contract}:ten", "three_locks", "clean", knobs + TEN, long=True)
        yield Case(f"three_locks:{contract}:twelve", "three_locks", "clean",
                   (*knobs, *TEN, "WRITERS=3", "CALLERS=3"), long=True)
        yield Case(f"three_locks:{contract}:ten:without-acquire", "three_locks",
                   "hang" if contract == "weak" else "clean", (*knobs, *TEN, "WITHOUT_ACQUIRE"), long=True)
        yield Case(f"three_locks:{contract}:served:writers", "three_locks", "clean", (*knobs, "FIFO", "WRITERS=2"),
                   live=True, long=True)
        yield Case(f"three_locks:{contract}:served:downgrader", "three_locks", "clean",
                   (*knobs, "FIFO", "DOWNGRADERS=1"), live=True, long=True)
    yield Case("three_locks:served:no-line", "three_locks", "starves", live=True)
    for mutant in REFUSED:
        yield Case(f"three_locks:table:{mutant}", "three_locks", "wrong", (*SIX, f"MUTANT_{mutant}"))


def va_lock():
    yield Case("va_lock", "va_lock", "clean", SIX, sim=("va_lock_few", None, "fair"))
    yield Case("va_lock:served", "va_lock", "clean", SIX, live=True)
    yield Case("va_lock:service-waits", "va_lock", "hang", ("SERVICE_WAITS",), sim=("va_lock", "passing", "fair"))
    yield Case("va_lock:ten", "va_lock", "clean", TEN, long=True)


def isr():
    yield Case("isr", "isr", "clean", ("SPURIOUS=2",))
    yield Case("isr:stop", "isr", "clean", ("SPURIOUS=1", "STOP"))
    yield Case("isr:lost:watchdog", "isr", "clean", ("LOST=2", "WATCHDOG"))
    yield Case("isr:all", "isr", "clean", ("SPURIOUS=2", "LOST=2", "WATCHDOG", "STOP", "BATCHES=3"), long=True)
    yield Case("isr:lost", "isr", "wrong", ("LOST=1",))
    for broken in ("ARM_BEFORE_LAST_LOOK", "ARM_BEFORE_UP", "NO_WORK"):
        yield Case(f"isr:{broken.lower().replace('_', '-')}", "isr", "wrong", (broken,))
    yield Case("isr:up-before-done", "isr", "wrong", ("UP_BEFORE_DONE", "SPURIOUS=1"))
    yield Case("isr:stop-without-down", "isr", "wrong", ("STOP", "STOP_WITHOUT_DOWN"))


def gate():
    small = ("FAULTS=2", "IOCTLS=1")
    yield Case("gate", "gate", "clean", small)
    yield Case("gate:completes", "gate", "clean", small, live=True)
    yield Case("gate:timeout", "gate", "clean", ("TIMEOUT=1", "RIVAL", "FAULTS=1", "IOCTLS=1"))
    yield Case("gate:two", "gate", "clean", live=True, long=True)
    yield Case("gate:timeout:two", "gate", "clean", ("TIMEOUT=1", "RIVAL"), long=True)
    for broken in ("BLOCKING_ENTRY", "WORKER_ENTERS", "KEEPS_MMAP"):
        yield Case(f"gate:{broken.lower().replace('_', '-')}", "gate", "starves", (*small, broken), live=True)
    yield Case("gate:late-look", "gate", "wrong", (*small, "LATE_LOOK"))


def cases(long):
    return [c for make in (three_locks, va_lock, isr, gate) for c in make() if long or not c.long]


@dataclasses.dataclass
class Outcome:
    verdict: str
    states: int
    text: str  # for a person, when it is not what was wanted


def checked(command, folder, limit):
    return subprocess.run(["nice", "-n", "10", *command], cwd=folder, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit, check=False)


def outcome_of(text):
    """From what the verifier printed."""
    states = re.search(r"(\d+) states, stored", text)
    states = int(states.group(1)) if states else 0
    errors = re.search(r"errors: (\d+)", text)
    first = re.search(r"^pan:\d+: (.*)", text, re.M)
    found = [name for name, says in VERDICTS.items() if first and says and says in first.group(1)]
    broken = re.search(r"max search depth too small|out of memory|Search not completed|aborting", text)
    if not errors or (broken and not found):
        return Outcome("unfinished", states, text)
    if int(errors.group(1)):
        return Outcome(found[0] if found else "unknown", states, text)
    return Outcome("clean", states, text)


def run(case, tree, tables, folder, limit):
    """Make the verifier of one case in folder, and run it."""
    folder.mkdir(parents=True, exist_ok=True)
    knobs = {k.split("=")[0]: k for k in case.knobs}  # the last one of a name counts
    defines = [f"-D{k}" for k in knobs.values()] + (["-DLIVE"] if case.live else [])
    big = case.long
    steps = (
        ["gcc", "-E", "-P", "-x", "c", "-I", tables, *defines, "-o", "model.pml",
         tree / f"test/spin/{case.model}.pml"],
        ["spin", "-a", "model.pml"],
        ["gcc", "-w", "-O2" if big else "-O0", "-DMEMLIM=6000", "-DVECTORSZ=1024",
         *(["-DNFAIR=4"] if case.live else ["-DSAFETY", "-DNOCLAIM"]), "-o", "pan", "pan.c"],
    )
    for command in steps:
        made = checked([str(c) for c in command], folder, limit)
        if made.returncode or "syntax error" in made.stdout:
            return Outcome("not made", 0, f"{' '.join(map(str, command))}\n{made.stdout}")
    depth = "-m20000000" if case.long else "-m2000000" if big else "-m200000"
    command = ["./pan", depth, "-w24" if big else "-w18", *(["-a", "-f"] if case.live else []), "-n"]
    try:
        outcome = outcome_of(checked(command, folder, limit).stdout)
    except subprocess.TimeoutExpired:
        return Outcome("unfinished", 0, f"not finished after {limit} s")
    if outcome.verdict != case.verdict and (folder / "model.pml.trail").exists():
        outcome.text += "\n" + checked(["spin", "-t", "-p", "-g", "model.pml"], folder, limit).stdout[-6000:]
    return outcome
