# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
CBMC, which Debian has from 13 on: unpacked in the cache with the libraries it wants, and run by their own loader.
It is no program of this machine then, but needs no chroot and no privilege either; gcc, which it calls, is the
machine's.

    prover-KEY/root/    usr/bin/cbmc, the loader, libraries
"""

from kernel import apt, cache, run

RECIPE = 1  # raise it when what this file makes changes

SUITE = "trixie"
LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib")


def cbmc(may_make=True):
    """The words of a command that is cbmc."""
    lists = apt.Apt(SUITE)
    version = lists.version("cbmc")
    name = "prover-" + cache.key(RECIPE, version)

    def make(folder, _):
        apt.need("mmdebstrap")
        run.output(["mmdebstrap", "-q", "--mode=root", "--variant=extract", "--include=cbmc",
                    *(f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "man", "locale", "info")),
                    SUITE, folder / "root", *apt.suite_lines(SUITE)])

    root = cache.entry(name, make, may_make) / "root"
    return [str(root / LOADER), "--library-path", ":".join(str(root / path) for path in LIBRARIES),
            str(root / "usr/bin/cbmc")]
