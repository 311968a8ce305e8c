#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The simulator's ring: the exhibits must be found and nothing else may be, small stories are searched to the end, large
ones for a share of the time, and the simulator itself is checked: the same seed gives the same trace, and a run
begins where the last one began.

Seeds are new every day, so that time adds up; FERRY_SIM_SEED repeats a day. What was ever found is in seeds.txt and
runs first.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import results  # noqa: E402

CONTRACTS = ("fair", "weak", "fifo")
# Every schedule, one of each kind; or all with so many preemptions (in the short ring, in the long one).
SMALL = ("va_space_lock", "va_space_lock_downgrade", "va_lock_few")
BOUNDED = (("va_lock", 1, 2), ("va_lock_downgrade", 2, 3), ("va_space_lock", 1, 1))
LARGE = ("va_space_lock_loops", "va_lock_loops", "fault_fault", "fault_migrate", "fault_unmap", "fault_evict",
         "evict_evict", "two_devices", "fault_control", "fault_gate", "fault_kill", "fault_lost", "marathon",
         "no_memory", "lost_irqs", "range_range",
         "fault_close", "units")
# Rows of the lock order that no story takes yet: registered memory is not in the simulator's world.
UNCOVERED = ("EXTERNAL",)
# (story, what is left out, contract, mean at most, worst at most): the deadlocks that a rule prevents.
EXHIBITS = (("va_space_lock", "writers", "fair", 20, 200), ("va_space_lock", "writers", "weak", 20, 200),
            ("va_space_lock", "writers", "fifo", 20, 200), ("va_space_lock", "acquire", "weak", 500, 5000),
            ("va_lock", "passing", "fair", 20, 200))
# Here leaving it out cannot hurt: these contracts let the reader in.
HARMLESS = (("acquire", "fair"), ("acquire", "fifo"))


class Ring:
    def __init__(self, args):
        self.args = args
        self.results = results.Results("sim-long" if args.long else "sim", args.out)
        self.schedules = self.steps = 0

    def run(self, *words, limit=1800):
        command = [self.args.simtest, *[str(w) for w in words]]
        return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                              check=False)

    def expect(self, name, status, *words, says=None):
        """One test: exit status, and a pattern that the output must have. Its match, or None."""
        out = self.run(*words)
        match = re.search(says, out.stdout) if says else True
        if out.returncode != status or not match:
            wanted = f"exit {status}" + (f" and /{says}/" if says else "")
            self.results.fail(name, f"{' '.join(map(str, words))}\nwanted {wanted}, exit {out.returncode}\n"
                              + results.tail(out.stdout))
            return None
        self.results.ok(name)
        for count, each in re.findall(r"nothing in (\d+) schedules, ([\d.]+) steps each", out.stdout):
            self.schedules += int(count)
            self.steps += int(int(count) * float(each))
        return match

    def exhibits(self):
        tries = 1000 if self.args.long else 200
        for story, without, contract, mean_max, worst_max in EXHIBITS:
            name = f"exhibit:{without}:{contract}"
            out = self.run("--story", story, "--without", without, "--rwsem", contract,
                           "--strategy", "random", "--tries", tries, "--schedules", worst_max,
                           "--seed", self.args.seed)
            match = re.search(r"mean ([\d.]+) schedules, worst (\d+), not found (\d+)", out.stdout)
            if out.returncode or not match or float(match.group(1)) > mean_max:
                self.results.fail(name, f"wanted a mean of at most {mean_max}, worst {worst_max}\n{out.stdout}")
            else:
                self.results.ok(name)
                print(f"  {name}: mean {match.group(1)}, worst {match.group(2)}")
            self.expect(f"{name}:exit", 1, "--story", story, "--without", without, "--rwsem", contract,
                        "--schedules", worst_max, says="found in schedule")
        for without, contract in HARMLESS:
            self.expect(f"exhibit:{without}:{contract}:harmless", 0, "--story", "va_space_lock", "--without", without,
                        "--rwsem", contract, "--strategy", "dpor", "--schedules", 10000000, says=r"\bcomplete")

    def exhaustive(self):
        for story in SMALL:
            # The core's lock is made of atomics: no contract of another lock says anything of it.
            for contract in CONTRACTS if story.startswith("va_space") else CONTRACTS[:1]:
                self.expect(f"all:{story}:{contract}", 0, "--story", story, "--rwsem", contract, "--strategy", "dpor",
                            "--schedules", 10000000, says=r"traces, complete")
        for story, short, long in BOUNDED:
            bound = long if self.args.long else short
            self.expect(f"preemptions:{story}:{bound}", 0, "--story", story, "--rwsem", "weak", "--strategy",
                        f"dfs:{bound}", "--schedules", 10**9, says=r"traces, complete")

    def instrument(self):
        """The simulator itself."""
        for story in ("va_space_lock_loops", "fault_fault", "no_memory"):
            words = ("--story", story, "--rwsem", "fair", "--schedules", 300, "--seed", self.args.seed, "--hash")
            one, two = (self.run(*words).stdout for _ in range(2))
            hashes = [re.search(r"traces (\w+)", text) for text in (one, two)]
            if all(hashes) and hashes[0].group(1) == hashes[1].group(1):
                self.results.ok(f"same:{story}")
            else:
                self.results.fail(f"same:{story}", f"two traces for one seed\n{one}{two}")
        for story in ("fault_fault", "fault_evict", "no_memory"):
            self.expect(f"base:{story}", 0, "--story", story, "--rwsem", "fair", "--schedules", 60, "--check-base")
        self.expect("replay:corrupt", 2, "--story", "va_space_lock", "--replay", "1.2>x", says="a choice is")
        self.expect("replay:empty", 0, "--story", "va_space_lock", "--replay", "", says="nothing found")
        self.expect("usage:story", 2, "--story", "nonsense", says="no such story")
        self.expect("usage:class", 2, "--story", "va_space_lock", "--without", "nothing", says="no such lock class")
        self.expect("usage:contract", 2, "--story", "va_space_lock", "--rwsem", "odd", says="fair, weak or fifo")
        self.replay_of_what_is_found()

    def replay_of_what_is_found(self):
        out = self.run("--story", "va_space_lock", "--without", "writers", "--rwsem", "fair", "--schedules", 1000)
        line = re.search(r"--replay '([^']*)'", out.stdout)
        if not line:
            self.results.fail("replay:found", f"no line to repeat it\n{out.stdout}")
            return
        self.expect("replay:found", 1, "--story", "va_space_lock", "--without", "writers", "--rwsem", "fair",
                    "--replay", line.group(1), says="hang|deadlock")

    def traces(self, story, *words):
        """What a few schedules of a story did; with a lock left out they may find something instead."""
        out = self.run("--story", story, "--rwsem", "fair", "--schedules", 10, "--seed", 5, "--hash", *words)
        match = re.search(r"traces (\w+)|found in schedule", out.stdout)
        return match.group(0) if match else out.stdout

    def covered(self):
        """Each lock of the order is taken in some story: without it the story goes another way."""
        order = (ROOT / "core/lock/lock_order.h").read_text().split("#define FERRY_LOCK_OPS")[0]
        # The VA-space lock is made of atomics, not of a host's lock: the exhibit "passing" is its cover.
        names = [name for name in re.findall(r"^\tx\((\w+),", order, re.M) if name != "VA_SPACE"]
        if len(names) < 10:
            self.results.fail("covered", f"lock_order.h has only {names}")
        base = {}
        for name in names:
            by = None
            for story in LARGE:
                base[story] = base.get(story) or self.traces(story)
                if self.traces(story, "--without", name) != base[story]:
                    by = story
                    break
            if by and name in UNCOVERED:
                self.results.fail(f"covered:{name}", f"{by} takes it: strike it from UNCOVERED")
            elif by or name in UNCOVERED:
                self.results.ok(f"covered:{name}")
            else:
                self.results.fail(f"covered:{name}", "no story takes it")

    def old_seeds(self):
        """Lines of seeds.txt: words for simtest; nothing may be found any more."""
        for line in (HERE / "seeds.txt").read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                self.expect(f"seed:{line}", 0, *line.split())

    def fuzz(self):
        """libFuzzer over the choices, for a while; what it learned is kept outside the tree's files."""
        seconds = 600 if self.args.long else 10
        corpus = pathlib.Path(self.args.fuzzer).parent / "fuzz_sim.corpus"
        corpus.mkdir(exist_ok=True)
        command = [self.args.fuzzer, f"-max_total_time={seconds}", "-max_len=400", "-timeout=30",
                   "-print_final_stats=1", f"-artifact_prefix={corpus.parent}/", str(corpus)]
        out = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        done = re.search(r"number_of_executed_units: (\d+)", out.stdout)
        if out.returncode or not done or int(done.group(1)) < 100:
            self.results.fail("fuzz", results.tail(out.stdout))
            return
        self.results.ok("fuzz")
        print(f"  fuzz: {done.group(1)} schedules")

    def large(self):
        jobs = [(story, contract) for story in LARGE for contract in CONTRACTS]
        share = self.args.seconds * self.args.jobs / len(jobs)
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            futures = [pool.submit(self.expect, f"{story}:{contract}", 0, "--story", story, "--rwsem", contract,
                                   "--seed", self.args.seed, "--schedules", 10**12, "--seconds", f"{share:.2f}")
                       for story, contract in jobs]
            for future in futures:
                future.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simtest", default="build/simtest")
    parser.add_argument("--fuzzer", help="fuzz_sim; without it that part is left out")
    parser.add_argument("--out")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seconds", type=float, help="for the large stories: 75, or 1800 with --long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("FERRY_SIM_SEED", int(time.time()) // 86400 * 1000000000)))
    args = parser.parse_args()
    args.seconds = args.seconds or (1800 if args.long else 75)

    ring = Ring(args)
    print(f"  seed {args.seed}")
    ring.old_seeds()
    ring.instrument()
    ring.covered()
    ring.exhibits()
    ring.exhaustive()
    if args.fuzzer:
        ring.fuzz()
    ring.large()
    print(f"  {ring.schedules} schedules, {ring.steps / 1e6:.0f} M steps by chance")
    return ring.results.finish()


if __name__ == "__main__":
    sys.exit(main())
