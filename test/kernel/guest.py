# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One QEMU machine: start it, read what it says line by line, and see that it is gone afterwards."""

import ctypes
import os
import pathlib
import selectors
import signal
import subprocess
import time

QEMU = "qemu-system-x86_64"
# TCG with one thread for both CPUs: with a thread each, one boot in twenty dies in code patching.
MACHINE = ["-M", "pc", "-accel", "tcg,thread=single", "-cpu", "max", "-nodefaults", "-no-user-config",
           "-display", "none", "-no-reboot"]
CMDLINE = "console=ttyS0 panic=-1 oops=panic loglevel=5 log_buf_len=1M"
PR_SET_PDEATHSIG = 1
# From the end marker to the end of QEMU: a shutdown that hangs is a fault of ours too.
POWER_OFF_S = 30
# From the end of its output to the end of QEMU.
EXIT_S = 10

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_us():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def command(kernel, initrd, cmdline="", smp=2, memory="1G", disk=None, extra=()):
    """The command line up to the serial ports."""
    line = [QEMU, *MACHINE, "-smp", str(smp), "-m", memory, "-kernel", str(kernel), "-initrd", str(initrd),
            "-append", f"{CMDLINE} {cmdline}".strip()]
    if disk:
        # Stock kernels have NVMe built in, our own virtio: whichever is there is used.
        line += ["-drive", f"if=none,id=d0,format=raw,cache=unsafe,file={disk}.nvme", "-device",
                 "nvme,serial=ferry,drive=d0",
                 "-drive", f"if=none,id=d1,format=raw,cache=unsafe,file={disk}.virtio", "-device",
                 "virtio-blk-pci,drive=d1"]
    return [*line, *extra]


class Guest:
    """
    ended: "ended" (by itself), "limit" (the whole run took too long), "silent" (no line for too long), "hung at
    power off"; status: of QEMU; seconds.
    """

    def __init__(self, line, console, stream_log):
        self.line = line
        self.console = pathlib.Path(console)
        self.stream_log = pathlib.Path(stream_log)
        self.ended = None
        self.status = None
        self.errors = ""
        self.seconds = 0.0

    def run(self, on_line, limit_s, silent_s, is_over=lambda: False):
        """Boot and feed on_line(text) until it is gone."""
        start = time.monotonic()
        self.console.parent.mkdir(parents=True, exist_ok=True)
        self.console.unlink(missing_ok=True)
        child = subprocess.Popen([*self.line, "-serial", f"file:{self.console}", "-serial", "stdio"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True, preexec_fn=_die_with_us)
        try:
            with open(self.stream_log, "wb") as log:
                self.ended = self._read(child, log, on_line, start + limit_s, silent_s, is_over)
        finally:
            if child.poll() is None:
                child.kill()
            self.status = child.wait()
            self.errors = child.stderr.read().decode(errors="replace")
            child.stdout.close()
            child.stderr.close()
            self.seconds = time.monotonic() - start

    def _read(self, child, log, on_line, limit, silent_s, is_over):
        pending = b""
        silent = time.monotonic() + silent_s
        over = None
        os.set_blocking(child.stdout.fileno(), False)
        with selectors.DefaultSelector() as wait:
            wait.register(child.stdout, selectors.EVENT_READ)
            while True:
                now = time.monotonic()
                if over and now >= over:
                    return "hung at power off"
                if now >= limit:
                    return "limit"
                if now >= silent:
                    return "silent"
                if not wait.select(min(1.0, limit - now, silent - now)):
                    continue
                data = child.stdout.read(65536)
                if data == b"":
                    if pending:
                        on_line(pending.decode(errors="replace"))
                    try:
                        child.wait(EXIT_S)
                    except subprocess.TimeoutExpired:
                        return "hung at power off"
                    return "ended"
                log.write(data)
                log.flush()
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    on_line(line.decode(errors="replace").rstrip("\r"))
                silent = time.monotonic() + silent_s
                if is_over() and not over:
                    over = time.monotonic() + POWER_OFF_S

    def console_text(self):
        try:
            return self.console.read_bytes().replace(b"\0", b"").decode(errors="replace")
        except OSError:
            return ""
