# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
A scratch copy of the tree, in which one source at a time is a mutant, and the rings that may kill it, cheap ones
first: the compiler, the unit tests that link the source, the simulator's stories; with deep also real threads under
ThreadSanitizer.
"""

import collections
import glob
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

COPIED = ("Makefile", "mk", "core", "hal", "softgpu", "include", "os-user", "lib", "tools", "programs", "scripts",
          "test")
# What a mutant no longer uses is no finding. Less optimized: a mutant is built more often than it runs.
CFLAGS = "-O1 " + " ".join(f"-Wno-unused-{w}" for w in ("variable", "function", "parameter", "but-set-variable",
                                                        "value", "label"))
MAKE = ("make", "--no-print-directory", f"CFLAGS={CFLAGS}")
PLAIN = ("FLAGS_core=-std=gnu11 -fvisibility=hidden",)
# Quick finders first. The core's lock, alone, then the whole core.
STORIES = ("va_lock", "va_lock_downgrade", "va_lock_loops", "units", "fault_gate", "fault_kill", "fault_lost",
           "lost_irqs", "fault_close", "fault_unmap", "fault_migrate", "fault_fault", "fault_control", "no_memory",
           "two_devices", "fault_evict", "evict_evict", "range_range", "marathon")
CONTRACTS = ("fair", "weak")
# Once more with a scheduling point at each atomic. Not two_devices: it sees no end of one that polls.
RUNS = [(story, contract) for story in STORIES for contract in CONTRACTS] + \
       [(story, "weak", "--atomics") for story in STORIES[4:] if story not in ("two_devices", "range_range")]
DEEP = ("test/unit/lock/va_lock_test", "test/unit/lock/csem_test", "test/unit/lock/bitlock_test",
        "test/unit/power/gate_test", "test/unit/core/races_test", "test/e2e/threads_test")
UNIT_SECONDS = 10
DEEP_SECONDS = 120
DATA_BYTES = 4 << 30

Outcome = collections.namedtuple("Outcome", "ok why seconds")


def limits(data):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if data:
        resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))


def run(command, cwd, seconds, data=True):
    """Everything that it started is gone when this returns."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "VARIANT", "CFLAGS")}
    env.update(MAKELEVEL="1", LC_ALL="C")  # one job
    start = time.monotonic()
    child = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=lambda: limits(data))
    try:
        out, _ = child.communicate(timeout=seconds)
        why = out.decode(errors="replace")[-2000:]
        ok = child.returncode == 0
    except subprocess.TimeoutExpired:
        ok, why = False, f"timeout after {seconds:.0f} s"
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.communicate()
    return Outcome(ok, why, time.monotonic() - start)


class Tree:
    def __init__(self, root, budget, deep, verbose):
        self.root = pathlib.Path(root)
        self.budget, self.deep, self.verbose = budget, deep, verbose
        self.costs = {}
        self.mutated = None
        self.sync()

    def sync(self):
        """The copy is what the work tree is; what did not change keeps its time, so that make builds little."""
        wanted = set()
        for top in COPIED:
            found = [top] if os.path.isfile(top) else glob.glob(f"{top}/**", recursive=True, include_hidden=True)
            wanted.update(p for p in found if os.path.isfile(p) and "__pycache__" not in p)
        for path in sorted(wanted):
            to = self.root / path
            if to.exists() and to.read_bytes() == pathlib.Path(path).read_bytes():
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
        for top in COPIED:
            for old in (self.root / top).rglob("*"):
                if old.is_file() and "__pycache__" not in old.parts and str(old.relative_to(self.root)) not in wanted:
                    old.unlink()

    def write(self, path, text):
        """The only source of the copy that differs from now on is path."""
        self.restore(path)
        self.mutated = path
        (self.root / path).write_text(text, encoding="utf-8")

    def restore(self, but=None):
        if self.mutated and self.mutated != but:
            shutil.copy(self.mutated, self.root / self.mutated)
            self.mutated = None

    def units(self, path):
        """Unit tests that link path: those that name it, those of the whole core; of each the quick ones first."""
        sources = [path] if path.endswith(".c") else [path.replace(".h", ".c")]
        named, whole = [], []
        for test in sorted(glob.glob("test/unit/*/*_test.c")):
            text = pathlib.Path(test).read_text(encoding="utf-8")
            line = re.search(r"TEST-SOURCES:(.*?)\*/", text, re.S)
            words = line.group(1).split() if line else []
            if any(source in words for source in sources):
                named.append(test[:-2])
            elif "@core" in words:
                whole.append(test[:-2])
        return [sorted(group, key=lambda t: self.costs.get(t, 1)) for group in (named, whole)]

    def make(self, *targets, deep=False):
        words = (*MAKE, "VARIANT=tsan", "OPT=-O1") if deep else (*MAKE, *PLAIN)
        return run([*words, *targets], self.root, 600, data=False)

    def unit(self, test):
        built = self.make(f"build/{test}")
        return run([f"build/{test}"], self.root, UNIT_SECONDS) if built.ok else built

    def story(self, seed, story, contract, *more):
        share = self.budget / len(RUNS)
        command = ["build/simtest", "--story", story, "--rwsem", contract, "--seed", str(seed), *more]
        return run([*command, "--schedules", "5000", "--seconds", f"{share:.2f}"], self.root, share + 10)

    def deep_test(self, test):
        built = self.make(f"build/tsan/{test}", deep=True)
        if not built.ok:
            return built
        return run(["setarch", "-R", f"build/tsan/{test}"], self.root, DEEP_SECONDS, data=False)

    def killer(self, path, seed=1):
        """(ring, why) of the first ring that fails, or None: all pass."""
        first = f"build/sim/{path}".replace(".h", ".c").replace(".c", ".o")
        compiled = self.make(first)
        if not compiled.ok:
            return "compile", compiled.why
        named, whole = self.units(path)
        for test in named + whole:
            done = self.unit(test)
            if self.verbose:
                print(f"    {test} {done.seconds:.1f} s")
            if not done.ok:
                return f"unit:{test[10:]}", done.why
            self.costs.setdefault(test, done.seconds)
        built = self.make("build/simtest")
        if not built.ok:
            return "compile", built.why
        for words in RUNS:
            done = self.story(seed, *words)
            if self.verbose:
                print(f"    {' '.join(words)} {done.seconds:.1f} s")
            if not done.ok:
                return f"sim:{':'.join(words).replace('--', '')}", done.why
        for test in DEEP if self.deep else ():
            done = self.deep_test(test)
            if not done.ok:
                return f"tsan:{test.removeprefix('test/')}", done.why
        return None
