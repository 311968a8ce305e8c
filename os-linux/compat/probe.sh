#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Does one probe compile, and may modules call what it says they call?
# usage: probe.sh SOURCE.c ANSWER SYMVERS COMPILER FLAGS...
# Writes yes or no to ANSWER, and what the compiler said to ANSWER.log. SYMVERS is the kernel's list of exports, or
# empty when there is none: then nothing is known, and the link decides.
source=$1 answer=$2 symvers=$3
shift 3

# Nothing is kept of the object, so none is made.
[ "${1##*/}" = ccache ] && shift
mkdir -p "${answer%/*}"
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
