# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
CBMC on the real sources: every proof, and for each a seeded bug that it must find. A seed is a piece of a source that
is replaced in a copy; when the source no longer has it, the case fails.
"""

import dataclasses
import re
import subprocess

from kernel import cache, prover  # of scripts/

INCLUDES = ("include", "core", "hal/fg1", "softgpu", "checks/pure_os", "test/cbmc")


# Roots of 64 frames in one word instead of 512 in eight: the same source with three constants changed.
SCALE = (("include/ferry/types.h", "FERRY_BLOCK_SHIFT 21u", "FERRY_BLOCK_SHIFT 18u"),
         ("core/pmm/root.c", "FRAME_SHIFT 9u", "FRAME_SHIFT 6u"),
         ("core/pmm/root.c", "ALL_OPEN 0xffu", "ALL_OPEN 0x1u"))


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    harness: str        # of test/cbmc
    function: str       # of it; takes nothing, and proves
    sources: tuple = ()
    unwind: int = 10    # loops end before; that they do is proved too
    edits: tuple = ()   # (file, old, new): what makes the bounds
    seed: tuple = ()    # the same, one: the bug
    words: tuple = ()   # more words for cbmc

    @property
    def verdict(self):
        return "found" if self.seed else "proved"


BITMAP = "core/base/bitmap.c"
ENCODE = "hal/fg1/hal_fg1_encode.c"
HAL = ("hal/fg1/hal_fg1.c", ENCODE, "softgpu/fault.c")
CHANNEL = "core/gpu/channel.c"
PMM = "core/pmm/root.c"

RANGE_H = "core/base/range.h"
PROOFS = {
    # harness: sources, unwind, edits, (function without prove_, the bug: file, old, new) ...
    "range": ((), 2, (), (
        ("check", RANGE_H, "size_bytes > limit - start", "start + size_bytes > limit"),
        ("check_aligned", RANGE_H, "|| !ferry_is_aligned(size_bytes, align)", ""),
        ("overlaps", RANGE_H, "b < a + a_size", "b <= a + a_size"),
        ("align", "include/ferry/types.h", "(v + align - 1) & ~(align - 1)", "(v + align) & ~(align - 1)"))),
    "bitmap": ((BITMAP,), 10, (), (
        ("set", BITMAP, "if (end < base + 64)", "if (end < base + 63)"),
        ("clear", BITMAP, "&= ~range_mask(w, first, end)", "&= range_mask(w, first, end)"),
        ("full", BITMAP, "if (~b->word[w] & range_mask(w, first, end))",
         "if (~b->word[w] & range_mask(w, first, end - 1))"),
        ("empty", BITMAP, "if (b->word[w] & range_mask(w, first, end))",
         "if (b->word[w] & range_mask(w, first, end) & ~1ull)"),
        ("next", BITMAP, "if (++w == FERRY_BITMAP_WORDS)", "if (w++ == FERRY_BITMAP_WORDS)"),
        ("run", BITMAP, "(~0ull << (from & 63))", "(~0ull << (from & 31))"),
        ("outside", BITMAP, "FERRY_BLOCK_PAGES : 0;", "FERRY_BLOCK_PAGES : first;"))),
    "pte": ((ENCODE,), 6, (), (
        ("pte", ENCODE, "if (allow >= FERRY_ACCESS_ATOMIC)", "if (allow >= FERRY_ACCESS_WRITE)"),
        ("pte_any", ENCODE, "FG1_PTE_LEAF | (address & FG1_PTE_ADDR)", "FG1_PTE_LEAF | address"),
        ("pde", ENCODE, "FG1_PTE_VALID | (table_bus & FG1_PTE_ADDR)", "FG1_PTE_VALID | table_bus"))),
    "channel": ((CHANNEL,), 6, (), (
        ("slot_inside", CHANNEL, "(ch->put % FERRY_CHANNEL_ENTRIES) *", "(ch->put % (FERRY_CHANNEL_ENTRIES + 4)) *"),
        ("slot_free", CHANNEL, "ch->put - ch->get < FERRY_CHANNEL_ENTRIES)",
         "ch->put - ch->get <= FERRY_CHANNEL_ENTRIES)"))),
    "fault_ring": (HAL, 9, (), (
        ("fetch_any", HAL[0], "(number & (h->fault_entries - 1))", "(number & h->fault_entries)"),
        ("report_fetch", HAL[0], "!= (number >> h->fault_entries_lg2) + 1", "== 0"))),
    "root": ((PMM, BITMAP), 16, SCALE, (
        ("take_whole", PMM, "rs->free = rs->link[i].next;", "rs->free = rs->link[i].prev;"),
        ("take_big", PMM, "if (++r->fill < FERRY_ROOT_PIECES)", "if (++r->fill <= FERRY_ROOT_PIECES)"),
        ("take_frame", PMM, "r->fill = (uint16_t)(r->fill * FERRY_BIG_PAGES);", "r->fill = (uint16_t)(r->fill * 8);"),
        ("give_whole", PMM, "\t\t\treturn false;\n\t\trs->frames_free += count;",
         "\t\t\treturn false;\n\t\trs->frames_free += count - 1;"),
        ("give_frames", PMM, "mask = ~0ull >> (64 - count)", "mask = ~0ull >> (63 - count)"),
        ("give_pieces", PMM, "rs->map[i].word[0] &= ~mask;", "rs->map[i].word[0] &= ~(mask << 1);"))),
}
# What takes longer than the quick ring has.
SLOW = ("root:give_whole", "root:give_frames", "root:give_pieces", "fault_ring:report_fetch")
# Ranges of at most 64 pages touch two words; the loops are cut there, and that this is enough is proved.
SHORT = {f"bitmap:{name}": ("-DCOUNT_MAX=64", "--unwindset", f"ferry_bitmap_{function}.0:3")
         for name, function in (("set", "set_range"), ("clear", "clear_range"), ("full", "range_full"),
                                ("empty", "range_empty"))}


def cases(long):
    for harness, (sources, unwind, edits, proofs) in PROOFS.items():
        for function, *seed in proofs:
            name = f"{harness}:{function}"
            if name in SLOW and not long:
                continue
            proof = Case(name, harness, f"prove_{function}", sources, unwind, edits, (), SHORT.get(name, ()))
            yield proof
            yield dataclasses.replace(proof, name=f"{name}:seeded", seed=tuple(seed))


def missing():
    """Why there is no cbmc here; None when there is."""
    try:
        prover.cbmc()
    except cache.Problem as why:
        return str(why)
    return None


@dataclasses.dataclass
class Outcome:
    verdict: str
    properties: int
    text: str


def edited(edits, tree, folder):
    """Copies of the sources that are changed, where the compiler looks first: {source: copy}."""
    texts = {}
    for path, old, new in edits:
        text = texts.get(path) or (tree / path).read_text()
        if text.count(old) != 1:
            raise cache.Problem(f"{path} has the text to replace {text.count(old)} times: {old}")
        texts[path] = text.replace(old, new)
    copies = {}
    for path, text in texts.items():
        top = next((t for t in ("core/", "hal/fg1/", "softgpu/", "include/") if path.startswith(t)), "")
        copies[path] = folder / path.removeprefix(top)
        copies[path].parent.mkdir(parents=True, exist_ok=True)
        copies[path].write_text(text)
    return copies


def run(case, tree, folder, limit):
    """Prove, or find."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        copies = edited([*case.edits, *([case.seed] if case.seed else [])], tree, folder)
    except cache.Problem as why:
        return Outcome("not made", 0, str(why))
    files = [str(copies.get(path, tree / path)) for path in (f"test/cbmc/{case.harness}.c", *case.sources)]
    includes = [word for path in (folder, *(tree / i for i in INCLUDES)) for word in ("-I", str(path))]
    command = ["nice", "-n", "10", *prover.cbmc(), *files, *includes, "--function", case.function, "--c11",
               "--unwind", str(case.unwind), "--unwinding-assertions", "--drop-unused-functions", "--slice-formula",
               *case.words]
    try:
        made = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return Outcome("unfinished", 0, f"not finished after {limit} s")
    (folder / "cbmc.log").write_text(made.stdout)
    count = re.search(r"\*\* (\d+) of (\d+) failed", made.stdout)
    properties = int(count.group(2)) if count else 0
    if "VERIFICATION SUCCESSFUL" in made.stdout and properties:
        return Outcome("proved", properties, made.stdout)
    if "VERIFICATION FAILED" in made.stdout and properties:
        failed = [line for line in made.stdout.splitlines() if line.endswith("FAILURE")]
        # A harness that is not whole finds nothing, nor do loops that are cut short.
        found = not any(".no-body." in line for line in failed) and any(".unwind." not in line for line in failed)
        return Outcome("found" if found else "not made", properties, "\n".join(failed))
    return Outcome("not made", properties, made.stdout)
