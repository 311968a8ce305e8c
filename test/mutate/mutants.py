# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The mutants: what can be done to a lock call, an atomic, a wait or a check, as rules over the lines of a source.

A rule looks at one line (or two neighbours, or the lines of one function) and gives the new text of the lines it
changes. No parser: kernel style puts a statement on a line and a function's braces in column 0, and what does not fit
a rule is left alone. A mutant is named FILE:LINE:KIND, with .2 for the second of its kind in a line; what is
remembered of it goes by its key, FILE :: KIND :: TEXT OF THE LINE (KIND#2 for the second such line of the file), so
that it outlives changes above.
"""

import collections
import glob
import re

# changes: {line index: new text}
Mutant = collections.namedtuple("Mutant", "path line kind nth text key changes prelude")

HEADERS = ("core/lock/va_lock.h",)
NOTHING = "(void)0;"
# Where every condition and comparison is about concurrency.
DENSE = ("core/lock/", "core/power/")

LOCK = (r"(?:ferry_(?:mutex|spin)_lock(?:_level)?|ferry_rw_(?:read|write)_lock|ferry_va_(?:service|read|write)_lock"
        r"|ferry_sem_(?:down|take)|ferry_csem_down|ferry_device_control_lock)")
UNLOCK = (r"(?:ferry_(?:mutex|spin)_unlock(?:_under)?|ferry_rw_(?:read|write)_unlock"
          r"|ferry_va_(?:read|write)_unlock|ferry_sem_(?:up|give)|ferry_csem_up)")
RAW_LOCK = r"ferry_os_(?:mutex|spin|rw_read|rw_write)_(?:try|un)?lock|ferry_os_sem_(?:up|down|try)"
STATEMENT = r"^(\t+)((?:\(void\))?(?:%s)\(.*\);)(\s*/\*.*)?$"

# kind: statements that go.
REMOVED = {
    "lock-removed": LOCK,
    "unlock-removed": UNLOCK,
    "host-removed": RAW_LOCK,
    "wake-removed": r"ferry_os_wake_all|ferry_wake\w*",
    "wait-removed": r"ferry_os_wait_(?:bounded|until)",
    "assert-removed": r"ferry_lock_assert_\w+|FERRY_ASSERT\(ferry_lock_assert_\w+",
    "gate-removed": r"ferry_gate_(?:leave|open)|reopen",
    "ref-removed": r"ferry_block_put|ferry_tenant_(?:pin|unpin|touch)",
    "arm-removed": r"\w+(?:->\w+)*->hal->(?:fault_arm|doorbell)|ferry_bottom_half_schedule",
    "work-removed": r"ferry_os_(?:work|timer)_(?:cancel|queue|arm)",
    "atomic-removed": r"ferry_os_(?:fetch_\w+|store_\w+|cmpxchg)",
}
# kind: (pattern, replacement), tried on every line.
SWAPPED = (
    ("service-as-reader", r"ferry_va_service_lock\(", "ferry_va_read_lock("),
    ("reader-as-service", r"ferry_va_read_lock\(", "ferry_va_service_lock("),
    ("read-for-write", r"ferry_(va|rw)_write_lock\(", r"ferry_\1_read_lock("),
    ("write-for-read", r"ferry_(va|rw)_read_lock\(", r"ferry_\1_write_lock("),
    ("unlock-mode", r"ferry_(va|rw)_write_unlock\(", r"ferry_\1_read_unlock("),
    ("unlock-mode", r"ferry_(va|rw)_read_unlock\(", r"ferry_\1_write_unlock("),
    ("try-waits", r"ferry_mutex_trylock(\([^()]*\))", r"(ferry_mutex_lock\1, true)"),
    ("try-fails", r"ferry_(?:mutex_trylock|va_read_trylock|sem_try)\([^()]*\)", "false"),
    ("not-killable", r"ferry_mutex_lock_killable(\([^()]*\))", r"(ferry_mutex_lock\1, true)"),
    ("dead-ignored", r"(?<=[ (!])\w+->dead\b(?! =)", "false"),
    ("dead-unsaid", r"\w+->dead = true;", NOTHING),
    ("lost-ignored", r"(?<=[ (!])ferry_device_lost\([^()]*\)", "0"),
    ("gate-ignored", r"ferry_gate_enter\([^()]*\)", "0"),
    ("wait-skipped", r"(?<=[=n] )ferry_os_wait_(?:until|bounded)\([^()]*\)", "0"),
    ("ref-ignored", r"(?<=return )ferry_block_get_unless_zero\((?:[^()]|\([^()]*\))*\)", "true"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_WRITERS\b", "FERRY_VA_LOCK_WRITER"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_WRITER\b", "FERRY_VA_LOCK_WRITERS"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_WAITING\b", "FERRY_VA_LOCK_SERVING"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_SERVING\b", "FERRY_VA_LOCK_WAITING"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_OTHERS\b", "FERRY_VA_LOCK_WRITER"),
    ("mask-swapped", r"\bFERRY_VA_LOCK_OTHERS\b", "FERRY_VA_LOCK_READERS"),
    ("atomic-split", r"\bferry_os_(fetch_add|fetch_or|cmpxchg)\(", r"mutate_\1("),
)
# Only with --orders: the simulator is sequentially consistent and x86 nearly so.
ORDERS = (
    ("order-relaxed", r"ferry_os_load_acquire\(", "ferry_os_load_relaxed("),
    ("order-relaxed", r"ferry_os_store_release\(", "ferry_os_store_relaxed("),
    ("barrier-removed", r"^\tferry_os_dma_[rw]?mb\(\);", "\t" + NOTHING),
)
# Read and write in two steps, where the source has one.
PRELUDE = """
static inline uint64_t mutate_fetch_add(struct ferry_os_atomic *a, uint64_t v)
{
	uint64_t was = ferry_os_load_relaxed(a);

	ferry_os_store_relaxed(a, was + v);
	return was;
}
static inline uint64_t mutate_fetch_or(struct ferry_os_atomic *a, uint64_t v)
{
	uint64_t was = ferry_os_load_relaxed(a);

	ferry_os_store_relaxed(a, was | v);
	return was;
}
static inline uint64_t mutate_cmpxchg(struct ferry_os_atomic *a, uint64_t was, uint64_t to)
{
	uint64_t seen = ferry_os_load_relaxed(a);

	if (seen == was)
		ferry_os_store_relaxed(a, to);
	return seen;
}
"""
# What no rule finds: (kind, file, text that must be there once, what stands there instead).
SPECIAL = (
    ("arm-before-up", "core/fault/bottom_half.c", "\tferry_sem_up(&ctx, &gpu->isr);\n",
     "\tif (!more && !ferry_device_lost(gpu))\n\t\tgpu->hal->fault_arm(gpu->hd);\n"
     "\tferry_sem_up(&ctx, &gpu->isr);\n\tif (!more)\n\t\treturn (void)ferry_core_leave(gpu->core, &ctx);\n"),
    ("arm-always", "core/fault/bottom_half.c", "\tif (more)\n\t\tferry_bottom_half_schedule(gpu);\n\telse if",
     "\tif"),
    ("up-before-run", "core/fault/bottom_half.c", "\tferry_sem_take(&ctx, &gpu->isr);\n",
     "\tferry_sem_take(&ctx, &gpu->isr);\n\tferry_sem_up(&ctx, &gpu->isr);\n\tferry_sem_down(&ctx, &gpu->isr);\n"),
    ("last-reader-silent", "core/lock/va_lock.h",
     "if (__builtin_expect((old & FERRY_VA_LOCK_READERS) == 1 && old != 1, 0))", "if (0)"),
)


def is_code(line):
    return not re.match(r"\s*(/?\*|//|#)", line)


def closing(text, start):
    """Index of the parenthesis that closes the one at start, or None when it is not in this line."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return None


def statements_removed(i, line):
    for kind, call in REMOVED.items():
        match = re.match(STATEMENT % call, line)
        if match:
            yield kind, {i: match.group(1) + NOTHING}


def words_swapped(i, line, rules):
    for kind, pattern, new in rules:
        for match in re.finditer(pattern, line):
            if kind == "mask-swapped" and line.startswith("static inline bool ferry"):
                continue
            yield kind, {i: line[:match.start()] + match.expand(new) + line[match.end():]}


def conditions(i, line, path):
    """A bug report that is never made, or made of what is right; in DENSE folders every condition, turned round."""
    for match in re.finditer(r"FERRY_ASSERT\(", line):
        end = closing(line, match.end() - 1)
        if end is None or "#define" in line:
            continue
        inner = line[match.end():end]
        if not inner.startswith("ferry_lock_assert"):
            yield "assert-silent", {i: f"{line[:match.start()]}(bool)({inner}){line[end + 1:]}"}
        yield "assert-negated", {i: f"{line[:match.end()]}!({inner}){line[end:]}"}
    if not path.startswith(DENSE):
        return
    match = re.match(r"\t+(?:\} else )?(?:else )?(?:if|while) \(", line)
    if match:
        end = closing(line, match.end() - 1)
        if end is not None:
            yield "condition-negated", {i: f"{line[:match.end()]}!({line[match.end():end]}){line[end:]}"}
        return
    for match in re.finditer(r" (==|!=|<|>|<=|>=|\+|-|&&|\|\|) ", line):
        other = {"==": "!=", "!=": "==", "<": "<=", ">": ">=", "<=": "<", ">=": ">", "+": "-", "-": "+", "&&": "||",
                 "||": "&&"}[match.group(1)]
        yield "operator", {i: f"{line[:match.start()]} {other} {line[match.end():]}"}


def neighbours(i, line, before):
    """A lock that is taken a statement later, an unlock a statement earlier; two locks, the other way round."""
    simple = (r"^\t+(?!return|goto|break|continue|if|for|while|else|do\b|case|struct|enum|static"
              r"|\w+ \*?\w+( =|;|,|\[))\S.*;$")
    if not re.match(simple, before) or not re.match(simple, line):
        return
    if len(before) - len(before.lstrip("\t")) != len(line) - len(line.lstrip("\t")):
        return
    first, second = (re.search(rf"\b({LOCK}|{UNLOCK}|ferry_os_\w+)\(", text) for text in (before, line))
    names = [m.group(1) if m else "" for m in (first, second)]
    locks = [bool(re.fullmatch(LOCK, n)) for n in names]
    unlocks = [bool(re.fullmatch(UNLOCK, n)) for n in names]
    change = {i - 1: line, i: before}
    if all(locks) or all(unlocks):
        yield "order-swapped", change
    elif locks[0]:
        yield "lock-late", change
    elif unlocks[1]:
        yield "unlock-early", change
    elif unlocks[0] and (names[1] or "->hal->" in line):
        yield "unlock-late", change  # a longer section alone harms nobody


def lock_of(line):
    """(verb, lock) of a line that takes or releases one by name."""
    match = re.search(rf"\b({LOCK}|{UNLOCK}|ferry_mutex_(?:trylock|lock_killable)|ferry_va_read_trylock)"
                      r"\(&?ctx, ([^,()]+)", line)
    if not match:
        return None
    verb, lock = match.groups()
    return verb, f"&{lock}->control" if verb == "ferry_device_control_lock" else lock


def unguarded(start, lines):
    """A function without one of its locks; with a reader's lock where it has a writer's, and the other way round."""
    uses = collections.defaultdict(list)
    for i, line in lines:
        found = is_code(line) and lock_of(line)
        if found:
            uses[found[1]].append((i, line, found[0]))
    for lock in uses.values():
        if len(lock) < 2 or re.fullmatch(UNLOCK, lock[0][2]):
            continue
        change = {}
        for i, line, verb in lock:
            match = re.search(rf"\b{verb}\([^()]*\)", line)
            if not match:
                break
            whole = re.match(r"^(\t+)" + re.escape(match.group(0)) + ";", line)
            change[i] = whole.group(1) + NOTHING if whole else line.replace(match.group(0), "true")
        else:
            yield lock[0][0], "unguarded", change
        for kind, one, other in (("shared", "write", "read"), ("exclusive", "read", "write")):
            if all(re.match(rf"ferry_(va|rw)_{one}_", verb) for _, _, verb in lock):
                yield lock[0][0], kind, {i: line.replace(f"_{one}_", f"_{other}_", 1) for i, line, _ in lock}


def functions(lines):
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            yield [(j, lines[j]) for j in range(start + 1, i)]
            start = None


def specials(path, text):
    for kind, where, old, new in SPECIAL:
        if where != path:
            continue
        if text.count(old) != 1:
            raise SystemExit(f"test/mutate/mutants.py: {kind} has its text {text.count(old)} times in {path}")
        line = text[:text.index(old)].count("\n")
        count = max(1, old.count("\n"))
        last = text.splitlines()[line:line + count + 1]
        before = "\n".join(last) + "\n"
        after = before.replace(old, new)
        yield line, kind, {line: after.rstrip("\n"), **{line + n: None for n in range(1, len(last))}}


def of_file(path, orders=False):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    lines = text.splitlines()
    found = []
    for body in functions(lines):
        found += unguarded(body[0][0], body) if body else []
        for n, (i, line) in enumerate(body):
            if not is_code(line):
                continue
            found += ((i, *one) for one in statements_removed(i, line))
            found += ((i, *one) for one in words_swapped(i, line, SWAPPED + (ORDERS if orders else ())))
            found += ((i, *one) for one in conditions(i, line, path))
            if n:
                found += ((i, *one) for one in neighbours(i, line, body[n - 1][1]))
    found += specials(path, text)
    seen, count = set(), collections.Counter()
    for i, kind, changes in sorted(found, key=lambda one: (one[0], one[1])):
        key = repr(sorted(changes.items()))
        if key in seen:
            continue
        seen.add(key)
        count[i, kind] += 1
        what = lines[i].strip()
        count[what, kind] += 1
        again = f"#{count[what, kind]}" if count[what, kind] > 1 else ""
        yield Mutant(path, i + 1, kind, count[i, kind], what, f"{path} :: {kind}{again} :: {what}", changes,
                     kind == "atomic-split")


def name(mutant):
    return f"{mutant.path}:{mutant.line}:{mutant.kind}" + (f".{mutant.nth}" if mutant.nth > 1 else "")


def apply(mutant, text):
    lines = text.splitlines()
    for i, new in mutant.changes.items():
        lines[i] = new
    if mutant.prelude:
        last = max(i for i, line in enumerate(lines) if line and line.startswith("#include"))
        lines[last] += "\n" + PRELUDE
    return "\n".join(line for line in lines if line is not None) + "\n"


def sources():
    return sorted(glob.glob("core/**/*.c", recursive=True)) + list(HEADERS)


def everything(only=(), orders=False):
    paths = [p for p in sources() if not only or any(p == o or p.startswith(o.rstrip("/") + "/") for o in only)]
    return [mutant for path in paths for mutant in of_file(path, orders)]
