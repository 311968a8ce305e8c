# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What people do, done by a script: a session of `make vm` at a terminal, and what `make demo HOST=kernel` boots."""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time

import plan as plans

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROMPT = "ferry# "
BOOT_S, COMMAND_S = 180, 60
DEMO_PROGRAMS = ("histogram", "sort")
DEMO_BYTES = plans.VRAM * 5 // 4  # more than the device has: pages must come and go

# What is typed, and what the answer must have in it.
SESSION = (
    ("ferryctl status --host kernel", r"ferry"),
    ("ferryctl run histogram --host kernel --size 256K", r"verified"),
    ("/tests/version_test", r"^ok \d"),
    ("cat /proc/modules", r"ferry_soft \d+ 0 "),
    ("dmesg | tail -n 3", r"\[ *\d+\.\d+\]"),
)


class Terminal:
    """A command at a terminal of its own; text is what it wrote that nobody has read yet."""

    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execvp(command[0], command)
        self.text = ""

    def read(self, until):
        """More text: True; the end, or too late: False."""
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side has closed
            return False
        self.text += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def expect(self, what, seconds):
        """What came before it. RuntimeError: it did not come."""
        until = time.monotonic() + seconds
        while what not in self.text:
            if not self.read(until):
                raise RuntimeError(f"no {what!r}; the last lines:\n" + "\n".join(self.text.splitlines()[-30:]))
        before, self.text = self.text.split(what, 1)
        return before

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def finish(self, seconds):
        """Exit status. RuntimeError: it does not end."""
        until = time.monotonic() + seconds
        while self.read(until):
            pass
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        raise RuntimeError("it does not end")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def session(series, args):
    """None, or what is wrong."""
    terminal = Terminal([sys.executable, str(HERE / "vm.py"), "shell", "--series", series, "--build", args.build])
    try:
        welcome = terminal.expect(PROMPT, BOOT_S)
        if "ferryctl run histogram" not in welcome:
            return f"no word of welcome:\n{welcome[-2000:]}"
        for line, wanted in SESSION:
            terminal.type(line)
            answer = terminal.expect(PROMPT, COMMAND_S)
            if not re.search(wanted, answer, re.MULTILINE):
                return f"{line}: no {wanted!r} in the answer:\n{answer[-2000:]}"
        terminal.type("exit")
        status = terminal.finish(COMMAND_S)
        return f"ended with status {status}" if status else None
    finally:
        terminal.close()


def demo(series, args):
    """None, or what is wrong."""
    out = pathlib.Path(args.work) / "demo"
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.json"):
        old.unlink()
    data = out / "input.bin"
    data.write_bytes(os.urandom(DEMO_BYTES))
    commands = [[sys.executable, HERE / "vm.py", "demo", *DEMO_PROGRAMS, "--series", series, "--build", args.build,
                 "--input", data, "--out", out]]
    commands += [[sys.executable, ROOT / "scripts/demo_report.py", out / f"{p}.json", p] for p in DEMO_PROGRAMS]
    for command in commands:
        run = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             check=False, timeout=BOOT_S + COMMAND_S)
        if run.returncode:
            return f"{pathlib.Path(command[1]).name} ended with status {run.returncode}:\n{run.stdout[-3000:]}"
    return None


def tests(series, args):
    """[(name, function)]; a function returns what is wrong, or None."""
    return [("people: a session of make vm", lambda: session(series, args)),
            ("people: the machine of make demo", lambda: demo(series, args))]
