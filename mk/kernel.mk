# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The kernel ring: PID 1 of a test machine, test programs for the guest, and the runs. test/kernel/README.md tells
# how it works; scripts/kernels.py brings kernels and builds modules.

KTEST_SRCS := $(sort $(wildcard test/kernel/tests/*_test.c))
KTEST_COMMON := $(filter-out $(KTEST_SRCS),$(sort $(wildcard test/kernel/tests/*.c)))
KTEST_PROGRAMS := $(patsubst %.c,$(O)/%,$(KTEST_SRCS))
KTEST_INIT := $(O)/test/kernel/init/init
KTEST_SELF := $(O)/test/kernel/selftest/misbehave
# Benches for the guest: every file is a program but uffd.c, which all of them have.
KBENCH_COMMON := test/kernel/bench/uffd.c
KBENCH_SRCS := $(filter-out $(KBENCH_COMMON),$(sort $(wildcard test/kernel/bench/*.c)))
KBENCH_PROGRAMS := $(patsubst %.c,$(O)/%,$(KBENCH_SRCS))
KERNEL_GUEST := $(KTEST_INIT) $(KTEST_SELF) $(KTEST_PROGRAMS) $(KBENCH_PROGRAMS)

# The only program of its machine until it has started others: no library to go wrong.
$(KTEST_INIT): $(call objects,$(sort $(wildcard test/kernel/init/*.c)))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -o $@ $^

$(KTEST_SELF): $(O)/%: $(O)/obj/%.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

$(KTEST_PROGRAMS): $(O)/%: $(O)/obj/%.o $(call objects,$(KTEST_COMMON))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lpthread

$(KBENCH_PROGRAMS): $(O)/%: $(O)/obj/%.o $(call objects,$(KBENCH_COMMON)) $(LIB_A)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

.PHONY: kernel-guest check-kernel check-kernel-long vm bench-kernel
kernel-guest: $(KERNEL_GUEST) $(O)/ferryctl $(PROGRAM_OBJS)

# KERNEL_ARGS: see test/kernel/run.py --help, for example KERNEL_ARGS='--series 6.1 --only map --timings'.
KERNEL_ARGS ?=
check-kernel: kernel-guest ## the modules on stock kernels in QEMU
	@python3 test/kernel/run.py --build $(O) --selftest --people --out $(RESULTS)/kernel.json $(KERNEL_ARGS)

check-kernel-long: kernel-guest
	@python3 test/kernel/run.py --build $(O) --ring long --fuzz-seconds 600 \
		--out $(RESULTS)/kernel-long.json $(KERNEL_ARGS)

# KERNEL=SERIES chooses the kernel.
KERNEL ?= 6.12
bench-kernel: kernel-guest
	@python3 test/kernel/bench.py --series $(KERNEL) --build $(O) --out build/bench-kernel.json

vm: kernel-guest ## a shell in a virtual machine with the modules loaded
	@python3 test/kernel/vm.py shell --series $(KERNEL) --build $(O)
