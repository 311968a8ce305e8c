# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Bad input gets a clear error: no crash, no hang, no wrong success."""

import os
import random
import resource
import threading
import time

from harness import case

SMALL = ("--vram", "2M", "--size", "1M")


# ---- the command line

@case(sanitized=True)
def what_is_not_understood_ends_with_status_2(ferry):
    for args in (["run", "fill", "--no-such-option"], ["no-such-command"], [], ["run"], ["run", "fill", "--vram"],
                 ["status", "--vram"], ["run", "fill", "--json=yes"]):
        ferry.ctl(*args).refused(status=2)
    ferry.run("fill", "--host", "moon").refused("moon")


@case(sanitized=True)
def sizes_and_numbers_out_of_range_are_refused(ferry):
    for option, values in {
            "--vram": ("0", "", "abc", "-1", "1.5", "4X", "16E", "99999999999999999999", "0x", " 4M"),
            "--size": ("0", "abc", "-1", "99999999999999999999G", "4MM"),
            "--threads": ("0", "65", "-1", "x", "1 2", "4294967297"),
            "--devices": ("0", "5", "x", "4294967297"),
            "--repeat": ("0", "-3", "x", "")}.items():
        for value in values:
            ferry.run("fill", *SMALL, option, value).refused()


@case(sanitized=True)
def unknown_knobs_and_values_are_refused(ferry):
    for knob in ("no-such-knob=1", "irq-lose", "irq-lose=", "irq-lose=x", "=1", "", "hang=-1"):
        ferry.run("fill", *SMALL, "--inject", knob).refused()


@case(sanitized=True)
def an_unknown_program_is_named_in_the_error(ferry):
    ferry.run("no-such-program", *SMALL).refused("no-such-program")
    ferry.run("./no-such-program.o", *SMALL).refused("no-such-program.o")


@case(sanitized=True)
def the_kernel_host_says_that_it_is_not_available_and_why(ferry):
    result = ferry.run("fill", *SMALL, "--host", "kernel", "--node", "/dev/no-such-ferry").refused("not available:")
    said = [line.split("not available:")[1] for line in (result.out + result.err).splitlines()
            if "not available:" in line]
    result.need(any(len(reason.strip()) > 8 for reason in said), "there should be a reason")


@case(sanitized=True)
def an_error_with_json_is_one_object_too(ferry):
    for args in (["run", "no-such-program"], ["run", "histogram", "/no/such/file"],
                 ["run", "fill", "--host", "kernel", "--node", "/dev/no-such-ferry"]):
        report = ferry.ctl(*args, "--json").refused().json()
        assert report.get("error") and report.get("message") and report.get("verified") is not True, report


# ---- files

@case(sanitized=True)
def files_that_cannot_be_read_are_named_in_the_error(ferry):
    (ferry.work / "folder").mkdir()
    ferry.file("empty", b"")
    os.symlink("loop", ferry.work / "loop")
    for name in ("missing", "folder", "empty", "loop"):
        ferry.run("histogram", name, "--vram", "2M").refused(name)
    # Opens, but every read fails.
    ferry.run("histogram", "/proc/self/mem", "--vram", "2M").refused("/proc/self/mem")


@case(sanitized=True)
def one_bad_file_among_good_ones_is_an_error(ferry):
    good = ferry.file("good", ferry.real_bytes(10_000))
    ferry.run("histogram", good, "missing", good, "--vram", "2M").refused("missing")


@case()
def a_pipe_is_read_to_its_end(ferry):
    data = ferry.real_bytes(300_001)
    os.mkfifo(ferry.work / "pipe")
    writer = threading.Thread(target=lambda: (ferry.work / "pipe").write_bytes(data))
    writer.start()
    report = ferry.verified("histogram", "pipe", "--vram", "2M")
    writer.join()
    assert report["input_bytes"] == len(data), report["input_bytes"]


@case()
def a_file_without_an_end_is_refused_or_cut(ferry):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # noqa: E731
    result = ferry.run("histogram", "/dev/zero", "--vram", "2M", "--size", "1M", preexec_fn=limit)
    if result.status:
        result.refused("/dev/zero")


@case(sanitized=True)
def a_file_that_vanishes_or_shrinks_meanwhile_is_no_disaster(ferry):
    chance = random.Random(1)
    data = ferry.real_bytes(12 << 20)
    for turn in range(8):
        path = ferry.file("input", data)
        delay = chance.uniform(0, 0.15)

        def spoil(path=path, turn=turn, delay=delay):
            time.sleep(delay)
            if turn % 2:
                os.truncate(path, 4096 * chance.randrange(3))
            else:
                os.unlink(path)

        spoiler = threading.Thread(target=spoil)
        spoiler.start()
        result = ferry.run("histogram", path, "--vram", "2M")
        spoiler.join()
        path.unlink(missing_ok=True)
        if result.status:
            result.refused()


# ---- programs

GOOD = """
#include "ferry/gpu.h"
FERRY_KERNEL(mine, u8 *in, u64 bytes)
{
        FERRY_FOR_GRID(i, bytes)
                in[i]++;
}
"""
GLOBAL_DATA = """
#include "ferry/gpu.h"
u64 counter;
FERRY_KERNEL(mine, u8 *in, u64 bytes)
{
        in[0] = counter++ + bytes;
}
"""
CALL = """
#include "ferry/gpu.h"
__attribute__((noinline)) u64 helper(u64 x) { return x * x; }
FERRY_KERNEL(mine, u8 *in, u64 bytes)
{
        in[0] = helper(bytes);
}
"""
NO_ENTRY = """
int f(int x) { return x; }
"""
ENDLESS = """
#include "ferry/gpu.h"
FERRY_KERNEL(mine, u64 *in, u64 bytes)
{
        while (FERRY_ONCE(in[0]) != bytes)
                in[1]++;
}
"""


@case(sanitized=True)
def what_is_no_ebpf_object_is_refused(ferry):
    chance = random.Random(2)
    native = ferry.file("native.c", b"int f(int x) { return x + 1; }\n")
    ferry.command(["gcc", "-c", native, "-o", ferry.work / "native.o"]).ok()
    ferry.file("empty.o", b"")
    ferry.file("noise.o", chance.randbytes(5000))
    ferry.file("elf-magic.o", b"\x7fELF" + chance.randbytes(5000))
    ferry.file("text.o", b"this is no object file\n" * 100)
    for name in ("native.o", "empty.o", "noise.o", "elf-magic.o", "text.o"):
        ferry.run(f"./{name}", *SMALL).refused(name)
    ferry.run("./folder.o/", *SMALL).refused()
    ferry.run(ferry.binary, *SMALL).refused()


@case(sanitized=True)
def a_truncated_object_is_refused_at_every_length(ferry):
    data = ferry.program(GOOD).read_bytes()
    cuts = [1, 3, 4, 16, 63, 64, 65] + list(range(100, len(data), max(1, len(data) // 30)))
    for cut in cuts:
        ferry.file("cut.o", data[:cut])
        ferry.run("./cut.o", *SMALL).refused()


@case(sanitized=True)
def an_object_with_a_spoilt_header_never_crashes_it(ferry):
    data = bytearray(ferry.program(GOOD).read_bytes())
    sections = int.from_bytes(data[40:48], "little")
    chance = random.Random(3)
    for _ in range(60):
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            # The ELF header or the section headers: the code itself stays what it is, so the run ends.
            at = chance.randrange(64) if chance.random() < 0.3 else chance.randrange(sections, len(data))
            spoilt[at] = chance.choice((0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
        ferry.file("spoilt.o", spoilt)
        result = ferry.run("./spoilt.o", *SMALL)
        if result.status:
            result.refused()


@case()
def programs_the_gpu_cannot_run_say_what_is_wrong(ferry):
    for text, word in ((GLOBAL_DATA, "counter"), (CALL, "helper"), (NO_ENTRY, "FERRY_KERNEL")):
        ferry.program(text)
        ferry.run("./mine.o", *SMALL).refused(word)


@case()
def a_program_that_never_ends_is_ended_by_its_budget_or_by_the_user(ferry):
    ferry.program(ENDLESS)
    child = ferry.start("run", "./mine.o", *SMALL)
    time.sleep(1)
    child.terminate()
    child.wait(10)
    assert child.returncode != 0


# ---- a poor machine

@case()
def a_full_disk_for_the_report_is_an_error(ferry):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = ferry.run("fill", *SMALL, "--json", stdout=full)
    result.need(result.status > 0, "the report was lost: that is no success")


@case()
def a_process_without_memory_or_descriptors_gets_an_error(ferry):
    def limit(what, value):
        return lambda: resource.setrlimit(what, (value, value))

    for what, value in ((resource.RLIMIT_AS, 64 << 20), (resource.RLIMIT_AS, 192 << 20),
                        (resource.RLIMIT_NOFILE, 4), (resource.RLIMIT_NOFILE, 7), (resource.RLIMIT_STACK, 128 << 10)):
        result = ferry.run("histogram", "--vram", "64M", "--size", "96M", preexec_fn=limit(what, value))
        if result.status:
            result.refused()


@case()
def more_input_than_memory_is_an_error_not_a_disaster(ferry):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))  # noqa: E731
    ferry.run("fill", "--vram", "4M", "--size", "1000G", preexec_fn=limit).refused()


