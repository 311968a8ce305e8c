#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Run each libFuzzer target for a short while from its seeds. One target is one test; at least three must be there
(requests, fault entries, programs).
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys

import results
import sandbox

TARGETS_MIN = 3


def run_one(program, args):
    name = pathlib.Path(program).name.removeprefix("fuzz_")
    work = pathlib.Path(args.work) / name
    work.mkdir(parents=True, exist_ok=True)
    found = pathlib.Path(args.work).parent / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    seeds = pathlib.Path(args.seeds) / name
    command = [os.path.abspath(program), f"-max_total_time={args.seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={found}/", str(work)]
    if seeds.is_dir():
        command.append(str(seeds))
    # Time for start-up and for one slow input besides the budget.
    return name, sandbox.run(command, args.seconds + 60)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--work", default="build/fuzz/corpus")
    parser.add_argument("--seeds", default="test/fuzz/corpus")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()

    res = results.Results("fuzz", args.out)
    if len(args.programs) < TARGETS_MIN:
        res.fail("targets", f"{len(args.programs)} fuzz targets in test/fuzz, at least {TARGETS_MIN} are promised")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, run in pool.map(lambda p: run_one(p, args), args.programs):
            executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.output)
            count = int(executed.group(1)) if executed else 0
            if run.why():
                res.fail(name, f"{run.why()}\n{results.tail(run.output, 60)}")
            elif not count:
                res.fail(name, "ran no input")
            else:
                print(f"fuzz {name}: {count} inputs")
                res.ok(name)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
