#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Have what a target needs: as root on Debian, install what is missing; otherwise name the exact command and fail.
# usage: scripts/deps.sh build|demo|check|kernel
set -eu

build="build-essential clang libelf-dev libjson-c-dev"
demo="$build python3"
# libclang-rt-dev: the run time of clang's sanitizers and of libFuzzer. llvm: readable stacks in their reports.
# clang-19: follows the locks through the core (checks/thread_safety.sh, which takes a later one too, and is skipped
# where there is none).
check="$demo pkg-config libcmocka-dev clang-format clang-19 libclang-rt-dev llvm groff-base procps"
# spin: the models (their other tool, cbmc, comes into the cache: scripts/kernel/prover.py).
# The first line builds modules and kernels, the second brings them from Debian, the third runs and installs them.
kernel="$check lld perl flex bison bc libssl-dev pahole ccache sparse xz-utils patch lz4
	mmdebstrap debian-archive-keyring spin
	qemu-system-x86 zstd cpio kmod dkms openssl"

case ${1:-} in
build) wanted=$build ;;
demo) wanted=$demo ;;
check) wanted=$check ;;
kernel) wanted=$kernel ;;
*)
	echo "usage: $0 build|demo|check|kernel" >&2
	exit 2
	;;
esac

installed() {
	dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

if ! command -v dpkg-query >/dev/null 2>&1; then
	# Not Debian: the build says itself what it lacks.
	exit 0
fi

missing=
for package in $wanted; do
	installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ]; then
	echo "These packages are missing:$missing. As root, run:  $command" >&2
	exit 1
fi

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may be absent or old: update only when the first try fails.
if ! $command >"$log" 2>&1; then
	if ! { apt-get update && $command; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "cannot install:$missing. Try:  apt-get update && $command" >&2
		exit 1
	fi
fi
