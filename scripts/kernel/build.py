# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Ferry's modules, built against one kernel in a copy of the sources: several kernels can be built at once, and the
source tree stays clean. The copy stays in its folder, so the next build compiles only what changed.

    OUT/            the copy, ferry.ko, ferry_soft.ko, Module.symvers
    OUT/test/kernel/modules/*.ko
    OUT/build.log   everything that make said
"""

import os
import pathlib
import re
import shutil
import subprocess

from kernel import apt, cache, run, stock, table

# What the modules are made of: the same list as in mk/install.mk, which lays the DKMS source.
PARTS = ("Kbuild", "dkms.conf", "mk/flags.mk", "core", "hal", "include", "os-linux", "softgpu", "LICENSES")
TEST_MODULES = "test/kernel/modules"
SOURCE_NAMES = ("Kbuild", "Makefile")
SOURCE_ENDS = (".c", ".h", ".sh", ".mk", ".conf", ".txt")
MADE_NAMES = re.compile(r".*\.mod\.c|compat_config\.h")


def wanted(name):
    """Is this a file of the tree, going by its name?"""
    return (name in SOURCE_NAMES or name.endswith(SOURCE_ENDS)) and not MADE_NAMES.fullmatch(name)


def sources(tree):
    """{path from the root of the tree} of all that is copied."""
    found = set()
    for part in (*PARTS, TEST_MODULES):
        if (tree / part).is_file():
            found.add(part)
        for folder, _, files in os.walk(tree / part):
            found |= {os.path.relpath(os.path.join(folder, f), tree) for f in files if wanted(f)}
    return found


def copy(tree, out):
    """Make out's sources those of the tree; a file that did not change keeps its time."""
    now = sources(tree)
    for path in sources(out) - now:
        (out / path).unlink()
    for path in sorted(now):
        source, target = tree / path, out / path
        try:
            have, want = target.stat(), source.stat()
            if (have.st_size, have.st_mtime_ns) == (want.st_size, want.st_mtime_ns):
                continue
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def make_command(kernel, out, options):
    """make for one kernel: as a list, where the copy is for it, and its environment."""
    root, place = kernel["chroot"], "/work" if kernel["chroot"] else str(out)
    cc = "clang" if options.cc == "clang" else kernel["cc"]
    if root and options.cc == "clang":
        cc = "clang-19"
    ccache = bool(root) or bool(shutil.which("ccache"))
    command = ["make", "-C", kernel["kdir"], f"M={place}", f"CC={'ccache ' if ccache else ''}{cc}",
               f"-j{os.cpu_count()}"]
    # tinyconfig, under our own kernels, allows frames of 1 KiB; KASAN makes them larger. Stock kernels allow 2 KiB.
    command.append("KCFLAGS=-Werror" + (" -Wframe-larger-than=2048" if kernel["source"] else ""))
    # The kernels of the tests see all that the kernel's developers see; a user's may be one that we do not know.
    command += ["W=1"] if kernel["folder"] else []
    command += ["LLVM=1"] if kernel["source"] and kernel["cc"] == "clang" else []
    command += ["C=2"] if options.sparse else []
    env = run.environment(CCACHE_BASEDIR=place)
    if kernel["folder"]:
        # A folder of the cache never changes, so what its kernel answered to a probe stays true.
        answers = cache.root() / "probes" / f"{pathlib.Path(kernel['folder']).name}-{cc}"
        answers.mkdir(parents=True, exist_ok=True)
        env["FERRY_PROBE_CACHE"] = str(answers)
    if not root:
        return command, place, env
    (cache.root() / "ccache").mkdir(exist_ok=True)
    binds = {out: "/work", cache.root() / "ccache": "/ccache", answers: "/probes"}
    env.update(CCACHE_DIR="/ccache", FERRY_PROBE_CACHE="/probes",
               PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return run.in_chroot(root, binds, command), place, env


def complaints(text):
    """The lines of a build log that a person wants to see when it failed."""
    lines = text.splitlines()
    bad = re.compile(r"\b(error|warning):|undefined!|cannot be built|\*\*\* ", re.I)
    first = next((i for i, line in enumerate(lines) if bad.search(line)), len(lines) - 30)
    return "\n".join(lines[max(first - 1, 0):first + 40])


def module(path):
    """What is told of one .ko."""
    size = run.output(["size", "-B", path]).splitlines()[1].split()
    return {"path": str(path), "text_bytes": int(size[0]), "data_bytes": int(size[1]), "bss_bytes": int(size[2])}


def sparse_said(kernel, text, warnings):
    """Problem unless sparse was run and was content. (Debian's headers of 7.x lack a script it is started by.)"""
    if warnings:
        raise cache.Problem(f"{kernel['series']}: sparse complains:\n" + "\n".join(warnings[:40]))
    if "  CHECK " not in text or "sparse is not available" in text:
        raise cache.Problem(f"{kernel['series']}: sparse did not run: not installed, or not known to these headers")


def build(kernel, out, options):
    """A dictionary of what was built; Problem when something was not."""
    out = pathlib.Path(out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    with cache.lock("build-" + cache.key(str(out))):
        copy(table.TREE, out)
        if options.cc == "clang" and kernel["chroot"]:
            kernel = dict(kernel, chroot=str(stock.chroot(apt.Apt("trixie"), clang=True)))
        command, place, env = make_command(kernel, out, options)
        log = out / "build.log"
        log.unlink(missing_ok=True)
        steps = [[*command, "modules"]]
        if any((out / TEST_MODULES).glob("*.c")):
            # The last M= counts.
            steps.append([*command, f"M={place}/{TEST_MODULES}", f"KBUILD_EXTRA_SYMBOLS={place}/Module.symvers",
                          "modules"])
        for step in steps:
            if run.logged(step, log, env=env):
                raise cache.Problem(f"{kernel['series']}: the build failed:\n{complaints(log.read_text())}\n"
                                    f"The whole log: {log}")
        text = log.read_text(errors="replace")
        found = [line for line in text.splitlines() if re.search(r"\bwarning:", line, re.I)]
        if options.sparse:
            sparse_said(kernel, text, found)
    return {
        "series": kernel["series"], "release": kernel["release"], "out": str(out),
        "modules": {p.stem: module(p) for p in sorted(out.glob("*.ko"))},
        "test_modules": {p.stem: str(p) for p in sorted((out / TEST_MODULES).glob("*.ko"))},
        "warnings": len(found),
    }


def kernel_of(kdir):
    """The dictionary for a kernel that is simply there: /lib/modules/.../build, or any such folder."""
    path = pathlib.Path(kdir).resolve()
    try:
        release = (path / "include/config/kernel.release").read_text().strip()
    except OSError:
        raise cache.Problem(f"{kdir} is not a folder to build modules against (no include/config/kernel.release). "
                            "Debian has it in the package linux-headers-$(uname -r)") from None
    clang = subprocess.run(["grep", "-q", "^CONFIG_CC_IS_CLANG=y", path / ".config"], check=False).returncode == 0
    return {"series": release, "release": release, "folder": "", "chroot": "", "kdir": str(path),
            "config": str(path / ".config"), "vmlinuz": "", "modules": "", "debug": False, "source": "",
            "cc": "clang" if clang else stock.gcc_of(path)}
