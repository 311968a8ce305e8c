#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Linux 6.10 and 6.11 are in no archive any more, so their API is made here: the headers of a stock 6.12, in which what
6.12 changed is turned back. The probes must find the right forms in them, and every source of os-linux/ must compile.

And a kernel that has no form of something must stop the build with a sentence that names it.
"""

import argparse
import os
import pathlib
import re
import shutil
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "scripts"))

import results  # noqa: E402
from kernel import build, cache, run, stock, table  # noqa: E402

RECIPE = 3  # raise it when what this file makes of the headers changes

FOLLOW_PTE = """int follow_pte(struct vm_area_struct *vma, unsigned long address,
	       pte_t **ptepp, spinlock_t **ptlp);
"""
# What 6.12 and 6.11 changed, as (file, what 6.12 has, what was there before): reference in os-linux/compat/probes/.
PFNMAP = ("include/linux/mm.h", r"struct follow_pfnmap_args \{.*?\n\};\n[^;]*follow_pfnmap_start\([^;]*;\n"
          r"[^;]*follow_pfnmap_end\([^;]*;\n")
REMOVE = ("include/linux/platform_device.h", r"union \{\s*void \(\*remove\)[^}]*\};")
KERNELS = {
    "6.11": [(*PFNMAP, FOLLOW_PTE)],
    "6.10": [(*PFNMAP, FOLLOW_PTE),
             (*REMOVE, "int (*remove)(struct platform_device *);\n\tvoid (*remove_new)(struct platform_device *);")],
    "none": [(*PFNMAP, "")],
}
FORMS = {
    "6.11": {"FOLLOW_PFN_VMA", "PLATFORM_REMOVE_VOID", "UNMAPPED_AREA_MM"},
    "6.10": {"FOLLOW_PFN_VMA", "PLATFORM_REMOVE_INT", "UNMAPPED_AREA_MM"},
}


def turned(kernel, name):
    """The headers of `kernel` with the changes of KERNELS[name] turned back: an entry of the cache."""
    kdir = pathlib.Path(kernel["kdir"])
    common = pathlib.Path(re.search(r"include (\S+)/Makefile", (kdir / "Makefile").read_text()).group(1))

    def make(folder, final):
        # Links, but for the few files that differ; usr/lib is where the links inside the headers point to.
        (folder / "usr").mkdir()
        (folder / "usr/lib").symlink_to(kdir.parents[1] / "lib")
        new_common, new_kdir = folder / "usr/src" / common.name, folder / "usr/src" / kdir.name
        for source, target in ((common, new_common), (kdir, new_kdir)):
            shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        for path, now, before in KERNELS[name]:
            text, count = re.subn(now, lambda _, b=before: b, (common / path).read_text(), flags=re.S)
            if count != 1:
                raise cache.Problem(f"{path} of {kernel['release']} is not as this test expects: cannot turn it back")
            replace(new_common / path, text)
        symvers = (kdir / "Module.symvers").read_text()
        replace(new_kdir / "Module.symvers", re.sub(r"(?m)^.*\tfollow_pfnmap_end\t.*\n", "", symvers)
                .replace("\tfollow_pfnmap_start\t", "\tfollow_pte\t" if name != "none" else "\tnothing\t"))
        replace(new_kdir / "Makefile", f"include {final}/usr/src/{common.name}/Makefile\n")

    entry = cache.entry(f"turned-{name}-" + cache.key(RECIPE, kernel["folder"]), make)
    return dict(kernel, series=f"turned-{name}", folder=str(entry), kdir=str(entry / "usr/src" / kdir.name))


def replace(path, text):
    """A file of our own where a link was."""
    path.unlink()
    path.write_text(text)


def compile_shim(kernel, out):
    """(exit status, log) of the probes and of everything in os-linux/ that the driver's own code does not need."""
    out.mkdir(parents=True, exist_ok=True)
    build.copy(TREE, out)
    options = argparse.Namespace(cc="gcc", sparse=False)
    command, _, env = build.make_command(kernel, out, options)
    objects = sorted(str(p.relative_to(out).with_suffix(".o")) for p in out.glob("os-linux/**/*.c")
                     if "probes" not in p.parts)
    log = out / "build.log"
    log.unlink(missing_ok=True)
    status = run.logged([*command, *objects], log, env=env)
    return status, log.read_text(errors="replace")


def forms_of(out):
    """{FORM} of compat_config.h."""
    return set(re.findall(r"FERRY_HAVE_(\w+)", (out / "os-linux/compat/compat_config.h").read_text()))


def misplaced_exports():
    """Lines of probes with an "Exports:" that probe.sh would not see: a reflowed comment, say."""
    return [f"{path.relative_to(TREE)}: {line}" for path in sorted((TREE / "os-linux/compat/probes").glob("*/*.c"))
            for line in path.read_text().splitlines() if "Exports:" in line and not line.startswith(" * Exports: ")]


def main():
    """One test for each kernel of KERNELS, and of the probes' comments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="where to write the counts")
    args = parser.parse_args()
    res = results.Results("compat", args.out)
    test = "every list of exports in a probe stands where it is looked for"
    if misplaced_exports():
        res.fail(test, "\n".join(misplaced_exports()))
    else:
        res.ok(test)
    kernel = stock.kernel(table.row("6.12"))
    for name in KERNELS:
        out = TREE / "build/kernel" / f"turned-{name}"
        status, log = compile_shim(turned(kernel, name), out)
        if name == "none":
            test = "a kernel without any form of an API stops the build with its name"
            if status and re.search(r"Ferry cannot be built for this kernel: .*'follow_pfn'", log):
                res.ok(test)
            else:
                res.fail(test, results.tail(log))
            continue
        test = f"the API of {name} is recognised and compiles"
        if status:
            res.fail(test, build.complaints(log))
        elif not FORMS[name] <= forms_of(out) or "FOLLOW_PFN_PFNMAP" in forms_of(out):
            res.fail(test, f"found {sorted(forms_of(out))}, expected {sorted(FORMS[name])}")
        else:
            res.ok(test)
    return res.finish()


if __name__ == "__main__":
    sys.exit(main())
