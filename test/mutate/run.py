#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Mutation: each lock call, atomic, wait and check of the core is removed or swapped, one at a time, and the rings must
notice. What is in the file of results is not done again unless its source changed; --again does survivors, only.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import random
import sys
import time

import mutants
import rings

EQUIVALENT = pathlib.Path(__file__).resolve().parent / "equivalent.txt"


def equivalents(known):
    """{key: reason}. A line whose mutant does not exist any more is an error: the file says what is true."""
    found = {}
    for number, line in enumerate(EQUIVALENT.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, reason = line.rpartition(" :: ")
        if key.count(" :: ") != 2 or not reason.strip():
            raise SystemExit(f"{EQUIVALENT}:{number}: FILE :: KIND :: LINE :: REASON")
        if key not in known:
            raise SystemExit(f"{EQUIVALENT}:{number}: no such mutant: {key}")
        found[key] = reason
    return found


class Store:
    """What is known of each mutant. Written after each one, so that an end at any time loses one."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.all = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
        self.sources = {}

    def source(self, path):
        if path not in self.sources:
            text = pathlib.Path(path).read_bytes()
            self.sources[path] = hashlib.sha256(text).hexdigest()[:16]
        return self.sources[path]

    def get(self, mutant, deep=False):
        one = self.all.get(mutant.key)
        if not one or one["source"] != self.source(mutant.path):
            return None
        return None if deep and one["ring"] == "SURVIVED" and not one["deep"] else one

    def put(self, mutant, ring, why, seconds, deep):
        self.all[mutant.key] = {"id": mutants.name(mutant), "file": mutant.path, "kind": mutant.kind, "ring": ring,
                                "why": why.strip()[-400:], "seconds": round(seconds, 2), "deep": deep,
                                "source": self.source(mutant.path)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.all, indent=1, sort_keys=True), encoding="utf-8")
        new.rename(self.path)


def do_one(tree, store, mutant, args):
    text = pathlib.Path(mutant.path).read_text(encoding="utf-8")
    start = time.monotonic()
    tree.write(mutant.path, mutants.apply(mutant, text))
    ring, why = tree.killer(mutant.path) or ("SURVIVED", "")
    seconds = time.monotonic() - start
    store.put(mutant, ring, why, seconds, args.deep)
    print(f"{ring:32s} {seconds:5.1f} s  {mutants.name(mutant)}", flush=True)


def baseline(tree):
    """The rings must pass without a mutant, or they say nothing about one."""
    found = tree.killer("core/lock/va_lock.c")
    if found:
        raise SystemExit(f"without a mutant {found[0]} fails:\n{found[1]}")


def report(chosen, store, known_equivalent, out=sys.stdout):
    done = [(m, store.get(m)) for m in chosen]
    stale = sum(not one and m.key in store.all for m, one in done)
    done = [(m, one) for m, one in done if one]
    by_kind, by_ring = collections.defaultdict(collections.Counter), collections.Counter()
    survivors, explained = [], []
    for mutant, one in done:
        alive = one["ring"] == "SURVIVED"
        if alive and mutant.key in known_equivalent:
            explained.append(mutant)
            continue
        by_kind[mutant.kind]["done"] += 1
        by_kind[mutant.kind]["killed"] += not alive
        by_ring[one["ring"].split(":")[0] if alive or one["ring"] == "compile"
                else ":".join(one["ring"].split(":")[:2])] += 1
        if alive:
            survivors.append((mutant, one))
    for mutant, one in survivors:
        print(f"SURVIVED {mutants.name(mutant)}\n         {mutant.text}", file=out)
    print("\nkilled of done, by kind", file=out)
    for kind, count in sorted(by_kind.items()):
        print(f"  {kind:20s} {count['killed']:4d} of {count['done']:4d}", file=out)
    print("by ring", file=out)
    for ring, count in by_ring.most_common():
        print(f"  {ring:32s} {count:4d}", file=out)
    total = sum(c["done"] for c in by_kind.values())
    killed = total - len(survivors)
    seconds = sum(one["seconds"] for _, one in done)
    print(f"mutants: {len(chosen)} chosen, {len(done)} done, {len(explained)} explained as equivalent; {killed} of "
          f"{total} killed: {100 * killed / max(total, 1):.1f} %; {seconds / max(len(done), 1):.1f} s each", file=out)
    if stale:
        print(f"left out: {stale} whose source has changed since. What is left is no fair share: do them again",
              file=out)
    return len(survivors)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="PATH", help="a source, or a folder of them")
    parser.add_argument("--kind", action="append", default=[], help="these kinds only")
    parser.add_argument("--sample", type=int, metavar="N", help="so many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no further mutant after so long")
    parser.add_argument("--budget", type=float, default=10, help="seconds of the simulator for one mutant")
    parser.add_argument("--orders", action="store_true", help="weaker atomics and no barriers, too; wants --deep")
    parser.add_argument("--deep", action="store_true", help="survivors also under ThreadSanitizer")
    parser.add_argument("--again", action="store_true", help="only what survived: a test was added")
    parser.add_argument("--list", action="store_true", help="name the mutants, and do nothing")
    parser.add_argument("--show", metavar="ID", help="the lines of one mutant")
    parser.add_argument("--report", action="store_true", help="what is known already, and do nothing")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--tree", default="build/mutate/tree")
    parser.add_argument("--out", default="build/mutate.json")
    return parser.parse_args()


def show(every, wanted):
    for mutant in every:
        if mutants.name(mutant) == wanted:
            print(mutant.key)
            lines = pathlib.Path(mutant.path).read_text(encoding="utf-8").splitlines()
            for i, new in sorted(mutant.changes.items()):
                print(f"-{lines[i]}" + ("" if new is None else "\n+" + new.replace("\n", "\n+")))
            return 0
    print("no such mutant")
    return 2


def main():
    args = arguments()
    every = mutants.everything(orders=True)
    chosen = mutants.everything(args.only, args.orders)
    chosen = [m for m in chosen if not args.kind or m.kind in args.kind]
    if args.show:
        return show(every, args.show)
    if args.sample and args.sample < len(chosen):
        chosen = random.Random(args.seed).sample(chosen, args.sample)
    chosen.sort(key=lambda m: m.path.endswith(".h"))  # these rebuild the most
    if args.list:
        for mutant in chosen:
            print(f"{mutants.name(mutant)}\t{mutant.text}")
        print(f"{len(chosen)} mutants")
        return 0
    known_equivalent = equivalents({m.key for m in every})
    store = Store(args.out)
    if not args.report:
        work(args, chosen, known_equivalent, store)
    return 1 if report(chosen, store, known_equivalent) else 0


def work(args, chosen, known_equivalent, store):
    start = time.monotonic()
    todo = [m for m in chosen if m.key not in known_equivalent]
    if args.again:
        todo = [m for m in todo if store.get(m) and store.get(m)["ring"] == "SURVIVED"]
    else:
        todo = [m for m in todo if not store.get(m, args.deep)]
    if not todo:
        return
    tree = rings.Tree(args.tree, args.budget, args.deep, args.verbose)
    baseline(tree)
    print(f"{len(chosen)} mutants, {len(todo)} to do", flush=True)
    try:
        for mutant in todo:
            if time.monotonic() - start > args.minutes * 60:
                break
            do_one(tree, store, mutant, args)
    finally:
        tree.restore()


if __name__ == "__main__":
    sys.exit(main())
