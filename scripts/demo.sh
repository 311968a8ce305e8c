#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# make demo: two GPU programs over a real file, four times as large as the device's memory. Prints a report; ends
# with 0 only when both results are those of the CPU. HOST=kernel: in a virtual machine, on /dev/ferry0; smaller, for
# QEMU emulates every instruction.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MFLAGS MAKELEVEL

HOST=${HOST:-process}
case $HOST in
process)
	INPUT_BYTES=$((64 << 20))
	VRAM=16M
	;;
kernel)
	INPUT_BYTES=$((8 << 20))
	VRAM=2M
	;;
*)
	echo "HOST is process or kernel, not $HOST" >&2
	exit 2
	;;
esac
TIMEOUT_S=120
dir=build/demo
input=$dir/input.bin
mkdir -p "$dir"

echo "building (build/demo/build.log)"
targets=(all)
[ "$HOST" = process ] || targets+=(kernel-guest)
if ! make "${targets[@]}" >"$dir/build.log" 2>&1; then
	tail -n 30 "$dir/build.log" >&2
	echo "the build failed: build/demo/build.log" >&2
	exit 1
fi

# Real data: the files the toolchain itself is made of, until there is enough.
toolchain_files() {
	for tool in "$(command -v clang)" "$(gcc -print-prog-name=cc1)" "$(command -v ld)" "$(command -v python3)"; do
		[ -n "$tool" ] && [ -f "$tool" ] || continue
		echo "$tool"
		ldd "$tool" 2>/dev/null | awk '$3 ~ /^\// { print $3 }'
	done | xargs -d '\n' -n 1 readlink -f | awk '!seen[$0]++'
}

have=0
: >"$input"
used=()
while read -r file; do
	[ "$have" -lt "$INPUT_BYTES" ] || break
	head -c $((INPUT_BYTES - have)) "$file" >>"$input" || continue
	have=$(stat -c %s "$input")
	used+=("$file")
done < <(toolchain_files)
if [ "$have" -lt "$INPUT_BYTES" ]; then
	echo "found only $have bytes of real data in the toolchain, $INPUT_BYTES are wanted" >&2
	exit 1
fi
echo "input: $((have >> 20)) MiB of ${used[*]}"
echo "device: $VRAM of memory"

status=0
programs=(histogram sort)
if [ "$HOST" = kernel ]; then
	# All of them in one machine.
	rm -f "$dir"/*.json
	python3 test/kernel/vm.py demo "${programs[@]}" --series "${KERNEL:-6.12}" --input "$input" --out "$dir" ||
		status=1
fi
for program in "${programs[@]}"; do
	printf '\n'
	if [ "$HOST" = process ]; then
		command=(build/ferryctl run "$program" "$input" --vram "$VRAM" --json)
		timeout "$TIMEOUT_S" "${command[@]}" >"$dir/$program.json" || status=1
	fi
	python3 scripts/demo_report.py "$dir/$program.json" "$program" || status=1
done
rm -f "$input"
if [ "$status" = 0 ]; then
	printf '\nBoth results are those of the CPU. Next: README.md, "Your own GPU program".\n'
else
	printf '\nSomething is wrong: see above and %s.\n' "$dir" >&2
fi
exit $status
