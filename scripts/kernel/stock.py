# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Stock Debian kernels: what is needed to build modules for one and to boot it.

    bookworm   headers unpacked in the entry itself; built with the machine's gcc
    trixie     headers and gcc-14 in a chroot, one for all kernels of the suite: their host tools (objtool) want a
               newer libc than Debian 12 has

    the entry   boot/vmlinuz    lib/modules/RELEASE/    usr/src/... (bookworm)    kernel.json
"""

import fnmatch
import json
import pathlib
import re
import shutil

from kernel import apt, cache, run, table

RECIPE = 1  # raise it when what this file makes changes

CHROOT_TOOLS = ["gcc-14", "make", "dash", "bash", "coreutils", "sed", "grep", "mawk", "findutils", "kmod",
                "diffutils", "pahole", "ccache", "sparse", "dkms"]
CHROOT_CLANG = ["clang-19", "lld-19", "llvm-19"]


def newest(names):
    """The last in Debian's order of versions, near enough for names of kernels."""
    return max(names, key=lambda name: [(0, int(part)) if part.isdigit() else (1, part)
                                        for part in re.findall(r"\d+|[^\d]+", name)])


def headers_package(lists, row):
    """The headers package of the release that the series is at today."""
    if "*" not in row.package:
        found = lists.depends(row.package, r"linux-headers-\d.*")
        if not found:
            raise cache.Problem(f"{row.package} of {row.suite} depends on no headers")
        return found[0]
    prefix = row.package.split("*")[0]
    found = fnmatch.filter(lists.names(prefix), row.package)
    if not found:
        raise cache.Problem(f"Debian's {row.suite} has no package {row.package} any more")
    return newest(found)


def image_packages(lists, release):
    """Where vmlinuz and the modules are: one package up to 6.18, two from 6.19 on."""
    if f"linux-binary-{release}" in lists.names(f"linux-binary-{release}"):
        return [f"linux-binary-{release}", f"linux-modules-{release}"]
    return [f"linux-image-{release}"]


def unpack_image(debs, release, folder):
    """boot/vmlinuz and lib/modules/RELEASE out of the packages; depmod makes it ready for modprobe -d."""
    side = folder / "side"
    for deb in debs:
        run.output(["dpkg-deb", "-x", deb, side])
    vmlinuz = next(iter([*side.glob("boot/vmlinuz-*"), *side.glob("usr/lib/modules/*/vmlinuz"),
                         *side.glob("lib/modules/*/vmlinuz")]), None)
    modules = next((m for m in (side / "usr/lib/modules" / release, side / "lib/modules" / release) if m.is_dir()),
                   None)
    if not vmlinuz or not modules:
        raise cache.Problem(f"no vmlinuz or no modules in {' '.join(d.name for d in debs)}")
    (folder / "boot").mkdir()
    shutil.copyfile(vmlinuz, folder / "boot" / "vmlinuz")
    (folder / "lib" / "modules").mkdir(parents=True)
    modules.rename(folder / "lib" / "modules" / release)
    shutil.rmtree(side)
    run.output(["depmod", "-b", folder, release])


def chroot(lists, clang=False, may_make=True):
    """The folder of the suite's chroot, with the headers of every stock kernel of the suite."""
    headers = sorted(headers_package(lists, r) for r in table.rows() if r.suite == lists.suite and not r.own)
    packages = CHROOT_TOOLS + (CHROOT_CLANG if clang else [])
    versions = [f"{h}={lists.version(h)}" for h in headers]
    name = f"chroot-{lists.suite}{'-clang' if clang else ''}-" + cache.key(RECIPE, packages, versions)

    def make(folder, _):
        apt.need("mmdebstrap", "unshare")
        run.output(["mmdebstrap", "-q", "--mode=root", "--variant=extract",
                    "--include=" + ",".join(packages + headers),
                    *(f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "man", "locale", "info")),
                    # No maintainer script runs in this variant, so what update-alternatives makes is made here.
                    "--extract-hook=ln -sf mawk \"$1\"/usr/bin/awk; ln -sf gcc-14 \"$1\"/usr/bin/gcc; "
                    "ln -sf gcc-14 \"$1\"/usr/bin/cc; mkdir -p \"$1\"/work \"$1\"/ccache",
                    lists.suite, folder / "root", *apt.suite_lines(lists.suite)])

    return cache.entry(name, make, may_make) / "root"


def kernel(row, may_make=True):
    """A dictionary that says where everything is; see describe() in scripts/kernels.py."""
    lists = apt.Apt(row.suite)
    headers = headers_package(lists, row)
    release = headers.removeprefix("linux-headers-")
    packages = image_packages(lists, release)
    if row.suite == "bookworm":
        packages = [headers, *lists.depends(headers, r"linux-(headers|kbuild)-.*"), *packages]
    versions = [f"{p}={lists.version(p)}" for p in packages]
    name = f"stock-{row.series}-{release}-" + cache.key(RECIPE, versions)

    def make(folder, final):
        debs = lists.download(packages, folder / "deb")
        for package, deb in debs.items():
            if package.startswith(("linux-headers-", "linux-kbuild-")):
                run.output(["dpkg-deb", "-x", deb, folder])
        shutil.rmtree(folder / "lib", ignore_errors=True)  # links into /usr/src
        unpack_image([d for p, d in debs.items() if p.startswith(("linux-image", "linux-binary", "linux-modules"))],
                     release, folder)
        shutil.rmtree(folder / "deb")
        makefile = folder / "usr/src" / headers / "Makefile"
        if makefile.exists():
            # The only absolute paths in Debian's headers.
            text = makefile.read_text()
            makefile.write_text(re.sub(r"([ =])/usr/src/", rf"\g<1>{final}/usr/src/", text))
        (folder / "kernel.json").write_text(json.dumps({"release": release, "packages": versions}, indent=1) + "\n")

    folder = cache.entry(name, make, may_make)
    root = chroot(lists, may_make=may_make) if row.suite == "trixie" else None
    kdir = pathlib.Path("/usr/src") / headers if root else folder / "usr/src" / headers
    return {
        "series": row.series, "release": release, "folder": str(folder), "chroot": str(root) if root else "",
        "kdir": str(kdir), "config": f"{root}{kdir}/.config" if root else str(kdir / ".config"),
        "vmlinuz": str(folder / "boot/vmlinuz"), "modules": str(folder / "lib/modules" / release),
        "cc": "gcc-14" if root else gcc_of(kdir), "debug": False, "source": "",
    }


def gcc_of(kdir):
    """The gcc that Debian's headers name, if it is here; else the machine's gcc."""
    match = re.search(r"gcc-(\d+)", (pathlib.Path(kdir) / ".config").read_text())
    name = f"gcc-{match.group(1)}" if match else "gcc"
    return name if shutil.which(name) else "gcc"
