#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The library is usable from C++: ferry/ferry.h compiles there, and its names have C linkage.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/use.cc" <<'EOF'
#include "ferry/ferry.h"

int main()
{
	struct ferry *f = nullptr;
	struct ferry_options options = {};
	void *p = nullptr;

	options.size = sizeof(options);
	if (ferry_open(&options, &f) != FERRY_OK)
		return 1;
	if (ferry_alloc(f, 1 << 20, 0, &p) == FERRY_OK)
		ferry_free(f, p);
	struct ferry_launch launch = {};
	uint64_t id = 0;
	launch.grid[0] = 1;
	int bad = ferry_launch(f, &launch, &id);
	return ferry_close(f) != FERRY_OK || bad == FERRY_OK;
}
EOF
for standard in c++11 c++17; do
	g++ -std=$standard -Wall -Wextra -Werror -Iinclude -c "$work/use.cc" -o "$work/use.o" || exit 1
done
mangled=$(nm -u "$work/use.o" | awk '{ print $2 }' | grep ferry | grep -v '^ferry_')
[ -z "$mangled" ] || { echo "without C linkage: $mangled"; exit 1; }
# When the library is built: link and run it, both ways.
for library in build/libferry.a build/libferry.so; do
	[ -e "$library" ] && nm "$library" 2>/dev/null | grep -q ' T ferry_open' || continue
	g++ -o "$work/use" "$work/use.o" "$library" -lelf -ljson-c -lpthread -Wl,-rpath,"$PWD/build" || exit 1
	"$work/use" || { echo "the C++ program fails with $library"; exit 1; }
done
