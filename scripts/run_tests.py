#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Run CMocka programs and count their tests.

Each program gets a time limit and writes its results as XML. A test counts as passed only when the XML says so: a
program that crashes, hangs, writes no XML or has no test is a failure.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

import results
import sandbox


def parse_xml(path):
    """[(group, test, failure text or None, skipped)] of one program. A program may write several documents."""
    text = path.read_text(errors="replace")
    # CMocka neither escapes control characters nor merges the documents of several groups.
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "?", text)
    tests = []
    for document in re.findall(r"<testsuites>.*?</testsuites>", text, re.S):
        for suite in ElementTree.fromstring(document).iter("testsuite"):
            for case in suite.iter("testcase"):
                failure = case.find("failure")
                if failure is None:
                    failure = case.find("error")
                tests.append((suite.get("name", ""), case.get("name", ""),
                              None if failure is None else (failure.text or "failed").strip(),
                              case.find("skipped") is not None))
    return tests


def run_one(program, args):
    """Run one program; the list of its tests as parse_xml gives it, the Run, and what is wrong with it as a whole."""
    name = str(program).removeprefix(args.build).lstrip("/")
    xml = pathlib.Path(args.results) / "xml" / (name.replace("/", "_") + ".xml")
    xml.parent.mkdir(parents=True, exist_ok=True)
    xml.unlink(missing_ok=True)
    env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(xml), "FERRY_BUILD": args.build,
           "FERRY_PROGRAMS": os.path.abspath(f"{args.build}/programs")}
    run = sandbox.run([os.path.abspath(program)], args.timeout, env, args.variant)
    if run.status and "LeakSanitizer has encountered a fatal error" in run.output:
        # Leaks cannot be looked for where ptrace is forbidden; the other checks can.
        env["ASAN_OPTIONS"] = sandbox.SANITIZERS["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")
        xml.unlink(missing_ok=True)
        run = sandbox.run([os.path.abspath(program)], args.timeout, env, args.variant)

    tests, wrong = [], run.why()
    try:
        tests = parse_xml(xml)
        if not tests:
            wrong = wrong or "has no test"
    except FileNotFoundError:
        wrong = wrong or "wrote no results"
    except ElementTree.ParseError as error:
        wrong = wrong or f"wrote results that cannot be read: {error}"
    return name, tests, run, wrong


def record(res, name, tests, run, wrong):
    any_failed = False
    for _, test, failure, skipped in tests:
        full = f"{name}: {test}"
        if failure is not None:
            any_failed = True
            res.fail(full, failure)
        elif skipped:
            res.skip(full, "the test skipped itself")
        else:
            res.ok(full)
    # A failed test explains an exit status; a death, or a complaint of a sanitizer at exit, it does not.
    if wrong and not (any_failed and run.status > 0 and not run.timed_out and "Sanitizer" not in run.output):
        res.fail(name, f"{wrong}\n{results.tail(run.output)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="where the counts go")
    parser.add_argument("--results", default="build/test-results")
    parser.add_argument("--variant", default="")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each program; sanitized, four times")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    if args.variant in ("asan", "tsan"):
        args.timeout *= 4
    args.build = str(pathlib.Path(args.results).parent)

    ring = pathlib.Path(args.out).stem + (f" ({args.variant})" if args.variant else "")
    res = results.Results(ring, args.out)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, tests, run, wrong in pool.map(lambda p: run_one(p, args), args.programs):
            record(res, name, tests, run, wrong)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
