#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Every script parses.
set -u
failed=0
while read -r file; do
	bash -n "$file" || failed=1
done < <(find . \( -name .git -o -path ./build \) -prune -o -name '*.sh' -print -o -path ./.ci/run -print)
while read -r file; do
	python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" || failed=1
done < <(find . \( -name .git -o -path ./build \) -prune -o -name '*.py' -print)
exit $failed
