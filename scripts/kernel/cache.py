# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The cache of kernels: outside the tree, shared by every checkout on this machine.

    $FERRY_CACHE, else $XDG_CACHE_HOME/ferry, else ~/.cache/ferry
        NAME-KEY/     a finished entry; KEY is a hash of everything it was made from
        tmp/          entries being made
        lock/         one lock file per entry
        apt/SUITE/    package lists of our own
        ccache/       objects of our kernels and modules
        probes/       what a kernel answered to the compile probes

An entry is made in tmp/ and renamed when it is complete, so whoever sees it sees all of it. Two runs that want
the same entry meet at its lock: the second waits and then finds it made.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import sys
import time


class Problem(Exception):
    """Something a person has to know; the text is the whole message."""


class NotCached(Problem):
    """The entry is not there, and the caller said not to make it."""


def root():
    """The cache folder; it exists."""
    base = os.environ.get("FERRY_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ferry")
    path = pathlib.Path(base).absolute()
    for folder in ("tmp", "lock"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    """Progress, for a person: stdout belongs to the JSON line."""
    print(text, file=sys.stderr, flush=True)


def key(*inputs):
    """Ten characters that change when an input does."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:10]


@contextlib.contextmanager
def lock(name):
    """Alone with NAME on this machine. The kernel drops the lock when its holder dies."""
    with open(root() / "lock" / name, "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that is making {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def entry(name, make, may_make=True):
    """
    The folder NAME, made by make(folder, final) if it is not there: make fills folder, which is then renamed to
    final. Returns its path.
    """
    final = root() / name
    if final.is_dir():
        os.utime(final)  # prune() goes by the last use
        return final
    if not may_make:
        raise NotCached(f"{name} is not in the cache {root()}")
    with lock(name):
        if final.is_dir():
            return final
        for left in (root() / "tmp").glob(name + ".*"):
            shutil.rmtree(left)  # its maker died: we hold the lock
        folder = root() / "tmp" / f"{name}.{os.getpid()}"
        folder.mkdir()
        start = time.monotonic()
        say(f"making {final}")
        try:
            make(folder, final)
            folder.rename(final)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        say(f"made {final} in {time.monotonic() - start:.0f} s")
    return final


def prune(days):
    """Remove entries that nobody used for so many days. Returns their names."""
    gone = []
    skip = {"tmp", "lock", "apt", "ccache", "probes"}
    for folder in root().iterdir():
        if folder.is_dir() and folder.name not in skip and time.time() - folder.stat().st_mtime > days * 86400:
            with lock(folder.name):
                shutil.rmtree(folder)
            gone.append(folder.name)
    return sorted(gone)
