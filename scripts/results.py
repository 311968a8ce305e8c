# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What every test runner here shares: counting, saying, and leaving a file that check.py adds up."""

import json
import os
import pathlib
import sys
import time

# With it a test that did not run is a failure.
REQUIRE = os.environ.get("FERRY_REQUIRE") == "1"


class Results:
    """The outcome of one ring. Every test is recorded once, by name."""

    def __init__(self, ring, out):
        self.ring = ring
        self.out = pathlib.Path(out) if out else None
        self.passed = []
        self.failed = []
        self.skipped = []
        self.start = time.monotonic()
        if self.out:
            self.out.unlink(missing_ok=True)

    def ok(self, name):
        self.passed.append(name)

    def fail(self, name, why):
        self.failed.append(name)
        print(f"FAIL {name}")
        for line in str(why).rstrip().splitlines() or ["(no output)"]:
            print(f"     {line}")
        sys.stdout.flush()

    def skip(self, name, why):
        if REQUIRE:
            self.fail(name, f"did not run, and FERRY_REQUIRE=1: {why}")
            return
        self.skipped.append(name)
        print(f"SKIP {name}: {why}")

    def finish(self):
        """Print the ring's line, write the file, return the exit status."""
        seconds = time.monotonic() - self.start
        if not self.passed and not self.failed:
            self.fail(f"{self.ring}: no tests", "nothing ran in this ring")
        note = f", {len(self.skipped)} skipped" if self.skipped else ""
        print(f"{self.ring}: {len(self.passed)} passed, {len(self.failed)} failed{note} ({seconds:.1f} s)")
        if self.out:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(json.dumps({
                "ring": self.ring, "passed": len(self.passed), "failed": len(self.failed),
                "skipped": len(self.skipped), "seconds": round(seconds, 2), "failures": self.failed,
            }, indent=1) + "\n")
        return 1 if self.failed else 0


def tail(text, lines=40):
    """The end of a program's output, where the reason usually is."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return "\n".join(text.rstrip().splitlines()[-lines:])
