# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What end-to-end cases are made of. A case is a function

    @case()                     or @case(sanitized=True): also run under the sanitizers by default
    def sort_of_an_empty_file_is_refused(ferry): ...

that gets a Ferry object and raises (AssertionError, mostly) when what a user would see is not what was promised.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import sandbox  # noqa: E402  (found through the line above)

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK = "FERRY_E2E_MARK"
JSON_KEYS = {
    "program": str, "host": str, "input_bytes": int, "vram_bytes": int, "verified": bool, "faults_gpu": int,
    "faults_cpu": int, "faults_duplicate": int, "batches": int, "replays": int, "evictions": int,
    "bytes_to_device": int, "bytes_to_host": int, "seconds_total": float, "seconds_service": float,
    "seconds_copy": float,
}

CASES = []


def case(sanitized=False, name=None):
    """Register a case. sanitized: part of the short list that runs under the sanitizers."""
    def register(function):
        CASES.append((name or function.__name__, function, sanitized))
        return function
    return register


class Result:
    """One ended program: status (negative: died of that signal), out, err."""

    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        return f"$ {' '.join(self.command)}\nstatus {self.status}\n{self.out[-2000:]}{self.err[-4000:]}"

    def need(self, condition, what):
        if not condition:
            raise AssertionError(f"{what}\n{self}")
        return self

    def ok(self):
        return self.need(self.status == 0, "it failed")

    def refused(self, *words, status=None):
        """It ended by itself, with an error that says all of words, and without a report of a sanitizer."""
        self.need(self.status > 0, "it should have failed with an exit status")
        self.need(status is None or self.status == status, f"the exit status should be {status}")
        self.need(self.err.strip() or self.out.strip(), "it says nothing")
        self.need("Sanitizer" not in self.err and "runtime error" not in self.err, "a sanitizer complains")
        for word in words:
            self.need(word.lower() in (self.out + self.err).lower(), f"it should say {word!r}")
        return self

    def json(self):
        try:
            value = json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"not one JSON object: {error}\n{self}") from error
        self.need(isinstance(value, dict), "not a JSON object")
        return value


class Ferry:
    """A user: a directory of his own, the commands he types, and whether anything of them is left over."""

    def __init__(self, build, variant, work):
        self.build, self.variant, self.work = pathlib.Path(build).resolve(), variant, pathlib.Path(work)
        self.mark = uuid.uuid4().hex
        self.slow = {"asan": 3, "tsan": 8, "debug": 4}.get(variant, 1)
        self.tmp = self.work / "tmp"
        self.tmp.mkdir()
        self.strays = set(self.foreign_files())

    # ---- running

    @property
    def binary(self):
        return str(self.build / "ferryctl")

    def environment(self, extra=None):
        return sandbox.environment({MARK: self.mark, "TMPDIR": str(self.tmp), "FERRY_BUILD": str(self.build),
                                    **(extra or {})})

    def start(self, *args, **popen):
        """ferryctl, running; a process group of its own."""
        env = self.environment(popen.pop("env", None))
        command = sandbox.wrap([self.binary, *map(str, args)], self.variant)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env, start_new_session=True, cwd=self.work,
                                **popen)

    def command(self, command, timeout_s=60, env=None, **popen):
        """Any command to its end. Not ending in time fails the case."""
        command = list(map(str, command))
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            out_to = popen.pop("stdout", out)
            child = subprocess.Popen(sandbox.wrap(command, self.variant), stdin=subprocess.DEVNULL, stdout=out_to,
                                     stderr=err, env=self.environment(env), start_new_session=True,
                                     cwd=popen.pop("cwd", self.work), **popen)
            try:
                child.wait(timeout_s * self.slow)
                hung = False
            except subprocess.TimeoutExpired:
                hung = True
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            out.seek(0)
            err.seek(0)
            result = Result(command, child.returncode, out.read().decode(errors="replace"),
                            err.read().decode(errors="replace"))
        return result.need(not hung, f"it did not end within {timeout_s * self.slow} s")

    def ctl(self, *args, **how):
        return self.command([self.binary, *args], **how)

    def run(self, program, *args, **how):
        return self.ctl("run", program, *args, **how)

    def verified(self, program, *args, **how):
        """Run a program with --json; its result must be right, and its report complete."""
        result = self.run(program, *args, "--json", **how).ok()
        report = result.json()
        for key, kind in JSON_KEYS.items():
            result.need(key in report, f"the report lacks {key}")
            good = isinstance(report[key], (int, float) if kind is float else kind)
            result.need(good and (kind is bool or not isinstance(report[key], bool)), f"{key} is no {kind.__name__}")
        result.need(report["verified"] is True, "not verified")
        return report

    # ---- files

    def file(self, name, data):
        path = self.work / name
        path.write_bytes(data)
        return path

    def real_bytes(self, count):
        """count bytes of a real file: this Python, as often as needed."""
        data = pathlib.Path(sys.executable).resolve().read_bytes()
        return (data * (count // len(data) + 1))[:count]

    def program(self, text, *flags, compile_fails=False):
        """Compile a GPU program as the README says."""
        source, target = self.file("mine.c", text.encode()), self.work / "mine.o"
        result = self.command(["clang", "-O2", "-target", "bpf", "-mcpu=v3", f"-I{ROOT}/include", *flags, "-c",
                               source, "-o", target])
        if compile_fails:
            result.need(result.status != 0, "the compiler should refuse it")
        else:
            result.ok()
        return target

    # ---- what is left over

    def foreign_files(self):
        for place in ("/tmp", "/dev/shm", "/var/tmp"):
            try:
                yield from (f"{place}/{name}" for name in os.listdir(place) if "ferry" in name.lower())
            except OSError:
                pass

    def processes(self):
        """Pids of everything that was started in this case and still lives."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"{MARK}={self.mark}".encode() in environ and state != "Z":
                found.append(int(pid))
        return found

    def nothing_left(self):
        """No process, no temporary file."""
        deadline = time.monotonic() + 5
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"processes are left over: {left}"
        files = [str(p) for p in self.tmp.iterdir()]
        files += sorted(set(self.foreign_files()) - self.strays)
        assert not files, f"files are left over: {files}"
