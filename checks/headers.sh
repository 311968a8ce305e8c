#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Every header compiles alone, with gcc and with clang: whoever includes it needs nothing before it. The pieces of
# os.h that a host provides may count on os.h, and ferry/gpu.h is for the GPU's compiler.
set -u
failed=0
flags="-fsyntax-only -x c -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function
	-Iinclude -Icore -Isoftgpu"

for header in $(find include core softgpu hal os-user lib tools test programs -name '*.h' 2>/dev/null | sort); do
	before=
	host="-Ios-user -Ilib -I."
	case $header in
	include/ferry/gpu.h | programs/*) compilers="clang -target bpf" ;;
	test/sim/host/os_impl.h)
		compilers="gcc clang"
		host="-Itest/sim/host -Itest/sim -I."
		before='#include "ferry/os.h"'
		;;
	test/sim/threads/*)
		compilers="gcc clang"
		host="-DSIM_THREADS -Ios-user -Itest/sim -I."
		;;
	test/sim/*)
		compilers="gcc clang"
		host="-Itest/sim/host -Itest/sim -I."
		;;
	os-user/os_types.h) compilers="gcc clang" ;;
	os-user/os_*.h)
		compilers="gcc clang"
		before='#include "ferry/os.h"'
		;;
	*) compilers="gcc clang" ;;
	esac
	[ "$compilers" = "clang -target bpf" ] && compilers=bpf
	for compiler in $compilers; do
		command=$compiler
		[ "$compiler" = bpf ] && command="clang -target bpf -mcpu=v3"
		if ! message=$(printf '%s\n#include "%s"\n' "$before" "$header" | $command $flags $host - 2>&1); then
			echo "$header does not compile alone with $compiler: $(grep -m1 error <<<"$message")"
			failed=1
		fi
	done
done
exit $failed
