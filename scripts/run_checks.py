#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Run every check of checks/ and count each as one test. A check is an executable: it says nothing and ends with 0, or
says what is wrong where, one finding a line, and ends with 1. Ends with 77: it could not run here, and says why.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys

import results
import sandbox

CANNOT_RUN = 77


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("checks", nargs="*", help="default: all of checks/")
    args = parser.parse_args()

    checks = args.checks or sorted(str(p) for p in pathlib.Path("checks").iterdir()
                                   if p.is_file() and os.access(p, os.X_OK))
    res = results.Results("style", args.out)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for check, run in zip(checks, pool.map(lambda c: sandbox.run([c], 180), checks)):
            if run.status == CANNOT_RUN:
                res.skip(check, results.tail(run.output, 1))
            elif run.why():
                res.fail(check, results.tail(run.output) or run.why())
            else:
                res.ok(check)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
