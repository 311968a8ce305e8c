#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
A machine for people, with the modules loaded.

    vm.py shell [--series 6.12]                  a shell on this terminal; exit, or Ctrl-A X, ends it
    vm.py demo --input FILE --out DIR PROGRAM..  run programs over a file; DIR/PROGRAM.json gets each report
"""

import argparse
import json
import pathlib
import subprocess
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))

import image  # noqa: E402
import plan as plans  # noqa: E402
import run  # noqa: E402
from guest import command  # noqa: E402

WELCOME = """
A machine with Linux {release} and Ferry's modules, {vram} MiB of device memory. Try:

    ferryctl status --host kernel
    ferryctl run histogram --host kernel --size 4M
    /tests/map_test
    dmesg | tail

exit, or Ctrl-A X, switches it off.

"""
INPUT = "/input.bin"


def kernel_and_modules(args):
    kernel = run.ask_kernels("fetch", args.series)
    return kernel, run.build_modules(args.series)


def work_dir(args):
    path = pathlib.Path(args.build) / "kernel-work"
    path.mkdir(parents=True, exist_ok=True)
    return path


def shell(args):
    kernel, modules = kernel_and_modules(args)
    work = work_dir(args)
    profile = f"cat <<'END'{WELCOME}END\n".format(release=kernel.get("release", args.series), vram=plans.VRAM >> 20)
    profile += "export PS1='ferry# '\ncd /\n"
    initrd = image.build(plans.shell(modules), modules, args.build, work / "vm.cpio", shell=True,
                         files={"/etc/profile": profile})
    line = command(image.unpacked(kernel["vmlinuz"], work), initrd, "quiet", disk=image.disks(work / "vm.disk"))
    print(f"booting Linux {kernel.get('release', args.series)}; Ctrl-A X ends it", flush=True)
    return subprocess.run([*line, "-serial", "mon:stdio", "-serial", f"file:{work / 'vm.log'}"],
                          check=False).returncode


def demo(args):
    """Each program is a step; its report is the JSON that it printed."""
    kernel, modules = kernel_and_modules(args)
    plan = plans.demo(modules, args.programs, INPUT)
    options = types.SimpleNamespace(build=args.build, results=args.out, work=str(work_dir(args)), append="", smp=2,
                                    memory="1G")
    _, said, _ = run.boot("guest", kernel["vmlinuz"], modules, plan, options, {INPUT: pathlib.Path(args.input)})
    status = 0
    for program in args.programs:
        steps = [s for s in said.steps if s.name == program]
        text = "\n".join(steps[0].output) if steps else ""
        try:
            json.loads(text)
        except ValueError:
            print(f"{program} gave no report: {text or 'the machine did not get that far'}; see {args.out}/guest.log",
                  file=sys.stderr)
            status = 1
            continue
        (pathlib.Path(args.out) / f"{program}.json").write_text(text + "\n")
        status |= not steps[0].passed
    return int(status)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("shell", "demo"))
    parser.add_argument("--series", default=plans.PEOPLE_GET)
    parser.add_argument("--build", default="build")
    parser.add_argument("--input")
    parser.add_argument("--out", default="build/demo")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    try:
        return shell(args) if args.what == "shell" else demo(args)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
