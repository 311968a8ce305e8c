# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The kernel modules. The kernel's own build makes them, from Kbuild in the root; scripts/kernels.py lays a copy of
# the sources for each kernel, so that nothing is built among them.

KDIR ?= /lib/modules/$(shell uname -r)/build

.PHONY: modules check-modules
##@ Kernel
modules: ## ferry.ko and ferry_soft.ko for this kernel, or for the one of KDIR=
	@python3 scripts/kernels.py build --kdir $(KDIR)

check-modules: ## the modules' code (W=1, clang, sparse, checkpatch, size), old APIs, the whole cycle of DKMS
	@status=0; \
	python3 test/kernel/quality.py --out $(RESULTS)/quality.json || status=1; \
	python3 test/kernel/compat_selftest.py --out $(RESULTS)/compat.json || status=1; \
	python3 test/dkms/run.py --out $(RESULTS)/dkms.json || status=1; \
	exit $$status
