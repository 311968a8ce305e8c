#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Print what one `ferryctl run --json` said, for people. Ends with 0 only when the result was verified."""

import json
import sys

MIB = 1 << 20


def report(run):
    """[(name, value, remark)]"""
    device, home = run["bytes_to_device"], run["bytes_to_host"]
    batches = run["batches"] or 1
    rest = max(run["seconds_total"] - run["seconds_service"], 0)
    return [
        ("input", f"{run['input_bytes'] / MIB:.0f} MiB",
         f"{run['input_bytes'] / run['vram_bytes']:.2g} times the device"),
        ("faults of the GPU", f"{run['faults_gpu']}",
         f"of these {run['faults_duplicate']} repeats, {run.get('faults_fatal', 0)} cancelled"),
        ("faults of the CPU", f"{run['faults_cpu']}", ""),
        ("batches", f"{run['batches']}", f"{run['faults_gpu'] / batches:.1f} faults each, {run['replays']} replays"),
        ("to the device", f"{device / MIB:.0f} MiB", f"{device / run['input_bytes']:.2g} times the input"),
        ("to the host", f"{home / MIB:.0f} MiB", f"{home / run['input_bytes']:.2g} times the input"),
        ("evictions", f"{run['evictions']}", "blocks of 2 MiB that had to leave"),
        ("time", f"{run['seconds_total']:.2f} s", f"{run['seconds_service']:.2f} s serving faults "
         f"({run['seconds_copy']:.2f} s of it waiting for copies), {rest:.2f} s computing"),
        ("verified", "yes" if run["verified"] is True else "NO", "compared with the CPU's result"),
    ]


def main():
    path, program = sys.argv[1:3]
    try:
        with open(path, encoding="utf-8") as f:
            run = json.load(f)
    except (OSError, ValueError):
        print(f"{program}: no report in {path}")
        return 1
    if "error" in run:
        print(f"{program}: {run['error']}: {run.get('message', '')}")
        return 1
    print(f"{program} on {run['host']} host")
    for name, value, remark in report(run):
        print(f"  {name:<18}{value:>12}  {remark}".rstrip())
    moved = run["faults_gpu"] > 0 and run["bytes_to_device"] > 0 and run["bytes_to_host"] > 0
    if not moved:
        print("  no pages moved by fault: that is not what this demo is for")
    return 0 if run["verified"] is True and moved else 1


if __name__ == "__main__":
    sys.exit(main())
