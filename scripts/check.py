#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Run the rings of tests one after the other and say in one closing line how it went.

Each ring is a target of the Makefile that leaves files with its counts. A ring that leaves none did not run, and
that is a failure; so is a ring that ends badly without a failed test to show for it.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

BUILD = pathlib.Path("build")
TESTS = ("unit", "e2e")
RINGS = {
    "style": [BUILD / "test-results/style.json"],
    "unit": [BUILD / "test-results/unit.json"],
    "e2e": [BUILD / "test-results/e2e.json"],
    "asan": [BUILD / "asan/test-results" / f"{t}.json" for t in TESTS],
    "tsan": [BUILD / "tsan/test-results" / f"{t}.json" for t in TESTS],
    "stories": [BUILD / "test-results/stories.json"],
    "fuzz": [BUILD / "fuzz/test-results/fuzz.json"],
    "sim": [BUILD / "test-results/sim.json"],
    "sim-long": [BUILD / "test-results/sim-long.json"],
    "models": [BUILD / "test-results/models.json"],
    "models-long": [BUILD / "test-results/models-long.json"],
    "modules": [BUILD / f"test-results/{t}.json" for t in ("quality", "compat", "dkms")],
    "kernel": [BUILD / "test-results/kernel.json"],
    "kernel-long": [BUILD / "test-results/kernel-long.json"],
}


def run_ring(ring):
    """(passed, failed, names of what failed)"""
    passed, failed, names = 0, 0, []
    for path in RINGS[ring]:
        path.unlink(missing_ok=True)

    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    if env.get("FERRY_LONG") == "1":
        env.update({"FUZZ_SECONDS": "600", "SANITIZED_E2E_ARGS": ""})
    status = subprocess.run(["make", "--no-print-directory", f"check-{ring}"], env=env, check=False).returncode

    for path in RINGS[ring]:
        try:
            counts = json.loads(path.read_text())
        except (OSError, ValueError):
            failed += 1
            names.append(f"{ring}: {path} is missing: this part did not run")
            continue
        passed += counts["passed"]
        failed += counts["failed"]
        names += [f"{ring}: {name}" for name in counts["failures"]]
    if status and not failed:
        failed += 1
        names.append(f"{ring}: make check-{ring} failed")
    return passed, failed, names


def main():
    passed, failed, names = 0, 0, []
    start = time.monotonic()
    for ring in sys.argv[1:] or RINGS:
        print(f"=== {ring}", flush=True)
        p, f, n = run_ring(ring)
        passed, failed, names = passed + p, failed + f, names + n
    print(f"=== all, {time.monotonic() - start:.0f} s")
    for name in names:
        print(f"failed: {name}")
    line = f"{passed} passed, {failed} failed"
    BUILD.mkdir(exist_ok=True)
    (BUILD / "check.txt").write_text(line + "\n")
    print(line, flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
