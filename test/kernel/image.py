# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a guest boots from: kernel, initramfs, disks."""

import lzma
import os
import pathlib
import re
import struct
import subprocess
import threading

import plan as plans
from initramfs import Initramfs

DISK_BYTES = 64 << 20  # sparse; one of them is swap for a while
# Large input is made in the guest.
IMAGE_BYTES_MAX = 128 << 20


def build(plan, modules, build_dir, path, shell=False, files=None):
    """The initramfs of one guest; its path. files: guest path -> text, or the pathlib.Path of a file."""
    build_dir = pathlib.Path(build_dir)
    ird = Initramfs()
    ird.folder("/dev")
    ird.file("/init", build_dir / "test/kernel/init/init")
    ird.text("/ferry/steps", plan.manifest())
    for module in modules:
        ird.file(f"{plans.MODULE_DIR}/{pathlib.Path(module).name}", module)
    wanted = {word for step in plan.steps for word in map(str, step.words)}
    for source in plans.test_sources():
        if shell or f"{plans.TEST_DIR}/{source.stem}" in wanted:
            ird.program(f"{plans.TEST_DIR}/{source.stem}", build_dir / "test/kernel/tests" / source.stem)
    for program in sorted(word for word in wanted if word.startswith(f"{plans.BENCH_DIR}/")):
        ird.program(program, build_dir / "test/kernel/bench" / pathlib.Path(program).name)
    if f"{plans.TEST_DIR}/misbehave" in wanted:
        ird.program(f"{plans.TEST_DIR}/misbehave", build_dir / "test/kernel/selftest/misbehave")
    if shell or "/bin/ferryctl" in wanted:
        ird.program("/bin/ferryctl", build_dir / "ferryctl")
        for program in sorted((build_dir / "programs").glob("*.o")):
            ird.file(f"{plans.PROGRAM_DIR}/{program.name}", program)
    if shell:
        add_shell(ird)
    for name, content in (files or {}).items():
        if isinstance(content, pathlib.Path):
            ird.file(name, content)
        else:
            ird.text(name, content)
    if ird.size() > IMAGE_BYTES_MAX:
        raise ValueError(f"the initramfs has {ird.size() >> 20} MiB, at most {IMAGE_BYTES_MAX >> 20}")
    ird.write(path)
    return path


def add_shell(ird):
    """busybox where it is installed, else dash and the few commands that make a machine usable."""
    busybox = pathlib.Path("/bin/busybox")
    if busybox.exists():
        ird.program("/bin/busybox", busybox)
        names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            if name != "busybox":
                ird.link(f"/bin/{name}", "/bin/busybox")
        return
    ird.program("/bin/sh", os.path.realpath("/bin/sh"))
    for name in ("ls", "cat", "dmesg", "lsmod", "rmmod", "insmod", "mount", "ps", "head", "tail", "grep", "sleep"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=False)
        if found.stdout.startswith("/"):
            ird.program(f"/bin/{name}", found.stdout.strip())


def disk_modules(kernel, cache):
    """
    What this kernel has to load before it sees the NVMe disk, in order: cloud flavours need nothing. Paths of .ko
    files. kernel: of scripts/kernels.py.
    """
    folder = pathlib.Path(kernel.get("modules") or "/nonexistent")
    try:
        lines = (folder / "modules.dep").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    wanted = next((line for line in lines if re.match(r"\S*/nvme\.ko(\.xz)?:", line)), "")
    found = []
    # modules.dep lists what a module needs from the nearest to the farthest.
    for name in reversed(wanted.replace(":", " ", 1).split()):
        path = folder / name
        if path.suffix == ".xz":
            path = pathlib.Path(cache) / f"{kernel['release']}-{path.stem}"
            path.write_bytes(lzma.decompress((folder / name).read_bytes()))
        found.append(path)
    return found


def disks(path):
    """Two raw files, one for each way the guest may see a disk. The part of their name before the suffix."""
    for suffix in ("nvme", "virtio"):
        with open(f"{path}.{suffix}", "wb") as f:
            f.truncate(DISK_BYTES)
    return path


_UNPACKERS = {b"\x28\xb5\x2f\xfd": ["zstd", "-dc"], b"\x02\x21\x4c\x18": ["lz4", "-dc"],
              b"\xfd\x37\x7a\x58": ["xz", "-dc"], b"\x1f\x8b\x08\x00": ["gzip", "-dc"]}


def unpacked(vmlinuz, cache):
    """
    The ELF kernel inside a bzImage, kept in the cache folder: booted directly it saves the guest the unpacking, 2 to
    9 seconds under TCG. The bzImage itself when it cannot be unpacked here: slower, but the same machine.
    """
    vmlinuz = pathlib.Path(vmlinuz)
    stat = vmlinuz.stat()
    path = pathlib.Path(cache) / f"vmlinux-{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"
    if path.exists():
        return path
    data = vmlinuz.read_bytes()
    # Linux/x86 boot protocol 2.08: where the payload lies, counted from the end of the setup code.
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    tool = _UNPACKERS.get(data[start:start + 4])
    if data[0x202:0x206] != b"HdrS" or not tool:
        return vmlinuz
    try:
        # The last four bytes are the size of what is packed; lz4 and zstd take them for the next frame and complain.
        run = subprocess.run(tool, input=data[start:start + length - 4], capture_output=True, check=False)
    except FileNotFoundError:
        return vmlinuz
    # PVH entry: without that note QEMU cannot boot an ELF kernel.
    if run.stdout[:4] != b"\x7fELF" or b"Xen\0" not in run.stdout:
        return vmlinuz
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    part.write_bytes(run.stdout)
    part.replace(path)
    return path
