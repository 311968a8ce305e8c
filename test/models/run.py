#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The ring of models: SPIN on the protocols (test/spin), CBMC on the arithmetic of the real sources (test/cbmc). Every
broken variant must be found. Before that: what the models take from the code is taken anew, and what they stand for
must not have changed since somebody looked. After that: the simulator, which runs the code, must say the same of the
lock's exhibits as SPIN, which runs the model.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import cbmc  # noqa: E402
import drift  # noqa: E402
import results  # noqa: E402
import spin  # noqa: E402
import tables  # noqa: E402


class Ring:
    def __init__(self, args):
        self.args = args
        self.results = results.Results("models-long" if args.long else "models", args.out)
        self.work = pathlib.Path(args.work).absolute()
        self.limit = 3600 if args.long else 300
        self.rows = []

    def report(self, name, wanted, outcome, size, start):
        seconds = time.monotonic() - start
        self.rows.append((name, outcome.verdict, size, seconds))
        if outcome.verdict == wanted:
            self.results.ok(name)
        else:
            self.results.fail(name, f"wanted {wanted}, got {outcome.verdict}\n{results.tail(outcome.text, 60)}")

    def spin_case(self, case):
        start = time.monotonic()
        folder = self.work / case.name.replace(":", "-")
        outcome = spin.run(case, ROOT, self.work, folder, self.limit)
        self.report(f"spin:{case.name}", case.verdict, outcome, f"{outcome.states} states", start)
        if not self.args.keep:
            shutil.rmtree(folder)
        if case.sim and outcome.verdict == case.verdict:
            self.sim_agrees(case)

    def cbmc_case(self, case):
        start = time.monotonic()
        folder = self.work / case.name.replace(":", "-")
        outcome = cbmc.run(case, ROOT, folder, self.limit)
        self.report(f"cbmc:{case.name}", case.verdict, outcome, f"{outcome.properties} properties", start)

    def sim_agrees(self, case):
        """The same exhibit in the simulator: found there too, or not there either."""
        story, without, contract = case.sim
        command = [self.args.simtest, "--story", story, "--rwsem", contract]
        if case.verdict == "clean":
            command += ["--strategy", "dpor", "--schedules", "10000000"]
        else:
            command += ["--schedules", "20000", "--seed", "1"]
        if without:
            command += ["--without", without]
        out = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=self.limit,
                             check=False)
        if out.returncode == (0 if case.verdict == "clean" else 1):
            self.results.ok(f"same:{case.name}")
        else:
            self.results.fail(f"same:{case.name}", f"SPIN says {case.verdict}, the simulator does not: "
                              f"{' '.join(command)}\n{results.tail(out.stdout)}")

    def drifted(self):
        """Takes the tables; True when the models cannot be trusted."""
        try:
            tables.write(ROOT, self.work)
        except (tables.Drift, subprocess.CalledProcessError) as why:
            self.results.fail("drift:tables", str(why))
            return True
        self.results.ok("drift:tables")
        for model in sorted((ROOT / "test/spin").glob("*.pml")):
            found = drift.compare(ROOT, model)
            if found:
                self.results.fail(f"drift:{model.stem}", "\n".join(found))
            else:
                self.results.ok(f"drift:{model.stem}")
        return False

    def jobs(self):
        """Every case as something to call, the slow ones first."""
        found = []
        if shutil.which("spin"):
            found += [(self.spin_case, case) for case in spin.cases(self.args.long)]
        else:
            self.results.skip("spin", "no spin here; scripts/deps.sh kernel installs it")
        why = cbmc.missing()
        if why:
            self.results.skip("cbmc", why)
        else:
            found = [(self.cbmc_case, case) for case in cbmc.cases(self.args.long)] + found
        return [(run, case) for run, case in found if self.args.only in case.name]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simtest", default="build/simtest")
    parser.add_argument("--work", default="build/models", help="where verifiers are made")
    parser.add_argument("--out")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--long", action="store_true", help="larger bounds too: half an hour, 6 GB")
    parser.add_argument("--keep", action="store_true", help="leave verifiers and trails in --work")
    parser.add_argument("--table", action="store_true", help="say each case's size and time")
    parser.add_argument("--stamp", action="store_true", help="the models are right: take the code's fingerprints")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    args = parser.parse_args()

    if args.stamp:
        for model in (ROOT / "test/spin").glob("*.pml"):
            drift.stamp(ROOT, model)
        return 0
    ring = Ring(args)
    if not ring.drifted():
        # Two verifiers of the large bounds do not fit into memory side by side.
        with concurrent.futures.ThreadPoolExecutor(1 if args.long else args.jobs) as pool:
            for future in [pool.submit(run, case) for run, case in ring.jobs()]:
                future.result()
    if args.table:
        for name, verdict, size, seconds in ring.rows:
            print(f"  {name:44} {verdict:10} {size:20} {seconds:6.1f} s")
    return ring.results.finish()


if __name__ == "__main__":
    sys.exit(main())
