#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The build needs a C compiler, clang with a BPF back end, libelf and json-c. Say in one sentence what is missing.
set -u

CC=${CC:-gcc}
CLANG=${CLANG:-clang}
missing=

have_header() {
	printf '#include <%s>\n' "$1" | "$CC" -E -x c - >/dev/null 2>&1
}

if ! command -v "$CC" >/dev/null 2>&1 || ! have_header stdio.h; then
	missing="build-essential"
fi
if ! printf 'int f(void){return 0;}\n' | "$CLANG" -target bpf -x c -c - -o /dev/null 2>/dev/null; then
	missing="$missing clang"
fi
if command -v "$CC" >/dev/null 2>&1; then
	have_header libelf.h || missing="$missing libelf-dev"
	have_header json-c/json.h || missing="$missing libjson-c-dev"
else
	missing="$missing libelf-dev libjson-c-dev"
fi

if [ -n "$missing" ]; then
	set -- $missing
	echo "Ferry's build needs the Debian packages $*: run  apt-get install --no-install-recommends $*" >&2
	exit 1
fi
