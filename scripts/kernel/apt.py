# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Debian packages of another suite, or of this one at versions that the machine's lists do not have yet, without
touching the machine's own apt: lists, archive folder and status file are in the cache.
"""

import glob
import os
import pathlib
import re
import shutil
import time

from kernel import cache, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LISTS_GOOD_FOR_S = 12 * 3600


def mirrors():
    """(archive, security archive) that this machine uses."""
    text = ""
    for name in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]:
        if os.path.isfile(name):
            text += pathlib.Path(name).read_text(encoding="utf-8", errors="replace") + "\n"
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    found = [uri.rstrip("/") for uri in re.findall(r"[a-z]+://[^\s\]]+", text)]
    main = next((u for u in found if u.endswith("/debian")), None)
    security = next((u for u in found if "security" in u), None)
    if not main or not security:
        raise cache.Problem("no Debian mirror (…/debian and …/debian-security) in /etc/apt/sources.list*: the "
                            "kernels of Debian cannot be fetched")
    return main, security


def suite_lines(suite):
    """The lines of a sources.list for the suite, for apt and for mmdebstrap."""
    main, security = mirrors()
    signed = f"[signed-by={KEYRING}]"
    lines = [f"deb {signed} {main} {suite} main"]
    if suite == "trixie":
        lines.append(f"deb {signed} {main} {suite}-backports main")
    else:
        lines.append(f"deb {signed} {security} {suite}-security main")
    return lines


def keep(path, text):
    """Write text to path unless it is what stands there."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


class Apt:
    """Package lists of one suite."""

    def __init__(self, suite):
        self.suite = suite
        self.root = cache.root() / "apt" / suite
        for folder in ("lists/partial", "cache/archives/partial", "parts"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        # Written only when they change: apt reads all lists anew when one of these is younger than its own index.
        keep(self.root / "parts" / "suite.list", "\n".join(suite_lines(suite)) + "\n")
        keep(self.root / "status", "")
        options = {
            "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": self.root / "parts",
            "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::Lists": self.root / "lists", "Dir::State::status": self.root / "status",
            "Dir::Cache": self.root / "cache", "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin", "APT::Sandbox::User": "root", "Acquire::Languages": "none",
        }
        self.options = [f"-o{name}={value}" for name, value in options.items()]
        self.refresh(LISTS_GOOD_FOR_S)

    def refresh(self, good_for_s=0):
        """Bring the lists unless they are younger than that. Old lists are better than none."""
        stamp = self.root / "updated"
        with cache.lock(f"apt-{self.suite}"):
            if stamp.exists() and time.time() - stamp.stat().st_mtime < good_for_s:
                return
            try:
                run.output(["apt-get", *self.options, "-qq", "update"])
            except cache.Problem as problem:
                if not stamp.exists():
                    raise
                cache.say(f"the package lists of {self.suite} could not be brought up to date: {problem}")
            stamp.touch()

    def names(self, prefix):
        """Packages whose names start so."""
        return run.output(["apt-cache", *self.options, "pkgnames", prefix]).split()

    def depends(self, package, pattern):
        """The dependencies of package that match the regular expression as a whole."""
        text = run.output(["apt-cache", *self.options, "depends", package])
        return [m for m in re.findall(r"Depends: (\S+)", text) if re.fullmatch(pattern, m)]

    def version(self, package):
        """The version that would be downloaded."""
        found = re.search(r"Candidate: (\S+)", run.output(["apt-cache", *self.options, "policy", package]))
        if not found or found.group(1) == "(none)":
            raise cache.Problem(f"Debian's {self.suite} has no package {package}")
        return found.group(1)

    def download(self, packages, folder):
        """{package: path of its .deb}. A version that has just left the archive: refresh the lists, try again."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["apt-get", *self.options, "-qq", "download", *packages]
        try:
            run.output(command, cwd=folder)
        except cache.Problem:
            self.refresh()
            run.output(command, cwd=folder)
        found = {p: next(iter(folder.glob(p + "_*.deb")), None) for p in packages}
        missing = [p for p, path in found.items() if not path]
        if missing:
            raise cache.Problem(f"apt-get downloaded nothing for {' '.join(missing)}")
        return found


def need(*programs):
    """Programs that scripts/deps.sh kernel installs."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        raise cache.Problem(f"not installed: {' '.join(missing)}. Run  scripts/deps.sh kernel")
