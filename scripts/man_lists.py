#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
Write the lists of the manual pages anew from the headers they repeat: the errors in ferry_strerror(3), the counters
in ferry(7). Run it after adding one; checks/man_pages.py says when.
"""

import pathlib
import re

MAN = pathlib.Path("docs/man")


def escape(text):
    return ("\\&" if text[0] in ".'" else "") + text.replace("-", "\\-")


def rewrite(page, before, after, items):
    """Put items between the line `before` and the line `after`."""
    path = MAN / page
    head, rest = path.read_text().split(before + "\n", 1)
    path.write_text(head + before + "\n" + "".join(items) + after + rest.split("\n" + after, 1)[1])


def main():
    errors = re.findall(r'^\tx\((\w+), (E\w+), "(.*)"\)', pathlib.Path("include/ferry/error.h").read_text(), re.M)
    rewrite("ferry_strerror.3", ".SH ERRORS", ".SH SEE ALSO",
            [f'.TP\n.BR {name} " " {errno}\n{escape(text)}\n' for name, errno, text in errors])

    counters = re.findall(r'^\tx\((\w+), "(.*)"\)', pathlib.Path("include/ferry/uapi/ferry.h").read_text(), re.M)
    rewrite("ferry.7", "read them. Per handle unless marked (driver).", ".SS Limits",
            [f".TP\n.B {name}\n{escape(text)}\n" for name, text in counters])


main()
