# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Kernels of our own: Debian's linux-source, our patches and our configuration.

SERIES-debug has everything on that finds bugs. SERIES-clang is configured for clang and is not built: its headers,
Makefiles and scripts are what modules are checked with. What a kernel exports is known once it is built; here it
is taken from the stock kernel SERIES.

    test/kernel/config/base.config     what the tests need of a kernel
    test/kernel/config/debug.config    what watches the driver; not for SERIES-clang
    test/kernel/patches/6.12-*.patch   patches of one series

A debug build takes eight to twenty minutes, and about one with what is left in ccache. The entry is a folder with the
source's headers, Makefiles and scripts, and in it build/: .config, bzImage, Module.symvers, generated headers, host
tools. That is what a module needs, at a twentieth of the size. The paths between the two are relative.
"""

import os
import pathlib
import re
import shutil

from kernel import apt, cache, run, stock, table

RECIPE = 2  # raise it when what this file makes changes
TEST = table.TREE / "test" / "kernel"
BASE, DEBUG = TEST / "config" / "base.config", TEST / "config" / "debug.config"
# Nothing that changes from one build to the next gets in: ccache then knows every object again.
STILL = {"KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_USER": "ferry",
         "KBUILD_BUILD_HOST": "ferry"}
# The register headers of one driver are a tenth of all of Linux.
UNUSED = ["--exclude=*/drivers/gpu/drm/amd/include/*"]


def fragments(row):
    """The files of its configuration."""
    return [BASE, DEBUG] if row.debug else [BASE]


def patches(row):
    """Those of the series, in order."""
    return sorted((TEST / "patches").glob(row.series.removesuffix("-debug") + "-*.patch")) if row.debug else []


def compiler(row):
    """(name, what it says it is)."""
    name = "gcc-12" if shutil.which("gcc-12") else "gcc"
    if row.clang:
        apt.need("clang", "ld.lld", "llvm-ar")
        name = "clang"
    return name, run.output([name, "--version"]).splitlines()[0]


def requested(row):
    """The lines of the fragments that say something."""
    lines = "".join(f.read_text(encoding="utf-8") for f in fragments(row)).splitlines()
    return [line for line in lines if re.match(r"CONFIG_\w+=|# CONFIG_\w+ is not set$", line)]


def renamed(row):
    """{line that the series does not know: line that says as much}."""
    table_lines = (TEST / "config" / "renamed.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in table_lines if line and not line.startswith("#")]
    return {old: new for series, old, new in words if row.series.startswith(series + "-")}


def unpack(lists, package, folder):
    """The source tree, patched by nobody but Debian."""
    deb = lists.download([package], folder / "deb")[package]
    archive = "dpkg-deb --fsys-tarfile \"$1\" | tar -x -O --wildcards './usr/src/linux-source-*.tar.xz' | " \
              "tar -xJ --strip-components=1 --no-same-owner -C \"$2\" \"$3\""
    (folder / "linux").mkdir()
    run.output(["bash", "-o", "pipefail", "-c", archive, "bash", deb, folder / "linux", *UNUSED])
    shutil.rmtree(folder / "deb")


def configure(row, source, make, log):
    """tinyconfig and our fragments; an option that Kconfig dropped is an error."""
    run.logged([*make, "tinyconfig"], log, cwd=source)
    if run.logged(["scripts/kconfig/merge_config.sh", "-m", "-O", "build", "build/.config", *fragments(row)], log,
                  cwd=source) or run.logged([*make, "olddefconfig"], log, cwd=source):
        raise cache.Problem(f"the kernel could not be configured: see {log}")
    have = set((source / "build" / ".config").read_text().splitlines())
    instead = renamed(row)
    dropped = [line for line in requested(row) if instead.get(line, line) not in have and not (
        line.startswith("#") and not any(h.startswith(line.split()[1] + "=") for h in have))]
    if dropped:
        raise cache.Problem("Kconfig dropped what test/kernel/config asks for (it was renamed, or something that it "
                            "needs is off):\n  " + "\n  ".join(dropped))


def shrink(source):
    """Keep what building a module needs, and what boots."""
    build = source / "build"
    for path in ("Documentation", "samples", "rust", "usr", "tools/testing", "tools/perf"):
        shutil.rmtree(source / path, ignore_errors=True)
    kept = ("scripts", "include", "tools", "arch/x86/include", "arch/x86/tools", "build")
    for folder, folders, files in os.walk(source):
        inside = os.path.relpath(folder, source)
        folders[:] = [f for f in folders if os.path.normpath(os.path.join(inside, f)) not in kept]
        for name in files:
            if not name.startswith(("Makefile", "Kconfig", "Kbuild", "Platform")):
                os.unlink(os.path.join(folder, name))
    tools = ("scripts", "tools", "include", "arch/x86/include", "arch/x86/tools")
    for folder, folders, files in os.walk(build):
        inside = os.path.relpath(folder, build)
        folders[:] = [f for f in folders if os.path.normpath(os.path.join(inside, f)) not in tools]
        for name in files:
            if not (name.endswith((".ko", "bzImage", "modules.builtin", "modules.order")) or
                    name in (".config", "Module.symvers", "System.map", "Makefile", "modules.builtin.modinfo")):
                os.unlink(os.path.join(folder, name))
    for folder, folders, _ in os.walk(source, topdown=False):
        for name in folders:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and not os.listdir(path):
                os.rmdir(path)


# The build folder's Makefile, wherever it lies: from 6.13 on what Kbuild writes has absolute paths in it, and the
# folder is renamed when it is done.
BUILD_MAKEFILE = """\
export KBUILD_OUTPUT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
include $(KBUILD_OUTPUT)/../Makefile
"""


def exports(row):
    """The file with what the stock kernel of the series exports."""
    kernel = stock.kernel(table.row(row.series.removesuffix("-clang")))
    return pathlib.Path(kernel["kdir"]) / "Module.symvers"


def make_kernel(lists, row, folder):
    """All of it, from the package to the folder that stays."""
    apt.need("flex", "bison", "bc", "ccache", "patch", "xz")
    log = cache.root() / f"{row.series}.log"
    log.unlink(missing_ok=True)
    unpack(lists, row.package, folder)
    source = folder / "linux"
    for patch in patches(row):
        run.output(["patch", "-p1", "--fuzz=0", "-i", patch], cwd=source)
    make = ["nice", "-n", "19", "make", "-s", "O=build", f"CC=ccache {compiler(row)[0]}", f"-j{os.cpu_count()}"]
    make += ["LLVM=1"] if row.clang else []
    configure(row, source, make, log)
    if row.debug:
        cache.say(f"building {row.series}: minutes; the log is {log}")
    goals = ["bzImage", "modules"] if row.debug else ["modules_prepare"]
    if run.logged([*make, *goals], log, cwd=source, env=run.environment(**STILL)):
        text = log.read_text(errors="replace")
        raise cache.Problem(run.failed(["building", row.series], "an error", text) + f"\nThe whole log: {log}")
    shutil.copyfile(log, folder / "build.log")
    shrink(source)
    (source / "build" / "Makefile").write_text(BUILD_MAKEFILE)
    if row.clang:
        shutil.copyfile(exports(row), source / "build" / "Module.symvers")


def kernel(row, may_make=True):
    """A dictionary that says where everything is; see describe() in scripts/kernels.py."""
    lists = apt.Apt(row.suite)
    version = lists.version(row.package)
    inputs = [(f.name, f.read_text(encoding="utf-8")) for f in [*fragments(row), *patches(row)]]
    cc, exactly = compiler(row)
    name = f"{row.series}-{re.sub('[^0-9A-Za-z.]', '-', version)}-" + cache.key(RECIPE, version, inputs, exactly)
    folder = cache.entry(name, lambda temp, _: make_kernel(lists, row, temp), may_make)
    build = folder / "linux" / "build"
    release = (build / "include/config/kernel.release").read_text().strip()
    return {
        "series": row.series, "release": release, "folder": str(folder), "chroot": "", "kdir": str(build),
        "config": str(build / ".config"), "vmlinuz": str(build / "arch/x86/boot/bzImage"), "modules": "",
        "cc": cc, "debug": row.debug, "source": str(folder / "linux"),
    }
