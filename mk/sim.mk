# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The simulator: the core, the driver half and the software GPU built once more, for the host in test/sim/host.
# test/sim/README.md tells what it is.

# Not test/sim/threads: that is the other host of the stories (stories.mk).
SIM_SRCS := $(sort $(filter-out test/sim/threads/% test/sim/bench/%,$(wildcard test/sim/*.c test/sim/*/*.c))) \
	$(CORE_SRCS)
SIM_OBJS := $(patsubst %.c,$(O)/sim/%.o,$(SIM_SRCS))
SIM_INCLUDES := -Iinclude -Icore -Isoftgpu -Ihal/fg1 -Itest/sim/host -Itest/sim -I.
# One dialect for all of it, and no random addresses: atomics are named by theirs.
SIM_FLAGS = $(SIM_INCLUDES) $(WARNINGS) -std=gnu11 $(CFLAGS) $(SIM_FAST) $(SANITIZE) -MMD -MP -D_GNU_SOURCE -fno-pie
# Sets of fibers are words: every x86-64 since 2009 counts their bits in an instruction.
SIM_FAST := $(if $(VARIANT),,-O3 $(if $(filter x86_64,$(shell uname -m)),-march=x86-64-v2))

$(O)/sim/%.o: %.c $(O)/.flags | $(O)/.tools
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SIM_FLAGS) -c $< -o $@

$(O)/simtest: $(SIM_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -no-pie -o $@ $^

# What it costs, among the other benches.
BENCH_PROGRAMS += $(O)/test/bench/bench_sim
$(O)/test/bench/bench_sim: $(O)/sim/test/sim/bench/bench_sim.o $(filter-out %/simtest.o,$(SIM_OBJS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -no-pie -o $@ $^

.PHONY: check-sim check-sim-long
# SIM_ARGS: see test/sim/run.py --help.
SIM_ARGS ?=
check-sim: $(O)/simtest $(O)/fuzz_sim ## the core under chosen schedules and faults
	@python3 test/sim/run.py --simtest $(O)/simtest --fuzzer $(O)/fuzz_sim --out $(RESULTS)/sim.json $(SIM_ARGS)

check-sim-long: $(O)/simtest $(O)/fuzz_sim
	@python3 test/sim/run.py --simtest $(O)/simtest --fuzzer $(O)/fuzz_sim --long \
		--out $(RESULTS)/sim-long.json $(SIM_ARGS)

# Schedules as a fuzzer's input: built once more, without a sanitizer, so that a prelude need not run each time.
SIMFUZZ_SRCS := $(filter-out test/sim/simtest.c,$(SIM_SRCS)) test/fuzz/sim/fuzz_sim.c
SIMFUZZ_OBJS := $(patsubst %.c,$(O)/simfuzz/%.o,$(SIMFUZZ_SRCS))
$(O)/simfuzz/%.o: %.c $(O)/.flags | $(O)/.tools
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(SIM_INCLUDES) $(WARNINGS) -std=gnu11 -O2 -g -MMD -MP -D_GNU_SOURCE -fno-pie \
		-fsanitize=fuzzer-no-link -c $< -o $@

$(O)/fuzz_sim: $(SIMFUZZ_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer -no-pie -o $@ $^

-include $(O)/sim/test/sim/bench/bench_sim.d $(SIM_OBJS:.o=.d) $(SIMFUZZ_OBJS:.o=.d)
