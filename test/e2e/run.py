#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
End-to-end tests: the command, the library and the programs as a user meets them. Cases in Python (cases_*.py), and
CMocka programs (test/e2e/*_test.c) that are given on the command line.
"""

import argparse
import importlib
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback

import harness
import results
import run_tests

HERE = pathlib.Path(__file__).resolve().parent


def run_case(res, name, function, args):
    with tempfile.TemporaryDirectory(prefix="e2e-") as work:
        os.chmod(work, 0o755)
        start = time.monotonic()
        try:
            ferry = harness.Ferry(args.build, args.variant, work)
            function(ferry)
            ferry.nothing_left()
        except AssertionError as error:
            res.fail(name, error)
            return
        except Exception:  # a broken case is a failed case
            res.fail(name, traceback.format_exc())
            return
        res.ok(name)
        if args.verbose:
            print(f"ok   {name} ({time.monotonic() - start:.1f} s)", flush=True)


def main():
    # Who starts us in the background has SIGINT ignored, and what is ignored stays so in every child.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--variant", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--subset", action="store_true", help="the short list for the sanitizers")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("programs", nargs="*", help="CMocka programs")
    args = parser.parse_args()
    args.results, args.timeout = f"{args.build}/test-results", 120

    for module in sorted(p.stem for p in HERE.glob("cases_*.py")):
        importlib.import_module(module)
    cases = [(name, function) for name, function, sanitized in harness.CASES
             if args.only in name and (sanitized or not args.subset)]
    if args.list:
        print("\n".join(name for name, _ in cases))
        return 0

    res = results.Results("e2e" + (f" ({args.variant})" if args.variant else ""), args.out)
    for program in args.programs:
        run_tests.record(res, *run_tests.run_one(program, args))
    for name, function in cases:
        run_case(res, name, function, args)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
