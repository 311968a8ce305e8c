#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The stories on real threads: each under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer,
for a share of the time. Before them what is wrong on purpose, which must be reported.

Delays are drawn from seeds that are new every day; FERRY_SIM_SEED repeats a day.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import results  # noqa: E402
import sandbox  # noqa: E402

VARIANTS = ("asan", "tsan")
# (exhibit, sanitizer or None for all, what the report must say)
EXHIBITS = (("race", "tsan", r"ThreadSanitizer: data race[\s\S]*adder"),
            ("freed", "asan", r"AddressSanitizer: heap-use-after-free[\s\S]*user_of_freed"),
            ("shift", "asan", r"runtime error: shift exponent 32"),
            ("lost", None, r"exhibit_lost: seed \d+: wrong: \d+ of \d+ additions"),
            ("hang", None, r"exhibit_hang: seed \d+: hang: no end[\s\S]* one [\s\S]* two "))


class Ring:
    def __init__(self, args):
        self.args = args
        self.results = results.Results("stories", args.out)
        self.rounds = 0

    def run(self, variant, *words, limit):
        program = ROOT / "build" / variant / "storytest"
        return sandbox.run([str(program), *map(str, words)], limit, None, variant)

    def exhibit(self, variant, name, says):
        run = self.run(variant, "--story", f"exhibit_{name}", "--rounds", 200, "--patience", 1, limit=120)
        if run.status and not run.timed_out and re.search(says, run.output):
            self.results.ok(f"{variant}:exhibit_{name}")
        else:
            self.results.fail(f"{variant}:exhibit_{name}",
                              f"wanted a report like /{says}/; {run.why()}\n{results.tail(run.output)}")

    def story(self, variant, name, share):
        run = self.run(variant, "--story", name, "--rounds", 10**9, "--seconds", f"{share:.2f}",
                       "--seed", self.args.seed, limit=share * 3 + 300)
        done = re.search(r"nothing in (\d+) rounds", run.output)
        if run.why() or not done:
            self.results.fail(f"{variant}:{name}", f"{run.why() or 'did not say how many rounds'}\n"
                              + results.tail(run.output, 80))
            return
        self.rounds += int(done.group(1))
        self.results.ok(f"{variant}:{name}")

    def all(self):
        stories = []
        for variant in VARIANTS:
            for line in self.run(variant, "--list", limit=60).output.splitlines():
                name, _, why = line.partition(": ")
                if why:
                    print(f"  {variant}:{name} left out: {why}")
                else:
                    stories.append((variant, name))
        share = self.args.seconds * self.args.jobs / max(len(stories), 1)
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            jobs = [pool.submit(self.exhibit, variant, name, says) for name, only, says in EXHIBITS
                    for variant in VARIANTS if only in (None, variant)]
            jobs += [pool.submit(self.story, variant, name, share) for variant, name in stories]
            for job in jobs:
                job.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--seconds", type=float, default=600 if os.environ.get("FERRY_LONG") == "1" else 24,
                        help="for all stories together")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("FERRY_SIM_SEED", int(time.time()) // 86400 * 1000000)))
    args = parser.parse_args()
    ring = Ring(args)
    print(f"  seed {args.seed}")
    ring.all()
    print(f"  {ring.rounds} rounds")
    return ring.results.finish()


if __name__ == "__main__":
    sys.exit(main())
