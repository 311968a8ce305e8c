# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Killed at any moment: it ends at once, and nothing of it is left."""

import json
import random
import signal
import subprocess
import time

from harness import case

ENDS_WITHIN_S = 5


def kill_at_random_moments(ferry, number, turns, seed):
    """Start, wait a random while, send the signal. How each ended: exit status, negative for a signal."""
    chance = random.Random(seed)
    ended = []
    programs = ("sort", "histogram", "copy", "pingpong")
    for turn in range(turns):
        child = ferry.start("run", programs[turn % len(programs)], "--vram", "4M", "--size", "32M", "--repeat", "50",
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.choice((0.002, 0.02, 0.2, 1.0)) * chance.random() * ferry.slow)
        child.send_signal(number)
        try:
            child.wait(ENDS_WITHIN_S * ferry.slow)
        except subprocess.TimeoutExpired as late:
            child.kill()
            child.wait()
            raise AssertionError(f"turn {turn}: still there {ENDS_WITHIN_S} s after {number.name}") from late
        ended.append(child.returncode)
        ferry.nothing_left()
    return ended


@case(sanitized=True)
def sigint_at_any_moment_ends_it_cleanly(ferry):
    for status in kill_at_random_moments(ferry, signal.SIGINT, 16, 11):
        # Before main() set its handler the signal itself ends the process.
        assert status in (130, -signal.SIGINT), f"ended with {status}"


@case()
def sigterm_at_any_moment_ends_it(ferry):
    for status in kill_at_random_moments(ferry, signal.SIGTERM, 12, 12):
        assert status in (143, -signal.SIGTERM), f"ended with {status}"


@case(sanitized=True)
def sigkill_at_any_moment_leaves_nothing(ferry):
    for status in kill_at_random_moments(ferry, signal.SIGKILL, 16, 13):
        assert status == -signal.SIGKILL, f"ended with {status}"


@case()
def stopped_and_continued_it_goes_on(ferry):
    child = ferry.start("run", "histogram", "--vram", "4M", "--size", "16M", "--json", stdout=subprocess.PIPE)
    for _ in range(10):
        time.sleep(0.02)
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        child.send_signal(signal.SIGCONT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0 and json.loads(out)["verified"] is True, out


@case()
def a_reader_that_goes_away_does_not_leave_it_running(ferry):
    child = ferry.start("run", "histogram", "--vram", "2M", "--size", "2M", stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL)
    child.stdout.close()
    child.wait(30)
