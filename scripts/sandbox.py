# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Run one program so that it cannot hang us, outlive us, or lose what it said."""

import functools
import os
import signal
import subprocess
import tempfile

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:history_size=4:report_signal_unsafe=0",
}


class Run:
    """status: exit status, negative for a signal; timed_out; output: stdout and stderr together."""

    def __init__(self, status, timed_out, output):
        self.status = status
        self.timed_out = timed_out
        self.output = output

    def why(self):
        """What went wrong in words, None when nothing did."""
        if self.timed_out:
            return "did not end in time"
        if self.status < 0:
            try:
                return f"died of {signal.Signals(-self.status).name}"
            except ValueError:
                return f"died of signal {-self.status}"
        if self.status > 0:
            return f"exit status {self.status}"
        return None


def environment(extra=None):
    """Ours, without what an outer make left, with the sanitizers set and bugs fatal."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    for name, value in SANITIZERS.items():
        env.setdefault(name, value)
    env["FERRY_BUG_FATAL"] = "1"
    env.update(extra or {})
    return env


@functools.lru_cache
def fixed_layout():
    """The command before a command that switches the randomisation of addresses off; [] where that is forbidden."""
    try:
        subprocess.run(["setarch", "-R", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return ["setarch", "-R"]


def wrap(command, variant):
    """ThreadSanitizer needs the address layout it was built for."""
    return [*(fixed_layout() if variant == "tsan" else []), *command]


def run(command, timeout_s, extra_env=None, variant=""):
    """Run to the end or to timeout_s; the whole process group is gone afterwards."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(wrap(command, variant), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 env=environment(extra_env), start_new_session=True)
        timed_out = False
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        out.seek(0)
        return Run(child.returncode, timed_out, out.read().decode(errors="replace"))
