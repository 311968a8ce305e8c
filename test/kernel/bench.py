#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
make bench HOST=kernel: the benches of test/kernel/bench/ in a guest, the table and the JSON of scripts/bench.py.

Two machines, one after the other. The first has a clock: what counts there is a ratio, ours to the peer's in the same
run, for every instruction is emulated. The second has one CPU whose clock counts instructions (QEMU's -icount
shift=0), for the benches of INSNS.

Neither offers string instructions of bytes as fast (ERMS, FSRM): real machines copy many bytes a step with them, an
emulated one does one, and kernels choose them for some copies and not for others. Without, all copies on both sides
are of eight bytes a step.
"""

import argparse
import pathlib
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import bench  # noqa: E402
import plan as plans  # noqa: E402
import run  # noqa: E402

CLOCKED = ("gpu_fault", "cpu_fault")
INSNS = ("insns",)
VRAM_MB = 64
CPU = ("-cpu", "max,-erms,-fsrm")
# The kernel's own crypto tests run beside us for the first minute otherwise.
APPEND = "cryptomgr.notests"


def machine(name, kernel, modules, programs, args, **options):
    """Rows and plain numbers of the programs, and what went wrong, in words."""
    names = [program for program in programs if not args.only or args.only in program]
    if not names:
        return [], [], []
    options = types.SimpleNamespace(build=args.build, results=f"{args.build}/bench-kernel",
                                    work=f"{args.build}/kernel-work", append=APPEND, memory="1G", **options)
    for folder in (options.results, options.work):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    _, said, _ = run.boot(name, kernel["vmlinuz"], modules, plans.bench(modules, names, VRAM_MB), options)
    rows, plain, wrong = [], [], []
    steps = {step.name: step for step in said.steps}
    for program in names:
        step = steps.get(program)
        found = bench.parse("\n".join(step.output)) if step else ([], [])
        rows += found[0]
        plain += found[1]
        if not step or not step.passed or not found[0]:
            why = step.why() if step else "the machine did not get that far"
            wrong.append(f"{program}: {why or 'no rows'}; see {options.results}/{name}.log")
    return rows, plain, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="6.12")
    parser.add_argument("--build", default="build")
    parser.add_argument("--out", default="build/bench-kernel.json")
    parser.add_argument("--only", default="", help="benches whose name contains this")
    args = parser.parse_args()
    try:
        kernel = run.ask_kernels("fetch", args.series)
        modules = run.build_modules(args.series)
        print(f"Linux {kernel.get('release', args.series)} in QEMU", file=sys.stderr, flush=True)
        clocked = machine("bench", kernel, modules, CLOCKED, args, smp=1, extra=CPU)
        counted = machine("bench-insns", kernel, modules, INSNS, args, smp=1,
                          extra=(*CPU, "-icount", "shift=0,sleep=off"))
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    rows, plain, wrong = (a + b for a, b in zip(clocked, counted))
    return bench.finish(rows, plain, wrong, args.out)


if __name__ == "__main__":
    sys.exit(main())
