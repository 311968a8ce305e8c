#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What kernel developers ask of a driver's code before they read it:

    gcc         every stock kernel of the check ring: no warning, with the kernel's W=1
    clang       LLVM=1 and W=1, against a kernel that was configured for clang: no warning
    sparse      address spaces and lock contexts: no warning
    checkpatch  scripts/checkpatch.pl --strict: nothing but what quality/checkpatch.txt explains
    size        text and data of both modules, but for tables of the unwinder, on every stock kernel

Each of them first has to find what is wrong with its sample in test/kernel/quality/, and nothing in good.c.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "scripts"))

import results  # noqa: E402
from kernel import apt, build, cache, debug, run, stock, table  # noqa: E402

SAMPLES = TREE / "test/kernel/quality"
CLANG_SERIES = "6.12-clang"
# Its headers have what sparse needs: Debian's of 7.x lack a script. And 7.x gave up sparse's lock contexts.
SPARSE_SERIES = "6.12"
# text + data as size(1) counts them, without what only an unwinder reads (.orc_*): not symbols, not BTF.
SIZE_LIMIT_BYTES = 400 * 1024
CHECKPATCH = ["--strict", "--no-tree", "--max-line-length=100", "--terse", "--show-types", "--quiet", "--file"]
STYLED = ("os-linux", "include/ferry/uapi", "test/kernel/modules")


def options(sparse=False):
    """What build.py wants to know."""
    return argparse.Namespace(cc="gcc", sparse=sparse)


def out_of(series):
    """Where the modules of a series are built; the kernel ring finds them there."""
    return TREE / "build/kernel" / series


# ---- samples ----

def compile_sample(kernel, name, sparse=False):
    """(exit status, what was said) for one file of SAMPLES."""
    out = TREE / "build/kernel" / f"samples-{kernel['series']}"
    out.mkdir(parents=True, exist_ok=True)
    for path in [*SAMPLES.glob("*.c"), SAMPLES / "Kbuild"]:
        shutil.copy(path, out)
    log = out / f"{name}.log"
    for left in (log, out / f"{name}.o"):
        left.unlink(missing_ok=True)
    command, _, env = build.make_command(kernel, out, options(sparse))
    return run.logged([*command, f"{name}.o"], log, env=env), log.read_text(errors="replace")


def notices(res, kernel, tool, expected, sparse=False):
    """Good.c passes; the tool's own sample is refused for each of the reasons expected."""
    status, said = compile_sample(kernel, "good", sparse)
    try:
        if sparse:
            build.sparse_said(kernel, said, warnings_of(said))
        wrong = said if status else None
    except cache.Problem as problem:
        wrong = problem
    record(res, f"{tool} is content with a good sample", wrong)
    status, said = compile_sample(kernel, tool, sparse)
    missing = [text for text in expected if text not in said]
    fine = not missing and (sparse or status)
    record(res, f"{tool} notices a bad sample", None if fine else f"not found: {missing}\n{results.tail(said)}")


def warnings_of(text):
    return [line for line in text.splitlines() if re.search(r"\bwarning:", line, re.I)]


def record(res, name, wrong):
    """One outcome."""
    if wrong is None:
        res.ok(name)
    else:
        res.fail(name, wrong)


# ---- compilers, sparse ----

def built(res, name, kernel, sparse=False):
    """The modules for one kernel, or None; a warning of anybody's is an error."""
    try:
        made = build.build(kernel, out_of(kernel["series"]), options(sparse))
        if made["warnings"]:
            raise cache.Problem("\n".join(warnings_of((pathlib.Path(made["out"]) / "build.log").read_text())))
    except cache.Problem as problem:
        res.fail(name, problem)
        return None
    res.ok(name)
    return made


# ---- checkpatch ----

def ignored():
    """[(beginning of a path, [kinds])] of checkpatch.txt."""
    rows = []
    for line in (SAMPLES / "checkpatch.txt").read_text(encoding="utf-8").splitlines():
        fields = line.split("#")[0].split()
        if fields:
            rows.append(("" if fields[0] == "." else fields[0], fields[1].split(",")))
    return rows


def checkpatch(script, files):
    """[(path, line, kind, whole message)] of everything it says about the files."""
    found = []

    def some(part):
        command = ["perl", str(script), *CHECKPATCH, *part]
        return subprocess.run(command, cwd=TREE, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout

    jobs = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for text in pool.map(some, [files[n::jobs] for n in range(jobs) if files[n::jobs]]):
            for line in text.splitlines():
                match = re.match(r"(\S+?):(\d+): (?:ERROR|WARNING|CHECK):(\w+): ", line)
                if match:
                    found.append((match[1], int(match[2]), match[3], line))
                elif line and not line.startswith("total:"):
                    found.append(("", 0, "UNKNOWN", line))
    return found


def unexplained(found):
    """(messages that no line of checkpatch.txt covers, lines that covered nothing)."""
    rows, used, rest = ignored(), set(), []
    for path, _, kind, line in found:
        covered = [(start, kind) for start, kinds in rows if path.startswith(start) and kind in kinds]
        used.update(covered)
        if not covered:
            rest.append(line)
    idle = [f"{start or '.'} {kind}" for start, kinds in rows for kind in kinds if (start, kind) not in used]
    return rest, idle


def check_style(res, script):
    """checkpatch.pl over what is the kernel's business, with its own sample first."""
    sample = os.path.relpath(SAMPLES / "style.c", TREE)
    kinds = {kind for _, _, kind, _ in checkpatch(script, [sample])}
    expected = {"NEW_TYPEDEFS", "VOLATILE", "COMPARISON_TO_NULL", "PRINTK_WITHOUT_KERN_LEVEL"}
    record(res, "checkpatch notices a bad sample",
           None if expected <= kinds else f"not found: {sorted(expected - kinds)}, but {sorted(kinds)}")
    good = checkpatch(script, [os.path.relpath(SAMPLES / "good.c", TREE)])
    record(res, "checkpatch is content with a good sample", "\n".join(line for *_, line in good) or None)
    files = sorted(str(p.relative_to(TREE)) for folder in STYLED for p in (TREE / folder).rglob("*.[ch]")
                   if not build.MADE_NAMES.fullmatch(p.name))
    rest, idle = unexplained(checkpatch(script, files))
    rest += [f"test/kernel/quality/checkpatch.txt: {line}: nothing to ignore" for line in idle]
    record(res, f"checkpatch has nothing to say about {len(files)} files", "\n".join(rest) or None)


# ---- size ----

def sections(path):
    """{section: bytes} of one module."""
    lines = run.output(["size", "-A", path]).splitlines()[2:]
    return {f[0]: int(f[1]) for f in (line.split() for line in lines) if len(f) == 3}


def too_large(total, modules):
    """None, or what is wrong with that many bytes."""
    if total <= SIZE_LIMIT_BYTES:
        return None
    return f"{total} bytes of text and data, {SIZE_LIMIT_BYTES} allowed: {modules}"


def check_size(res, series, modules):
    """Both modules together."""
    total = sum(m["text_bytes"] + m["data_bytes"] for m in modules.values())
    orc = sum(size for m in modules.values() for name, size in sections(m["path"]).items() if ".orc_" in name)
    print(f"size of both modules on {series}: {total / 1024:.0f} KiB of text and data, "
          f"{orc / 1024:.0f} KiB of it tables for unwinding, which do not count")
    record(res, f"text and data stay under {SIZE_LIMIT_BYTES >> 10} KiB on {series}", too_large(total - orc, modules))


# ---- all ----

def check_all(res):
    """Everything, the samples of a tool before the tool."""
    rows = [row for row in table.rows() if "check" in row.rings]
    kernels = {row.series: stock.kernel(row) for row in rows}
    clang = debug.kernel(table.row(CLANG_SERIES))
    check_style(res, pathlib.Path(clang["source"]) / "scripts/checkpatch.pl")

    notices(res, kernels[SPARSE_SERIES], "gcc", ["-Werror=unused-but-set-variable"])
    for series, kernel in kernels.items():
        made = built(res, f"gcc has nothing to say with W=1 on {series}", kernel)
        if made:
            check_size(res, series, made["modules"])
    large = too_large(SIZE_LIMIT_BYTES + 1, {}) and not too_large(SIZE_LIMIT_BYTES, {})
    record(res, "one byte too many is noticed", None if large else "it was not")

    notices(res, clang, "clang", ["-Werror,-Wsometimes-uninitialized"])
    built(res, f"clang has nothing to say with W=1 on {CLANG_SERIES}", clang)

    notices(res, kernels[SPARSE_SERIES], "sparse", ["dereference of noderef", "context imbalance"], sparse=True)
    built(res, f"sparse has nothing to say on {SPARSE_SERIES}", kernels[SPARSE_SERIES], sparse=True)


def main():
    """Count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="where to write the counts")
    args = parser.parse_args()
    res = results.Results("quality", args.out)
    try:
        apt.need("perl", "sparse", "size")
        check_all(res)
    except cache.Problem as problem:
        res.fail("everything was looked at", problem)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
