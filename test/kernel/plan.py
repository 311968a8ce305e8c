# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a guest does: the steps of each profile, as lines of the manifest that init/init.h describes."""

import dataclasses
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

VRAM = 2 << 20
RATIOS = (0.5, 1, 1.25, 2)
PROGRAMS = ("bad", "bfs", "chase", "copy", "fill", "gemm", "histogram", "pingpong", "random", "reduce", "saxpy_f32",
            "saxpy_i32", "sort", "stencil")
# The other kernels run each program at one of them, and let every fourth allocation fail.
THOROUGH_ON = "6.12"
PEOPLE_GET = "6.12"  # make vm, make demo HOST=kernel
# gemm's work grows with the third power: it shows the same on less. Random access over more than there is room for
# moves a block for every touch, which an emulated machine does slowly: these two stop where it begins.
SIZE_MAX = {"gemm": 256 << 10, "bfs": VRAM * 5 // 4, "chase": VRAM * 5 // 4}
# A kernel with fault injection makes some six hundred allocations in that story, and takes seconds for each.
NOMEM_STEP_DEBUG, NOMEM_STEP_LONG = 8, 2
SOFT_PARAMS = f"vram_mb={VRAM >> 20}"
# In the guest.
MODULE_DIR, TEST_DIR, PROGRAM_DIR, BENCH_DIR = "/modules", "/tests", "/programs", "/bench"

# Tests that run with the modules loaded: NAME of tests/NAME.c, time limit in seconds, arguments.
LOADED_TESTS = (
    ("version", 20, ()),
    ("input", 60, ()),
    ("fuzz", 60, ("--iterations", "4000")),
    ("handle", 60, ()),
    ("race", 60, ()),
    ("map", 60, ()),
    ("fork", 60, ()),
    ("ptrace", 60, ()),
    ("io", 60, ()),
    ("pin", 60, ()),
    ("readmostly", 90, ()),
    ("register", 90, ()),
    ("cgroup", 90, ()),
    ("swap", 90, ()),
    ("shrink", 90, ()),
    ("nomem", 120, ()),
    ("kill", 120, ()),
)
# Tests that load and unload by themselves.
UNLOADED_TESTS = (
    ("reload", 240, ("--rounds", "25")),  # a hundred in the long ring
    ("unbind", 120, ()),
    ("trace", 150, ()),
    ("idle", 150, ()),
)


@dataclasses.dataclass
class Step:
    verb: str
    name: str
    timeout_s: int
    words: tuple = ()
    exit: int = 0

    def line(self, scale):
        words = [self.verb, self.name, str(int(self.timeout_s * scale))]
        words += [f"exit={self.exit}"] if self.exit else []
        words += [str(w) for w in self.words]
        for word in words:
            if not word or any(c.isspace() or c == "#" for c in word):
                raise ValueError(f"a word of the manifest cannot be {word!r}")
        return " ".join(words)


@dataclasses.dataclass
class Plan:
    """settings: lines of their own; scale: of all time limits, for slow kernels."""
    steps: list
    settings: tuple = ()
    scale: float = 1.0

    def manifest(self):
        lines = [f"set {s}" for s in self.settings] + [s.line(self.scale) for s in self.steps]
        return "\n".join(lines) + "\n"

    def limit_s(self):
        """No run takes longer than all its steps may."""
        return 60 * self.scale + sum(s.timeout_s * self.scale + 5 for s in self.steps)

    def silent_s(self):
        """Nor is a guest silent for longer than its longest step."""
        return 60 * self.scale + max((s.timeout_s for s in self.steps), default=0) * self.scale


SETTINGS = (
    "file /proc/sys/kernel/printk_ratelimit 0",
    "file /proc/sys/kernel/hung_task_timeout_secs 15",
    f"env FERRY_MODULES={MODULE_DIR}",
    f"env FERRY_PROGRAMS={PROGRAM_DIR}",
    f"env FERRY_SOFT_PARAMS={SOFT_PARAMS}",
)


def test_sources():
    return sorted((HERE / "tests").glob("*_test.c"))


def load_steps(modules, soft_params=(SOFT_PARAMS,)):
    steps = []
    for module in modules:
        params = soft_params if pathlib.Path(module).stem == "ferry_soft" else ()
        name = pathlib.Path(module).name
        steps.append(Step("insmod", f"load-{name[:-3]}", 30, (f"{MODULE_DIR}/{name}", *params)))
    return steps


def disk_steps(modules):
    """Load the modules of the kernel's own that the disk needs; they stay."""
    return [Step("insmod", f"disk-{pathlib.Path(m).stem}", 30, (f"{MODULE_DIR}/kernel/{pathlib.Path(m).name}",))
            for m in modules]


def unload_steps(modules):
    return [Step("rmmod", f"unload-{pathlib.Path(m).stem}", 30, (pathlib.Path(m).stem,)) for m in reversed(modules)]


def test_step(test):
    name, timeout_s, words = test
    return Step("run", name, timeout_s, (f"{TEST_DIR}/{name}_test", *words))


def program_steps(host, ratios=RATIOS, programs=PROGRAMS):
    steps = []
    for program in programs:
        for ratio in ratios:
            size = min(int(VRAM * ratio), SIZE_MAX.get(program, 1 << 40))
            words = ("/bin/ferryctl", "run", program, "--host", host, "--programs", PROGRAM_DIR, "--size", size,
                     "--vram", VRAM, "--json")
            words += ("--threads", 2) if host == "process" else ()
            steps.append(Step("run", f"{program}-{ratio}", 90, words))
    return steps


def ferry_modules(modules):
    """The two that are loaded for the tests, in order; test modules are loaded by the tests that want them."""
    found = {pathlib.Path(m).stem: m for m in modules}
    return [found[n] for n in ("ferry", "ferry_soft") if n in found]


def chosen(steps, only):
    """Those whose name has one of the words in it; all, without a word."""
    return [s for s in steps if any(word in s.name for word in only.split(","))]


def stock(modules, only="", thorough=False):
    """The fast ring: every test, every program, load and unload; more of it on one kernel."""
    ours = ferry_modules(modules)
    tests = [test_step(t if thorough or t[0] != "nomem" else (*t[:2], ("--step", 4))) for t in LOADED_TESTS]
    tests += program_steps("kernel", RATIOS if thorough else (1.25,))
    after = [test_step(t) for t in UNLOADED_TESTS]
    return Plan([*load_steps(ours), *chosen(tests, only), *unload_steps(ours), *chosen(after, only)], SETTINGS)


def debug(modules, only="", fuzz_seconds=30):
    """A kernel that checks everything and is slow: fewer sizes, more fuzz, and leaks are looked for at the end."""
    ours = ferry_modules(modules)
    is_long = fuzz_seconds > 60
    nomem = ("nomem", 600, ("--kernel", 1, "--step", NOMEM_STEP_LONG if is_long else NOMEM_STEP_DEBUG))
    tests = [test_step(nomem if t[0] == "nomem" else t) for t in LOADED_TESTS if t[0] != "fuzz"]
    tests += [Step("run", "fuzz", fuzz_seconds + 60, (f"{TEST_DIR}/fuzz_test", "--seconds", fuzz_seconds))]
    tests += program_steps("kernel", ratios=(1.25,))
    after = [test_step((name, timeout_s, ("--rounds", 100) if is_long and name == "reload" else words))
             for name, timeout_s, words in UNLOADED_TESTS]
    steps = [*load_steps(ours), *chosen(tests, only), Step("leaks", "leaks-loaded", 60),
             *unload_steps(ours), *chosen(after, only), Step("leaks", "leaks-unloaded", 60)]
    settings = (*SETTINGS, "kill_ms 5000", "env FERRY_KILL_MS=5000", "env FERRY_TIME_SCALE=4",
                "file /sys/kernel/debug/failslab/verbose 0", "file /sys/kernel/debug/fail_page_alloc/verbose 0")
    return Plan(steps, settings, scale=4.0)


def programs_in_process(_modules=(), only=""):
    """The programs on the process host in a guest: shows that the guest itself is sound, needs no module."""
    return Plan(chosen(program_steps("process"), only), SETTINGS)


def demo(modules, programs, path):
    """make demo HOST=kernel: programs over a file that was brought along."""
    steps = [Step("run", program, 300, ("/bin/ferryctl", "run", program, path, "--host", "kernel", "--programs",
                                        PROGRAM_DIR, "--json")) for program in programs]
    return Plan([*load_steps(ferry_modules(modules)), *steps, *unload_steps(ferry_modules(modules))], SETTINGS)


def bench(modules, programs, vram_mb):
    """make bench HOST=kernel: one engine, and room for all that a bench moves."""
    steps = load_steps(ferry_modules(modules), f"vram_mb={vram_mb} sms=1".split())
    steps += [Step("run", program, 300, (f"{BENCH_DIR}/{program}",)) for program in programs]
    return Plan([*steps, *unload_steps(ferry_modules(modules))], SETTINGS)


def shell(modules):
    """make vm: modules loaded, then a shell until it ends."""
    return Plan([*load_steps(ferry_modules(modules)), Step("shell", "shell", 0)], SETTINGS)
