#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Print the make rules of the tests in C. See mk/test.mk.
# usage: mk/test_rules.sh BUILD_DIR "OS SOURCES" FILE...
set -eu

out=$1
os_sources=$2
shift 2

objects() {
	for source in "$@"; do
		printf ' %s/obj/%s.o' "$out" "${source%.c}"
	done
}

for file in "$@"; do
	# The line may go on over several: everything from TEST-SOURCES: to the end of the comment.
	sources=$(awk '/TEST-SOURCES:/ { on = 1; sub(/.*TEST-SOURCES:/, "") }
		on { end = index($0, "*/"); line = end ? substr($0, 1, end - 1) : $0; gsub(/^[ \t]*\*/, "", line);
		     printf " %s", line; if (end) exit }' "$file")
	# @core is all of the core: a pattern cannot stand in a C comment.
	case " $sources " in
	*" @core "*) sources="$(printf '%s' "$sources" | sed 's/@core//') $(ls core/*.c core/*/*.c)" ;;
	esac
	case $file in
	test/unit/*)
		# Listed twice would be linked twice.
		all=$(printf '%s\n' $sources $os_sources | sort -u)
		library=
		;;
	*)
		all=$sources
		library=" $out/libferry.a"
		;;
	esac
	printf '%s/%s:' "$out" "${file%.c}"
	objects "$file" $all
	printf '%s\n\t@$(TEST_LINK)\n' "$library"
done
