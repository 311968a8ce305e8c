#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Run every bench, print one table, write one JSON array. The lines a bench prints are described in test/bench/bench.h.
Ends with 1 when a bench failed to run; a target that is not met is shown, and is no failure.
"""

import argparse
import json
import operator
import os
import pathlib
import re
import sys

import sandbox

COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def number(text):
    return None if text in ("-", "", None) else float(text)


def ratio(a, b):
    return None if a is None or not b else a / b


def met(row):
    """True, False, or None without a target (or without what it compares with)."""
    if not row["target"]:
        return None
    values = {"ours": row["ours"], "peer": row["ratio_peer"], "limit": row["ratio_limit"]}
    verdict = True
    for part in row["target"].split(","):
        match = re.fullmatch(r"(ours|peer|limit)(<=|>=|<|>)([0-9.eE+-]+)", part)
        if not match:
            raise ValueError(f"{row['id']}: target {part!r} is not understood")
        value = values[match.group(1)]
        if value is None:
            return None
        verdict = verdict and COMPARE[match.group(2)](value, float(match.group(3)))
    return verdict


def parse_bench(line):
    fields = dict(re.findall(r"(\w+)=(\S+)", line))
    row = {"id": fields["id"], "unit": fields["unit"], "ours": number(fields["ours"]),
           "peer": number(fields.get("peer")),
           "peer_name": None if fields.get("peer_name", "-") == "-" else fields["peer_name"],
           "limit": number(fields.get("limit"))}
    row["ratio_peer"] = ratio(row["ours"], row["peer"])
    row["ratio_limit"] = ratio(row["ours"], row["limit"])
    row["target"] = None if fields.get("target", "-") == "-" else fields["target"]
    row["met"] = met(row)
    return row


def parse(output):
    """(rows, plain numbers) of one program's output."""
    rows, plain = [], []
    for line in output.splitlines():
        if line.startswith("bench "):
            rows.append(parse_bench(line))
        else:
            match = re.fullmatch(r"\s*([\w./-]+)\s+(-?[0-9][0-9.eE+-]*)\s+(\S+)\s*", line)
            if match:
                plain.append(match.groups())
    return rows, plain


def show(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return {True: "yes", False: "NO"}.get(value, str(value))


def table(header, rows):
    cells = [header, *[[show(v) for v in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  " + "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip())


KEYS = ("id", "unit", "ours", "peer", "peer_name", "limit", "ratio_peer", "ratio_limit", "target", "met")


def finish(rows, plain, failed, out):
    """The table, the file, the last line; the exit status. failed: name and reason of each bench that did not run."""
    table(list(KEYS), [[row[k] for k in KEYS] for row in rows])
    if plain:
        print()
        table(["name", "value", "unit"], plain)
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(out).write_text(json.dumps(rows, indent=1) + "\n")
    missed = sum(row["met"] is False for row in rows)
    print(f"\n{len(rows)} rows, {missed} targets not met, {len(failed)} benches failed; {out}")
    for why in failed:
        print(why, file=sys.stderr)
    return int(bool(failed))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", default="build/test/bench")
    parser.add_argument("--out", default="build/bench.json")
    parser.add_argument("--timeout", type=float, default=300)
    args = parser.parse_args()

    programs = sorted(p for p in pathlib.Path(args.dir).glob("*") if p.is_file() and os.access(p, os.X_OK))
    # A bench finds the GPU programs of this build here.
    build = pathlib.Path(args.dir).parents[1]
    env = {"FERRY_BUILD": str(build), "FERRY_PROGRAMS": str(build.resolve() / "programs")}
    rows, plain, failed = [], [], []
    for program in programs:
        print(f"running {program.name}", file=sys.stderr, flush=True)
        run = sandbox.run([str(program)], args.timeout, env)
        try:
            found = parse(run.output)
        except (KeyError, ValueError) as error:
            found, run.output = ([], []), f"{run.output}\n{error}"
            run.status = run.status or 1
        for twice in {row["id"] for row in found[0]} & {row["id"] for row in rows}:
            run.output += f"\nthe id {twice} is taken"
            run.status = run.status or 1
        rows += found[0]
        plain += found[1]
        if run.why():
            failed.append(f"{program.name}: {run.why()}\n{run.output}")
    return finish(rows, plain, failed, args.out) or int(not programs)


if __name__ == "__main__":
    sys.exit(main())
