#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The kernel ring: boot each kernel of test/kernel/kernels.txt in QEMU with the modules built for it, run the steps of
plan.py there, and count. A test is a result line of a program in the guest (SERIES:step:case), a step that ended as
it should (SERIES:step), or a machine as a whole (SERIES:boot, SERIES:log).

Everything that was said is kept in build/test-results/kernel/: SERIES.log is the stream of PID 1 with the kernel's
log in place, SERIES.console what the kernel printed on its console.

Failures are not repeated. Only a boot that dies before PID 1 says its first word is tried once more, and that is
said: it is QEMU's trouble or the kernel's, nothing of ours had begun.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import image  # noqa: E402
import logscan  # noqa: E402
import people  # noqa: E402
import plan as plans  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import selftest  # noqa: E402
import stream  # noqa: E402
from guest import Guest, command  # noqa: E402

BOOT_TRIES = 2


def ask_kernels(verb, series):
    """The JSON line of scripts/kernels.py, a dictionary. RuntimeError with the reason."""
    run = subprocess.run([sys.executable, str(ROOT / "scripts/kernels.py"), verb, series], cwd=ROOT, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    lines = run.stdout.strip().splitlines()
    if run.returncode or not lines:
        raise RuntimeError(f"kernels.py {verb} {series}: {results.tail(run.stderr + run.stdout, 25)}")
    return json.loads(lines[-1])


def build_modules(series):
    """Paths of the modules for one kernel, those that only tests load included."""
    built = ask_kernels("build", series)
    return [module["path"] for module in built["modules"].values()] + list(built.get("test_modules", {}).values())


def listed(ring):
    """The series of one ring."""
    run = subprocess.run([sys.executable, str(ROOT / "scripts/kernels.py"), "list", "--ring", ring], cwd=ROOT,
                         text=True, stdout=subprocess.PIPE, check=True)
    return run.stdout.split()


def boot(series, kernel, modules, plan, args, files=None):
    """One machine to its end: (Guest, Stream, how often it was started)."""
    out = pathlib.Path(args.results)
    initrd = image.build(plan, modules, args.build, pathlib.Path(args.work) / f"{series}.cpio", files=files)
    vmlinux = image.unpacked(kernel, pathlib.Path(args.work))
    disk = image.disks(pathlib.Path(args.work) / f"{series}.disk")
    line = command(vmlinux, initrd, args.append, args.smp, args.memory, disk, getattr(args, "extra", ()))
    for attempt in range(1, BOOT_TRIES + 1):
        said = stream.Stream()
        guest = Guest(line, out / f"{series}.console", out / f"{series}.log")
        guest.run(said.feed, plan.limit_s(), plan.silent_s(), lambda s=said: s.ended is not None)
        if said.began or attempt == BOOT_TRIES:
            return guest, said, attempt
        # The log of the first try is evidence: keep it.
        guest.console.replace(guest.console.with_suffix(".console.first"))
    raise AssertionError("not reached")


def run_series(series, args):
    """[(name, what is wrong or None, skipped)], and a line about the run."""
    try:
        if series in args.given:
            vmlinuz, modules = args.given[series]
            disk = []
            is_debug = series.endswith("debug")
        else:
            kernel = ask_kernels("fetch", series)
            vmlinuz, is_debug = kernel["vmlinuz"], kernel.get("debug", False)
            modules = build_modules(series) if args.profile != "process" else []
            disk = image.disk_modules(kernel, args.work)
        plan = make_plan(args, series, modules, is_debug)
        plan.steps[:0] = plans.disk_steps(disk)
        files = {f"{plans.MODULE_DIR}/kernel/{path.name}": path for path in disk}
        guest, said, tries = boot(series, vmlinuz, modules, plan, args, files)
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        return [(f"{series}:boot", f"did not run: {error}", False)], f"{series}: did not run"
    return report.judge(series, guest, said, tries, args.timings)


def make_plan(args, series, modules, is_debug):
    if args.profile == "process":
        return plans.programs_in_process(only=args.only)
    if is_debug:
        return plans.debug(modules, args.only, args.fuzz_seconds)
    return plans.stock(modules, args.only, series == plans.THOROUGH_ON)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="", help="where the counts go")
    parser.add_argument("--build", default="build")
    parser.add_argument("--ring", default="check", help="the kernels of this ring of kernels.txt")
    parser.add_argument("--series", default="", help="these kernels instead, with commas")
    parser.add_argument("--kernel", action="append", default=[], metavar="NAME=VMLINUZ[:KO...]",
                        help="a kernel that kernels.py does not know, with its modules")
    parser.add_argument("--profile", default="full", choices=("full", "process"))
    parser.add_argument("--only", default="", help="steps whose name contains this, or one of these, with commas")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="machines at once")
    parser.add_argument("--fuzz-seconds", type=int, default=30)
    parser.add_argument("--smp", type=int, default=2)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--append", default="", help="more of a kernel command line")
    parser.add_argument("--selftest", action="store_true", help="first see that the ring notices what goes wrong")
    parser.add_argument("--people", action="store_true", help="also what make vm and make demo HOST=kernel do")
    parser.add_argument("--timings", action="store_true", help="say how long each step took")
    args = parser.parse_args()
    args.results = f"{args.build}/test-results/kernel"
    args.work = f"{args.build}/kernel-work"
    for folder in (args.results, args.work):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    args.given = {}
    for text in args.kernel:
        name, files = text.split("=", 1)
        vmlinuz, *modules = files.split(":")
        args.given[name] = (vmlinuz, modules)
    return args


def people_series(series):
    """The kernel that people get when they do not ask for another, if it is one of these."""
    return plans.PEOPLE_GET if plans.PEOPLE_GET in series else series[0]


def record_one(res, name, wrong):
    if wrong:
        res.fail(name, wrong)
    else:
        res.ok(name)


def self_test(series, args):
    """Two machines on one kernel in which everything goes wrong: [(name, what is wrong or None)]"""
    vmlinuz = args.given[series][0] if series in args.given else ask_kernels("fetch", series)["vmlinuz"]

    def one(name, plan, judge):
        guest, said, tries = boot(name, vmlinuz, [], plan, args)
        return judge(report.judge(name, guest, said, tries)[0], name)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(one, "selftest-steps", selftest.all_wrong(), selftest.judge_all_wrong),
                pool.submit(one, "selftest-panic", selftest.dies(), selftest.judge_dies)]
        return [outcome for run in runs for outcome in run.result()]


def main():
    # A machine must not outlive us: SIGTERM takes the path of an exception, and QEMU dies with its parent anyway.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    args = parse()
    res = results.Results(pathlib.Path(args.out).stem if args.out else "kernel", args.out)
    for name, wrong in [*logscan.self_test(), *report.self_test()]:
        record_one(res, name, wrong)
    lock = threading.Lock()

    def one(series):
        outcome, line = run_series(series, args)
        with lock:
            report.record(res, outcome)
            print(line, flush=True)

    def person(name, function):
        try:
            build_modules(people_series(series))  # people wait for a build as long as it takes
            wrong = function()
        except (RuntimeError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            wrong = f"did not run: {error}"
        with lock:
            record_one(res, name, wrong)

    series = [s for s in args.series.split(",") if s] or list(args.given) or listed(args.ring)
    if args.selftest:
        try:
            outcome = self_test(series[0], args)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            outcome = [("the ring notices", f"did not run: {error}")]
        for name, wrong in outcome:
            record_one(res, name, wrong)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(one, name) for name in series]
        if args.people and not args.given:
            runs += [pool.submit(person, *test) for test in people.tests(people_series(series), args)]
        for run in runs:
            run.result()
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
