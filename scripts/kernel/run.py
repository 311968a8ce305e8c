# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Running other programs: quiet when they succeed, and with the end of their output when they do not."""

import os
import subprocess

from kernel import cache


def environment(**extra):
    """Ours, without what an outer make left, in English, with ccache in the cache folder."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "O", "VARIANT")}
    env.update({"LC_ALL": "C", "CCACHE_DIR": str(cache.root() / "ccache"), "CCACHE_MAXSIZE": "2G",
                "CCACHE_NOHASHDIR": "1", "DEBIAN_FRONTEND": "noninteractive"})
    env.update(extra)
    return env


def output(command, **keywords):
    """What the command wrote; Problem with the end of it when it failed."""
    result = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, errors="replace", env=environment(), check=False,
                            **keywords)
    if result.returncode:
        raise cache.Problem(failed(command, result.returncode, result.stdout + result.stderr))
    return result.stdout


def logged(command, log, env=None, **keywords):
    """Run with everything the command says going to the file log; returns its exit status."""
    with open(log, "ab") as file:
        file.write(("$ " + " ".join(str(c) for c in command) + "\n").encode())
        file.flush()
        return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                              env=env or environment(), check=False, **keywords).returncode


def failed(command, status, text, lines=25):
    """The message for a program that failed."""
    end = "\n".join(text.rstrip().splitlines()[-lines:])
    return f"{' '.join(str(c) for c in command)}\nended with {status}:\n{end}"


def in_chroot(root, binds, command):
    """
    The command that runs `command` inside root, with the folders of binds {outside: inside} visible there. The
    mounts live in a mount namespace of their own and end with it. /proc is there because objtool reads it.
    """
    script = 'set -e; r=$1; shift; while [ "$1" != -- ]; do mkdir -p "$r$2"; mount --bind "$1" "$r$2"; shift 2; ' \
             'done; shift; mount -t proc proc "$r/proc"; exec chroot "$r" "$@"'
    pairs = [part for pair in binds.items() for part in pair]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", root, *pairs, "--", *command]
