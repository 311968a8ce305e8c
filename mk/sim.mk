# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The simulator: the core, the driver half and the software GPU built once more, for the host in test/sim/host.
# test/sim/README.md tells what it is.

SIM_SRCS := $(sort $(wildcard test/sim/*.c test/sim/*/*.c)) $(CORE_SRCS)
SIM_OBJS := $(patsubst %.c,$(O)/sim/%.o,$(SIM_SRCS))
SIM_INCLUDES := -Iinclude -Icore -Isoftgpu -Ihal/fg1 -Itest/sim/host -Itest/sim -I.
# One dialect for all of it, and no random addresses: atomics are named by theirs.
SIM_FLAGS = $(SIM_INCLUDES) $(WARNINGS) -std=gnu11 $(CFLAGS) $(SANITIZE) -MMD -MP -D_GNU_SOURCE -fno-pie

$(O)/sim/%.o: %.c $(O)/.flags | $(O)/.tools
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SIM_FLAGS) -c $< -o $@

$(O)/simtest: $(SIM_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -no-pie -o $@ $^

.PHONY: check-sim check-sim-long
# SIM_ARGS: see test/sim/run.py --help.
SIM_ARGS ?=
check-sim: $(O)/simtest ## the core under chosen schedules and faults
	@python3 test/sim/run.py --simtest $(O)/simtest --out $(RESULTS)/sim.json $(SIM_ARGS)

check-sim-long: $(O)/simtest
	@python3 test/sim/run.py --simtest $(O)/simtest --long --out $(RESULTS)/sim-long.json $(SIM_ARGS)

-include $(SIM_OBJS:.o=.d)
