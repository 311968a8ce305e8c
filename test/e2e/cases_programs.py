# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Every built-in program, with less and with more data than the device holds, is right."""

import pathlib
import re

from harness import ROOT, case

VRAM = 4 << 20
RATIOS = (0.5, 1, 1.25, 2)
# What was promised; programs that are added later join by themselves.
PROMISED = ("fill", "copy", "histogram", "reduce", "sort", "saxpy_i32", "saxpy_f32", "gemm", "stencil", "bfs",
            "chase", "random", "pingpong", "bad")
# The ones that go through all of their input, so that what does not fit has to leave.
SWEEPING = ("copy", "histogram", "sort")


def built_in():
    """The names in the tables of tools/workload_*.c, but for the one that runs a user's object."""
    found = set()
    for source in pathlib.Path(ROOT / "tools").glob("workload_*.c"):
        found.update(re.findall(r'^\t\.name = "(\w+)"', source.read_text(), re.M))
    return sorted((found | set(PROMISED)) - {"object"})


def add(program, ratio):
    @case(name=f"{program} at {ratio} times device memory", sanitized=ratio == 1.25)
    def one(ferry):
        # Sanitized, the interpreter is many times slower: the same ratio on the smallest device.
        vram = VRAM // 2 if ferry.variant else VRAM
        size = int(vram * ratio)
        report = ferry.verified(program, "--vram", vram, "--size", size)
        assert report["program"] == program and report["host"] == "process", report
        assert report["vram_bytes"] == vram, f"vram_bytes is {report['vram_bytes']}"
        assert report["faults_gpu"] > 0 and report["batches"] > 0, f"no page came by fault: {report}"
        assert report["faults_duplicate"] <= report["faults_gpu"], report
        assert report["seconds_copy"] <= report["seconds_service"] + report["seconds_total"], report
        if program in SWEEPING:
            assert report["input_bytes"] >= size * 0.9, f"input_bytes is {report['input_bytes']} of {size}"
            assert report["bytes_to_device"] > 0, report
        if program in SWEEPING and ratio >= 1.25:
            assert report["evictions"] > 0, f"nothing was evicted: {report}"


for _program in built_in():
    for _ratio in RATIOS:
        add(_program, _ratio)


@case(sanitized=True)
def histogram_of_a_real_file_is_right_whatever_its_length(ferry):
    for length in (1, 4095, 4097, 65537, 1 << 20, (3 << 20) + 5):
        path = ferry.file("input", ferry.real_bytes(length))
        report = ferry.verified("histogram", path, "--vram", "2M")
        assert report["input_bytes"] == length, f"input_bytes is {report['input_bytes']}, the file has {length}"


@case()
def sort_of_a_real_file_is_right(ferry):
    ferry.verified("sort", ferry.file("input", ferry.real_bytes((6 << 20) + 3)), "--vram", "4M")


@case()
def several_files_make_one_input(ferry):
    one, two = ferry.file("one", ferry.real_bytes(100_001)), ferry.file("two", ferry.real_bytes(50_000))
    report = ferry.verified("histogram", one, two, "--vram", "2M")
    assert report["input_bytes"] == 150_001, report["input_bytes"]


@case()
def bfs_reads_an_edge_list(ferry):
    edges = "".join(f"{i} {(i * 7 + 3) % 5000}\n{i} {(i + 1) % 5000}\n" for i in range(5000))
    ferry.verified("bfs", ferry.file("edges", edges.encode()), "--vram", "2M")


@case(sanitized=True)
def repeated_runs_are_each_verified(ferry):
    ferry.verified("saxpy_i32", "--vram", "4M", "--size", "5M", "--repeat", "3")


@case(sanitized=True)
def any_number_of_engines_gives_the_same_result(ferry):
    for threads in (1, 2, 7, 64):
        ferry.verified("histogram", "--vram", "4M", "--size", "5M", "--threads", threads)


@case(sanitized=True)
def several_devices_work(ferry):
    for devices in (2, 4):
        report = ferry.verified("histogram", "--vram", "4M", "--size", "6M", "--devices", devices)
        assert report["vram_bytes"] in (VRAM, devices * VRAM), report["vram_bytes"]


@case()
def auto_takes_the_process_host_here(ferry):
    report = ferry.verified("fill", "--vram", "2M", "--size", "1M", "--host", "auto", "--node", "/dev/no-such-ferry")
    assert report["host"] == "process", report


@case()
def the_report_for_people_says_the_same_things(ferry):
    result = ferry.run("histogram", "--vram", "2M", "--size", "3M").ok()
    for word in ("fault", "batch", "evict", "verified"):
        result.need(word in result.out.lower(), f"the report should mention {word!r}")
    result.need("\r" not in result.out + result.err, "progress is for terminals only")
