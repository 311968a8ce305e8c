#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
What DKMS does with Ferry, from `make install` to `dkms remove`, as an administrator meets it.

The real dkms runs, with its usual paths: in a mount namespace whose /usr/src, /var/lib/dkms and /lib/modules are
folders of this test. In there the stock kernels of the cache are "installed". Nothing of the machine changes, no
module is loaded; the test of the kernel ring loads what is built here.

    add -> build and install for 6.1 -> 6.12 is installed: built by itself -> kernels that are skipped -> remove
"""

import argparse
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "scripts"))

import results  # noqa: E402
import sandbox  # noqa: E402
from kernel import apt, cache, stock, table  # noqa: E402
from kernel.run import in_chroot  # noqa: E402

# Directives that every dkms from 3.0.10 to 3.4 takes without a word.
DIRECTIVES = {"PACKAGE_NAME", "PACKAGE_VERSION", "BUILT_MODULE_NAME", "DEST_MODULE_LOCATION", "MAKE", "AUTOINSTALL",
              "BUILD_EXCLUSIVE_KERNEL", "BUILD_EXCLUSIVE_KERNEL_MIN", "BUILD_EXCLUSIVE_CONFIG"}
MODULES = ("ferry", "ferry_soft")
SKIPPED = 77
AUTOINSTALL_FAILED = 11


class Machine:
    """A scratch machine: folders that are bound over the real ones while a command runs."""

    BINDS = {"src": "/usr/src", "modules": "/usr/lib/modules", "dkms": "/var/lib/dkms"}

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.version = re.search(r"(?m)^VERSION := (\S+)", (TREE / "mk/flags.mk").read_text()).group(1)
        for folder, place in self.BINDS.items():
            (self.root / folder).mkdir()
            os.makedirs(place, exist_ok=True)  # a machine without modules has no place to mount over: it stays empty

    def run(self, *command, timeout_s=900, env=None):
        """One command as root of this machine. sandbox.Run."""
        script = "set -e; " + "".join(f'mount --bind "{self.root}/{folder}" {place}; '
                                      for folder, place in self.BINDS.items()) + 'exec "$@"'
        return sandbox.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                            *(str(c) for c in command)], timeout_s,
                           {"PATH": "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                            "CCACHE_DIR": str(cache.root() / "ccache"), **(env or {})})

    def run_in_trixie(self, *command):
        """The same with the programs of Debian 13, whose dkms is a younger one."""
        root = stock.chroot(apt.Apt("trixie"))
        binds = {self.root / folder: place for folder, place in self.BINDS.items()}
        return sandbox.run([str(c) for c in in_chroot(root, binds, command)], 120,
                           {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})

    def must(self, *command, **keywords):
        """The same; its output. It has to succeed."""
        run = self.run(*command, **keywords)
        assert not run.why(), f"{' '.join(str(c) for c in command)}: {run.why()}\n{results.tail(run.output)}"
        return run.output

    def install_kernel(self, kernel):
        """What a kernel's packages put into /lib/modules, as far as DKMS and depmod look at it."""
        folder = self.root / "modules" / kernel["release"]
        folder.mkdir()
        for path in pathlib.Path(kernel["modules"]).glob("modules.*"):
            shutil.copy(path, folder)
        (folder / "build").symlink_to(kernel["kdir"])

    def fake_kernel(self, release, config):
        """A kernel that nothing can be built for: it is there to be skipped."""
        build = self.root / "modules" / release / "build"
        (build / "include/config").mkdir(parents=True)
        (build / "include/generated").mkdir()
        for path in (".config", "include/config/auto.conf"):
            (build / path).write_text("".join(f"{option}=y\n" for option in config))
        (build / "include/config/kernel.release").write_text(release + "\n")
        (build / "Makefile").write_text("modules clean:\n\techo this kernel must be skipped; false\n")

    def module(self, release, name):
        """Where DKMS put one module, None when it did not."""
        return next(iter((self.root / "modules" / release).glob(f"updates/dkms/{name}.ko*")), None)

    def environment(self, kernel):
        """Answers to the compile probes are kept: other tests ask the same kernel the same."""
        answers = cache.root() / "probes" / f"{pathlib.Path(kernel['folder']).name}-{kernel['cc']}"
        answers.mkdir(parents=True, exist_ok=True)
        return {"FERRY_PROBE_CACHE": str(answers)}


def conf():
    """{directive: value} of dkms.conf."""
    return dict(re.findall(r'(?m)^([A-Z_]+)(?:\[\d\])?="(.*)"$', (TREE / "dkms.conf").read_text()))


# ---- the cases, in this order -------------------------------------------------------------------


def dkms_conf_says_only_what_every_dkms_understands(machine, old, new):
    """Goal: no distribution warns or breaks. Method: compare with a list."""
    text = (TREE / "dkms.conf").read_text()
    odd = [line for line in text.splitlines() if line and not re.match(r'#|[A-Z_]+(\[\d\])?="[^"`]*"$', line)]
    assert not odd, f"neither a comment nor a plain directive: {odd}"
    assert set(conf()) <= DIRECTIVES, f"unknown to some dkms: {set(conf()) - DIRECTIVES}"
    assert conf()["PACKAGE_VERSION"] == machine.version, "dkms.conf and mk/flags.mk disagree about the version"


def make_install_lays_the_source(machine, old, new):
    """Goal: dkms finds all that a build needs, and nothing else. Method: install into the scratch machine."""
    machine.must("make", "-C", TREE, "--no-print-directory", "install-module", "PREFIX=/usr",
                 f"DESTDIR={machine.root}/dest")
    source = machine.root / f"dest/usr/src/ferry-{machine.version}"
    stray = [p for p in source.rglob("*") if p.suffix in (".o", ".ko", ".probe") or p.name == "compat_config.h"]
    assert not stray, f"built files were installed: {stray[:5]}"
    for path in ("usr/lib/udev/rules.d/60-ferry.rules", "usr/share/doc/ferry/examples/ferry.conf"):
        assert (machine.root / "dest" / path).is_file(), f"make install did not install {path}"
    shutil.copytree(source, machine.root / "src" / source.name)


def dkms_add_takes_it(machine, old, new):
    """Goal: the configuration is accepted, without a warning."""
    output = machine.must("dkms", "add", f"ferry/{machine.version}")
    assert not re.search(r"warn|deprecat|error", output, re.I), output
    assert "added" in machine.must("dkms", "status")


def it_is_built_and_installed_for_a_kernel(machine, old, new):
    """Goal: both modules, for the right kernel, and signed with the machine's own key."""
    machine.install_kernel(old)
    output = machine.must("dkms", "install", f"ferry/{machine.version}", "-k", old["release"],
                          env=machine.environment(old))
    for name in MODULES:
        path = machine.module(old["release"], name)
        assert path, f"no {name} for {old['release']}:\n{output}"
        assert machine.must("modinfo", "-F", "vermagic", path).startswith(old["release"] + " ")
        assert machine.must("modinfo", "-F", "version", path).strip() == machine.version or name != "ferry"
    if "CONFIG_MODULE_SIG_HASH" in pathlib.Path(old["config"]).read_text():
        assert b"Module signature appended" in machine.module(old["release"], "ferry").read_bytes()[-64:], \
            f"the module is not signed:\n{output}"


def modprobe_finds_it_and_what_it_needs(machine, old, new):
    """Goal: `modprobe ferry_soft` is enough. Method: ask modprobe what it would load."""
    output = machine.must("modprobe", "-S", old["release"], "--show-depends", "ferry_soft")
    loaded = re.findall(r"insmod \S*/(\w+)\.ko", output)
    assert loaded[-2:] == ["ferry", "ferry_soft"], f"modprobe would load {loaded}"


def a_new_kernel_gets_it_without_being_asked(machine, old, new):
    """Goal: AUTOINSTALL works. Method: what the kernel package's own script calls, for a kernel just unpacked."""
    machine.install_kernel(new)
    hook = "/etc/kernel/postinst.d/dkms"
    output = machine.must(hook, new["release"], env=machine.environment(new))
    for name in MODULES:
        assert machine.module(new["release"], name), f"no {name} for {new['release']} after the hook:\n{output}"
    assert machine.module(old["release"], "ferry"), "the old kernel lost its module"


def a_kernel_that_is_too_old_is_skipped(machine, old, new):
    """Goal: 77, and the kernel package installs. Method: a 5.10 that cannot be built for."""
    skipped(machine, "5.10.0-99-amd64", conf()["BUILD_EXCLUSIVE_CONFIG"].split())


def a_kernel_without_an_option_is_skipped(machine, old, new):
    """Goal: the same, when an option that Ferry needs is off."""
    options = conf()["BUILD_EXCLUSIVE_CONFIG"].split()
    skipped(machine, "6.12.99-no-shmem", [o for o in options if o != "CONFIG_SHMEM"])


def skipped(machine, release, config):
    """One kernel that must be skipped, by hand and by the hook of the kernel's package."""
    machine.fake_kernel(release, config)
    run = machine.run("dkms", "build", f"ferry/{machine.version}", "-k", release)
    assert run.status == SKIPPED, f"dkms build ended with {run.status}, not {SKIPPED}:\n{run.output}"
    run = machine.run("/etc/kernel/postinst.d/dkms", release)
    # 3.0.10 (Debian 12) calls a module that it skipped a failed one, whatever its dkms.conf says, which it reads with
    # the kernel of an older build, or none, in $kernelver. docs/howto/kernel-module.md says what can be done.
    assert not run.why() or (old_dkms() and run.status == AUTOINSTALL_FAILED and "BUILD_EXCLUSIVE" in run.output), \
        f"the kernel's package would not install: {run.why()}\n{run.output}"
    run = machine.run_in_trixie("dkms", "autoinstall", "-k", release)
    assert not run.why(), f"the kernel's package would not install on Debian 13: {run.why()}\n{run.output}"
    assert not machine.module(release, "ferry")
    shutil.rmtree(machine.root / "modules" / release)


def old_dkms():
    """Is the machine's dkms one that knows no skipping in `dkms autoinstall`?"""
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", subprocess.run(["dkms", "--version"], stdout=subprocess.PIPE,
                                                                text=True, check=True).stdout)
    return tuple(int(n) for n in version.groups()) < (3, 0, 11)


def a_kernel_that_lacks_an_option_says_so(machine, old, new):
    """Goal: without DKMS there is a sentence as well. Method: a kernel's headers with one option taken out."""
    build = machine.root / "lacking"
    shutil.copytree(old["kdir"], build, symlinks=True)
    auto = build / "include/config/auto.conf"
    auto.write_text(re.sub(r"(?m)^CONFIG_SHMEM=y\n", "", auto.read_text()))
    source = machine.root / "src" / f"ferry-{machine.version}"
    run = machine.run("make", "-C", build, f"M={source}", "modules")
    assert run.status and "configured without CONFIG_SHMEM" in run.output, results.tail(run.output)


def dkms_remove_leaves_nothing(machine, old, new):
    """Goal: clean. Method: remove, then look."""
    machine.must("dkms", "remove", f"ferry/{machine.version}", "--all")
    left = [p for p in (machine.root / "modules").rglob("ferry*")]
    assert not left, f"still there: {left}"
    assert not list((machine.root / "dkms").glob("ferry*")), "DKMS still knows it"
    machine.must("make", "-C", TREE, "--no-print-directory", "uninstall-module", "PREFIX=/usr",
                 f"DESTDIR={machine.root}/dest")
    left = [p for p in (machine.root / "dest").rglob("*") if not p.is_dir()]
    assert not left, f"make uninstall left {left}"


CASES = [
    dkms_conf_says_only_what_every_dkms_understands, make_install_lays_the_source, dkms_add_takes_it,
    it_is_built_and_installed_for_a_kernel, modprobe_finds_it_and_what_it_needs,
    a_new_kernel_gets_it_without_being_asked, a_kernel_that_is_too_old_is_skipped,
    a_kernel_without_an_option_is_skipped, a_kernel_that_lacks_an_option_says_so, dkms_remove_leaves_nothing,
]


def cannot_run():
    """A sentence, or None."""
    if os.geteuid():
        return "needs root, for a mount namespace"
    missing = [p for p in ("dkms", "unshare", "ccache", "modprobe") if not shutil.which(p)]
    if missing:
        return f"not installed: {' '.join(missing)} (scripts/deps.sh kernel)"
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        return "no mount namespaces here"
    return None


def main():
    """Run the cases in order; one that fails does not stop the rest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="where to write the counts")
    parser.add_argument("--keep", action="store_true", help="leave the scratch machine, and say where it is")
    args = parser.parse_args()
    res = results.Results("dkms", args.out)
    why = cannot_run()
    if why:
        res.skip("dkms", why)
        return res.finish()
    try:
        old, new = (stock.kernel(table.row(series)) for series in ("6.1", "6.12"))
    except cache.Problem as problem:
        res.fail("the kernels of the test", problem)
        return res.finish()
    root = tempfile.mkdtemp(prefix="ferry-dkms-")
    machine = Machine(root)
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            functools.partial(case, machine, old, new)()
            res.ok(name)
        except AssertionError as problem:
            res.fail(name, problem)
    if args.keep:
        print(f"the scratch machine: {root}")
    else:
        shutil.rmtree(root)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
