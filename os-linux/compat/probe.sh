#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Does one probe compile, and may modules call what it says they call?
# usage: probe.sh SOURCE.c ANSWER SYMVERS COMPILER FLAGS...
# Writes yes or no to ANSWER, and what the compiler said to ANSWER.log. SYMVERS is the kernel's list of exports, or
# empty when there is none: then nothing is known, and the link decides.
#
# FERRY_PROBE_CACHE, if set, is a folder for answers of one kernel and one compiler, kept from one build to the next.
source=$1 answer=$2 symvers=$3
shift 3

cached=
if [ "${FERRY_PROBE_CACHE:-}" ]; then
	cached=$FERRY_PROBE_CACHE/$(cat "$source" "$0" | cksum | tr ' ' -)
	if [ -f "$cached" ] && [ -f "$cached.log" ]; then
		cp "$cached" "$answer" && cp "$cached.log" "$answer.log" && exit 0
	fi
fi

# Nothing is kept of the object, so none is made.
[ "${1##*/}" = ccache ] && shift
verdict=yes
"$@" -fsyntax-only -Werror=implicit-function-declaration -Werror=implicit-int -Werror=int-conversion \
	-Werror=incompatible-pointer-types "$source" >"$answer.log" 2>&1 || verdict=no

if [ "$symvers" ]; then
	for symbol in $(sed -n 's/^ \* Exports: //p' "$source"); do
		grep -q "^[^	]*	$symbol	" "$symvers" && continue
		echo "the kernel does not export $symbol to modules" >>"$answer.log"
		verdict=no
	done
fi
echo $verdict >"$answer"
if [ "$cached" ]; then
	# The answer last, and at once: another build may be looking.
	cp "$answer.log" "$cached.log" && cp "$answer" "$cached.$$" && mv "$cached.$$" "$cached"
fi
