#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Bring the kernels of test/kernel/kernels.txt and build Ferry's modules for them.

    kernels.py list                     the series, one a line, with its rings
    kernels.py fetch [SERIES...]        headers and vmlinuz in the cache; a debug kernel is built (minutes)
    kernels.py build SERIES [options]   ferry.ko, ferry_soft.ko and the test modules, in build/kernel/SERIES
    kernels.py prune [--days N]         remove what nobody used

fetch and build print one JSON line for each series, and everything else on stderr. They can be run any number of
times, and several at once. Nothing is installed on this machine and no module is loaded.

A kernel is told as
    series, release     6.12, 6.12.117+deb12-cloud-amd64
    kdir, chroot, cc    make -C kdir CC=cc, inside chroot unless that is ""
    vmlinuz, modules    what QEMU boots; the kernel's own /lib/modules/RELEASE ("" for a debug kernel)
    config, folder      its configuration; the folder of the cache
    debug, source       true for a debug kernel; the source's folder of a kernel of our own, else ""
Exit status: 0; 1 and a sentence; 3 with --cached, when it is not in the cache.
"""

import argparse
import json
import pathlib
import sys
import time

from kernel import build, cache, debug, stock, table


def kernel(series, may_make=True):
    """The dictionary of one series."""
    row = table.row(series)
    return (debug if row.own else stock).kernel(row, may_make)


def show(value, start):
    """One JSON line."""
    value["seconds"] = round(time.monotonic() - start, 1)
    print(json.dumps(value), flush=True)


def do_list(args):
    """The file of kernels, for scripts."""
    for row in table.rows():
        if not args.ring or args.ring in row.rings:
            print(row.series if args.ring else f"{row.series:<12}{','.join(row.rings)}")


def do_fetch(args):
    """Each series, or all of them."""
    for series in args.series or [r.series for r in table.rows()]:
        start = time.monotonic()
        show(kernel(series, not args.cached), start)


def do_build(args):
    """One series, or a folder that has a kernel's build files."""
    if bool(args.series) == bool(args.kdir):
        raise cache.Problem("say a series or --kdir")
    start = time.monotonic()
    target = build.kernel_of(args.kdir) if args.kdir else kernel(args.series, not args.cached)
    out = args.out or table.TREE / "build" / "kernel" / (target["series"] + ("-clang" if args.cc == "clang" else ""))
    show(build.build(target, pathlib.Path(out), args), start)


def do_prune(args):
    """Old entries."""
    for name in cache.prune(args.days):
        print(name)


def main():
    """Parse, do, and turn what went wrong into a sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="list|fetch|build|prune")
    verb = verbs.add_parser("list")
    verb.add_argument("--ring", help="only the names of those in this ring")
    verb.set_defaults(do=do_list)
    for name, do in (("fetch", do_fetch), ("debug", do_fetch)):
        verb = verbs.add_parser(name)
        verb.add_argument("series", nargs="*")
        verb.add_argument("--cached", action="store_true", help="make nothing; exit with 3 when it is not there")
        verb.set_defaults(do=do)
    verb = verbs.add_parser("build")
    verb.add_argument("series", nargs="?")
    verb.add_argument("--kdir", help="build against this folder, such as /lib/modules/$(uname -r)/build")
    verb.add_argument("--cached", action="store_true", help="do not fetch the kernel")
    verb.add_argument("--cc", choices=("gcc", "clang"), default="gcc")
    verb.add_argument("--sparse", action="store_true", help="check every source with sparse; it must say nothing")
    verb.add_argument("--out", help="default: build/kernel/SERIES")
    verb.set_defaults(do=do_build)
    verb = verbs.add_parser("prune")
    verb.add_argument("--days", type=float, default=30)
    verb.set_defaults(do=do_prune)
    args = parser.parse_args()
    try:
        args.do(args)
    except cache.NotCached as problem:
        print(problem, file=sys.stderr)
        return 3
    except cache.Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
