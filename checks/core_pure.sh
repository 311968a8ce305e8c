#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# core/, softgpu/ and hal/ know no operating system:
#   - they include their own headers and those of include/ferry, nothing in angle brackets, and keep to the arrows:
#     the software GPU never sees the core, the core never sees a device;
#   - no #if but include guards (debug is a constant in a plain if);
#   - compiled against checks/pure_os, with neither a C library nor the floating-point registers (core, hal), the
#     objects want nothing but memcpy, memmove, memset, memcmp, each other and the hooks;
#   - no variable that can change outside an object the caller owns: .data, .bss and thread-local are empty;
#   - no frame over 1 KiB.
set -u
CC=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() {
	echo "$*"
	touch "$work/failed"
}

sources=$(find core softgpu hal -name '*.[ch]' 2>/dev/null | sort)

# May a file of the folder $1 include $2?
include_allowed() {
	case $1:$2 in
	core:ferry/fg1.h | core:ferry/ferry.h) return 1 ;;
	softgpu:ferry/os.h | softgpu:ferry/fg1.h | softgpu:ferry/types.h | softgpu:ferry/error.h) return 0 ;;
	softgpu:*/*) return 1 ;;
	softgpu:*) [ -e "softgpu/$2" ] ;;
	hal:ferry/ferry.h | hal:ferry/core.h) return 1 ;;
	*:ferry/*) [ -e "include/$2" ] ;;
	core:*) [ -e "core/$2" ] || [ -e "$(dirname "$3")/$2" ] ;;
	hal:gpu/hal.h | hal:base/*) return 0 ;;
	hal:*) [ -e "hal/$2" ] || [ -e "$(dirname "$3")/$2" ] ;;
	esac
}

for file in $sources; do
	while IFS=: read -r line text; do
		name=$(sed -nE 's/^[ \t]*#[ \t]*include[ \t]*"([^"]+)".*/\1/p' <<<"$text")
		if [ -z "$name" ]; then
			say "$file:$line: includes a header of the system: $text"
		elif ! include_allowed "${file%%/*}" "$name" "$file"; then
			say "$file:$line: ${file%%/*}/ must not know $name"
		fi
	done < <(grep -nE '^[ \t]*#[ \t]*include' "$file")

	# The include guard: the first directive of a header is #ifndef, the next #define of the same name.
	guard=
	if [ "${file##*.}" = h ]; then
		guard=$(grep -m1 -nE '^[ \t]*#' "$file" | grep -oE '^[0-9]+:#ifndef FERRY_[A-Z0-9_]+_H$')
		[ -n "$guard" ] || say "$file: does not begin with an include guard FERRY_..._H"
	fi
	while IFS=: read -r line text; do
		[ "$line:$text" = "$guard" ] || say "$file:$line: a switch of the preprocessor: $text"
	done < <(grep -nE '^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else)\b' "$file")
done

compile() {
	local object=$work/${1//\//_}.o flags=
	case $1 in
	core/* | hal/*) [ "$(uname -m)" = x86_64 ] && flags=-mgeneral-regs-only ;;
	esac
	if ! "$CC" -std=c11 -O2 -ffreestanding -nostdinc -isystem "$("$CC" -print-file-name=include)" $flags \
		-Wall -Wextra -Wpedantic -Werror -Wframe-larger-than=1024 -Iinclude -Icore -Isoftgpu -Ihal -I. \
		-Ichecks/pure_os -c "$1" -o "$object" 2>"$object.log"; then
		echo "$1: does not compile without an operating system:"
		grep -E 'error' "$object.log" | head -n 5
		return 1
	fi
	nm --format=sysv "$object" | awk -F'|' -v file="$1" '
		function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
		NF == 7 {
			name = trim($1); class = trim($3); section = trim($7)
			changes = section ~ /^\.(data|bss|tdata|tbss)/ && section !~ /^\.data\.rel\.ro/
			if (changes || section == "*COM*")
				print file ": " name " can change (" section ")"
			if (name == "_GLOBAL_OFFSET_TABLE_")
				next # of position-independent code
			if (class == "U" && name !~ /^(world_|ferry_|fg1_|memcpy$|memmove$|memset$|memcmp$)/)
				print file ": wants " name
		}'
}

findings=$(for file in $sources; do [ "${file##*.}" = c ] && compile "$file"; done)
[ -z "$findings" ] || say "$findings"
[ ! -e "$work/failed" ]
