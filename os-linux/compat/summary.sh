#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Turn the answers of the probes into compat_config.h, or say in one sentence why this kernel cannot be served.
# usage: summary.sh PROBES OUT
#   PROBES/API/FORM.probe   yes or no. Of each API one form at least has to be there; optional/ are extras, and
#                           control/ are probes whose answer is known.
set -u
probes=$1 out=$2

stop() {
	echo "Ferry cannot be built for this kernel: $*" >&2
	exit 1
}

answer() {
	cat "$1" 2>/dev/null || echo no
}

for probe in "$probes"/control/*.probe; do
	name=${probe##*/}
	case $name:$(answer "$probe") in
	good.probe:yes | bad_*.probe:no) ;;
	good.probe:*) stop "not even a trivial file compiles: the kernel's headers or the compiler are broken;" \
		"see $probe.log" ;;
	*) stop "the probe ${name%.probe} must fail and does not, so no probe can be believed; see $probe.log" ;;
	esac
done

{
	echo "/* Made by os-linux/compat/summary.sh from what the kernel's headers have. */"
	for api in "$probes"/*/; do
		api=${api%/} forms= have=
		name=${api##*/}
		[ "$name" = control ] && continue
		for probe in "$api"/*.probe; do
			form=${probe##*/}
			form=${form%.probe}
			forms="$forms $form"
			[ "$(answer "$probe")" = yes ] || continue
			have=1
			[ "$name" = optional ] && define=$form || define=${name}_$form
			echo "#define FERRY_HAVE_$(echo "$define" | tr a-z A-Z) 1"
		done
		[ "$have" ] || [ "$name" = optional ] ||
			stop "it knows the API '$name' in the forms$forms, and this kernel has none of them; see" \
				"$api/*.log and os-linux/compat/README.md"
	done
} >"$out.new" || { rm -f "$out.new"; exit 1; }

# Unchanged: nothing is compiled again.
if cmp -s "$out.new" "$out"; then
	rm -f "$out.new"
else
	mv "$out.new" "$out"
fi
