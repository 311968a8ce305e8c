# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a newcomer does first: the README's program, his own program, the installed library."""

import importlib.util
import os
import re
import shutil

from harness import ROOT, case

GPU_BLOCK = "ferry/gpu.h"
LIBRARY_BLOCK = "ferry/ferry.h"


def readme_blocks(which):
    spec = importlib.util.spec_from_file_location("tree", ROOT / "checks/tree.py")
    tree = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tree)
    parts = tree.read(ROOT / "README.md").split("```c\n")[1:]
    return [part.split("```")[0] for part in parts if which in part.split("```")[0]]


@case(sanitized=True)
def the_program_of_the_readme_compiles_and_runs(ferry):
    mine = ferry.program(readme_blocks(GPU_BLOCK)[0])
    data = ferry.file("input", ferry.real_bytes((5 << 20) + 123))
    ferry.run(mine, data, "--vram", "4M").ok()
    report = ferry.run("./mine.o", data, "--vram", "4M", "--json").ok().json()
    assert report["faults_gpu"] > 0 and report["evictions"] >= 0, report


@case()
def the_installed_library_is_enough_to_build_a_program(ferry):
    if ferry.variant:
        return  # what is installed is not sanitized
    root = ferry.work / "root"
    ferry.command(["make", "-C", ROOT, "--no-print-directory", "install", f"DESTDIR={root}", "PREFIX=/usr"]).ok()
    for path in ("bin/ferryctl", "lib/libferry.so", "lib/libferry.so.1", "lib/libferry.a", "include/ferry/ferry.h",
                 "include/ferry/gpu.h", "include/ferry/uapi/ferry.h", "lib/pkgconfig/ferry.pc",
                 "share/man/man1/ferryctl.1", "share/man/man3/ferry_open.3", "share/man/man7/ferry.7"):
        assert (root / "usr" / path).exists(), f"make install did not install {path}"

    main = ferry.file("main.c", b"""
        #include <stdio.h>
        #include <ferry/ferry.h>
        int main(void)
        {
            struct ferry *f;
            char *p;
            int error = ferry_open(NULL, &f);
            if (!error)
                error = ferry_alloc(f, 1 << 20, 0, (void **)&p);
            if (!error)
                p[12345] = 1;
            printf("%s\\n", ferry_version());
            return error || ferry_close(f);
        }
        """)
    env = {"PKG_CONFIG_PATH": f"{root}/usr/lib/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": str(root)}
    flags = ferry.command(["pkg-config", "--cflags", "--libs", "ferry"], env=env).ok().out.split()
    static = ferry.command(["pkg-config", "--static", "--libs", "ferry"], env=env).ok().out.split()
    ferry.command(["gcc", "-Wall", "-Werror", main, "-o", ferry.work / "main", *flags]).ok()
    ferry.command([ferry.work / "main"], env={"LD_LIBRARY_PATH": f"{root}/usr/lib"}).ok()
    os.unlink(root / "usr/lib/libferry.so")
    ferry.command(["gcc", "-Wall", "-Werror", main, "-o", ferry.work / "main", *flags, *static]).ok()
    ferry.command([ferry.work / "main"]).ok()

    # The installed headers are enough for a GPU program as well.
    source = ferry.file("mine.c", readme_blocks(GPU_BLOCK)[0].encode())
    ferry.command(["clang", "-O2", "-target", "bpf", "-mcpu=v3", f"-I{root}/usr/include", "-c", source, "-o",
                   ferry.work / "mine.o"]).ok()
    ferry.command(["make", "-C", ROOT, "--no-print-directory", "uninstall", f"DESTDIR={root}", "PREFIX=/usr"]).ok()
    left = [str(p) for p in root.rglob("*") if not p.is_dir()]
    assert not left, f"make uninstall left {left}"


@case(sanitized=True)
def the_c_program_of_the_readme_runs(ferry):
    for text in readme_blocks(LIBRARY_BLOCK):
        if "main(" not in text or ferry.variant:
            continue
        source = ferry.file("use.c", text.encode())
        ferry.program(readme_blocks(GPU_BLOCK)[0])
        ferry.command(["gcc", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", source, ferry.build / "libferry.a",
                       "-lelf", "-ljson-c", "-lpthread", "-o", ferry.work / "use"]).ok()
        ferry.command([ferry.work / "use"]).ok()


@case()
def help_and_version_answer(ferry):
    assert "run" in ferry.ctl("--help").ok().out
    assert ferry.ctl("--version").ok().out.strip()


@case(sanitized=True)
def status_names_the_hosts_and_says_why_not(ferry):
    result = ferry.ctl("status", env={"FERRY_DEVICE": "/dev/no-such-ferry"}).ok()
    result.need("process" in result.out and "kernel" in result.out, "both hosts should be named")
    result.need("not available" in result.out, "it should say that the kernel host is not available, and why")
    ferry.ctl("status", "--json").ok().json()


@case(sanitized=True)
def status_of_the_kernel_host_says_why_not(ferry):
    for node, word in (("/dev/no-such-ferry", "modprobe"), ("/dev/null", "no device of Ferry")):
        ferry.ctl("status", "--host", "kernel", "--node", node).refused(node, word)
        ferry.ctl("status", "--host", "kernel", env={"FERRY_DEVICE": node}).refused(node, word)
        report = ferry.ctl("status", "--host", "auto", "--node", node, "--json").ok().json()
        assert report["host"] == "process" and word in report["host_kernel"], report
        assert [n["node"] for n in report["nodes"]] == [node] and report["devices"], report


@case(sanitized=True)
def stats_shows_every_counter(ferry):
    text = (ROOT / "include/ferry/uapi/ferry.h").read_text()
    names = re.findall(r'^\tx\((\w+), "', text, re.M)
    result = ferry.ctl("stats").ok()
    for name in names:
        result.need(name in result.out, f"counter {name} is not shown")
    ferry.ctl("stats", "--json").ok().json()


@case(sanitized=True)
def locks_shows_the_order_and_what_was_seen(ferry):
    table = (ROOT / "core/lock/lock_order.h").read_text()
    names = re.findall(r"^\tx\((\w+), ", table, re.M)
    result = ferry.ctl("locks").ok()
    for name in names[:names.index("LEAF") + 1]:
        result.need(f"  {name} " in result.out, f"row {name} is not shown")
    report = ferry.ctl("locks", "--json").ok().json()
    assert report["violations"] == 0 and [row["name"] for row in report["rows"]] == names, report
    seen = {row["name"]: row for row in report["rows"]}
    assert "VA_SPACE" in seen["BLOCK"]["seen_under"], seen["BLOCK"]
    assert not any(row["broken_under"] for row in report["rows"]), report
    graph = ferry.ctl("locks", "--dot").ok()
    graph.need('"VA_SPACE" -> "BLOCK"' in graph.out and graph.out.startswith("/*"), "a graph for Graphviz")
    ferry.ctl("locks", "--dot", "--json").refused("--dot")
    ferry.ctl("run", "histogram", "--dot").refused("--dot")


@case()
def an_unprivileged_user_can_run_it(ferry):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        ferry.verified("histogram", "--vram", "2M", "--size", "3M")
        return
    place = ferry.work / "public"
    shutil.copytree(ferry.build / "programs", place / "programs")
    shutil.copy(ferry.binary, place / "ferryctl")
    place.chmod(0o755)
    result = ferry.command(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                            "--bounding-set=-all", "--inh-caps=-all", place / "ferryctl", "run", "histogram",
                            "--vram", "2M", "--size", "3M", "--json"], env={"TMPDIR": "/tmp"})
    assert result.ok().json()["verified"] is True, result
