#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# clang follows the locks through every function of the core, and finds nothing: no path that goes out with a lock, no
# guarded field touched without its lock or written under a shared one, no callee without what it needs. The words are
# those of core/lock/lock_annot.h; checks/thread_safety/ has the header that gives them their meaning.
#
# That the analysis bites is shown first: of each of checks/thread_safety/samples/ it finds what the sample says, on
# the line that says it, and nothing else.
#
# It knows the member, not the object (-Wno-thread-safety-precise): bg->block is reached by many names.
set -u
flags="-fsyntax-only -std=c11 -ffreestanding -Wthread-safety -Wthread-safety-beta -Wno-thread-safety-precise
	-fexperimental-late-parse-attributes -fno-caret-diagnostics -fno-diagnostics-fixit-info
	-Ichecks/thread_safety -Iinclude -Icore -Ichecks/pure_os"

clang=
for candidate in "${CLANG_ANALYSIS:-clang-19}" clang; do
	major=$("$candidate" -dumpversion 2>/dev/null)
	if [ "${major%%.*}" -ge 19 ] 2>/dev/null; then
		clang=$candidate
		break
	fi
done
if [ -z "$clang" ]; then
	echo "needs clang 19 or later, which knows guarded_by() of a member in C: apt-get install clang-19"
	exit 77
fi

# The order, as the table has it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="$flags -I$work"
sed -nE 's/^\tx\(([A-Z_]+), +(MUTEX|RW|SPIN|SEM|CSEM|BITS),.*/\1/p' core/lock/lock_order.h | {
	after=
	while read -r row; do
		echo "extern struct ferry_row ferry_row_$row$after;"
		echo "extern struct ferry_row ferry_row_end_$row __attribute__((acquired_after(ferry_row_$row)));"
		after=" __attribute__((acquired_after(ferry_row_end_$row)))"
	done
} >"$work/lock_rows.h"
failed=0

# "LINE words" a finding; and the same as the sample's comments say.
for sample in checks/thread_safety/samples/*.c; do
	found=$("$clang" $flags "$sample" 2>&1 | sed -nE "s|^[^ ]*:([0-9]+):[0-9]+: (warning\|error): (.*)|\1 \3|p")
	said=$(grep -nE 'FINDS: ' "$sample" | sed -E 's|^([0-9]+):.*FINDS: (.*) \*/.*|\1 \2|')
	while read -r line words; do
		[ -n "$line" ] || continue
		if ! grep -E "^$line " <<<"$found" | grep -qF "$words"; then
			echo "$sample:$line: the analysis does not find: $words"
			failed=1
		fi
	done <<<"$said"
	while read -r line words; do
		[ -n "$line" ] || continue
		if ! grep -qE "^$line " <<<"$said"; then
			echo "$sample:$line: the analysis finds what is not there: $words"
			failed=1
		fi
	done <<<"$found"
done

for source in $(find core -name '*.c' | sort); do
	if ! message=$("$clang" $flags -Werror "$source" 2>&1) || [ -n "$message" ]; then
		grep -E '(warning|error|note):' <<<"$message" || echo "$source: $message"
		failed=1
	fi
done
exit $failed
