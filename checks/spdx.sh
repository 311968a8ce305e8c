#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Every source file says its licence in its first three lines.
set -u

bad=$(find . \( -name .git -o -path ./build \) -prune -o -type f \( -name '*.[chS]' -o -name '*.py' -o -name '*.sh' \
	-o -name '*.mk' -o -name Makefile -o -name '*.map' -o -name '*.in' -o -name '*.[1-8]' -o -path ./.ci/run \) \
	-print | sort | while read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT OR GPL-2.0-only' || echo "$file"
	done)
[ -z "$bad" ] && exit 0
echo "no SPDX-License-Identifier line among the first three of:"
echo "$bad"
exit 1
