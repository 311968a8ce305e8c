# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""test/kernel/kernels.txt, read."""

import dataclasses
import pathlib

from kernel import cache

TREE = pathlib.Path(__file__).resolve().parents[2]
PATH = TREE / "test" / "kernel" / "kernels.txt"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line: see the head of the file."""

    series: str
    suite: str
    package: str
    rings: tuple

    @property
    def own(self):
        """A kernel of our own, from its source."""
        return self.package.startswith("linux-source-")

    @property
    def clang(self):
        """One that is there to be built against, not to boot."""
        return self.own and self.series.endswith("-clang")

    @property
    def debug(self):
        """One with everything on that finds bugs."""
        return self.own and not self.clang


def rows():
    """All of them, in the order of the file."""
    found = []
    for number, line in enumerate(PATH.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("#")[0].split()
        if not fields:
            continue
        if len(fields) != 4 or fields[1] not in ("bookworm", "trixie"):
            raise cache.Problem(f"{PATH}:{number}: not 'series suite package rings'")
        found.append(Row(fields[0], fields[1], fields[2], tuple(fields[3].split(","))))
    return found


def row(series):
    """The line of one series."""
    for one in rows():
        if one.series == series:
            return one
    raise cache.Problem(f"no kernel {series} in {PATH}; there are: {' '.join(r.series for r in rows())}")
