#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Every C file as clang-format 14 (Debian 12's) lays it out. --fix changes them; without it, say which differ.
set -u
cd "$(dirname "$0")/.." || exit 1

format=
for candidate in clang-format-14 clang-format; do
	if "$candidate" --version 2>/dev/null | grep -q 'version 14\.'; then
		format=$candidate
		break
	fi
done
if [ -z "$format" ]; then
	echo "clang-format 14 is not here (other versions lay some lines out differently)"
	exit 77
fi

files=$(find . \( -name .git -o -path ./build \) -prune -o -type f -name '*.[ch]' -print | sort)
[ -n "$files" ] || exit 0
if [ "${1:-}" = --fix ]; then
	echo "$files" | xargs "$format" -i
	exit
fi
bad=$(for file in $files; do "$format" "$file" | cmp -s - "$file" || echo "$file"; done)
[ -z "$bad" ] && exit 0
echo "not laid out as .clang-format says (make format repairs it):"
echo "$bad"
exit 1
