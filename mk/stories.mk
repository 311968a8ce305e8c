# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The simulator's stories on real threads, with the process host's library: test/sim/threads/threads.h.

STORY_SRCS := $(sort $(wildcard test/sim/threads/*.c test/sim/story/*.c test/sim/invariant/*.c)) \
	$(filter-out test/sim/world/device.c,$(sort $(wildcard test/sim/world/*.c)))
STORY_OBJS := $(patsubst %.c,$(O)/stories/%.o,$(STORY_SRCS))
STORY_FLAGS = -DSIM_THREADS -Iinclude -Icore -Isoftgpu -Ihal/fg1 -Ios-user -Itest/sim -I. $(WARNINGS) -std=gnu11 \
	$(CFLAGS) $(SANITIZE) -pthread -MMD -MP -D_GNU_SOURCE
# Where os-user asks its tests whether to fail, stories may be late, fail, or be killed.
STORY_WRAPS := -Wl,--wrap=ferry_user_fault_alloc,--wrap=ferry_user_fault_wait

$(O)/stories/%.o: %.c $(O)/.flags | $(O)/.tools
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STORY_FLAGS) -c $< -o $@

$(O)/storytest: $(STORY_OBJS) $(LIB_A)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -rdynamic $(STORY_WRAPS) -o $@ $(STORY_OBJS) $(LIB_A) $(LDFLAGS) $(LIBS)

# STORIES_ARGS: see test/sim/threads/run.py --help.
STORIES_ARGS ?=
.PHONY: check-stories storytest
storytest: $(O)/storytest
check-stories: ## the simulator's stories on real threads, under the sanitizers
	@$(MAKE) --no-print-directory VARIANT=asan storytest
	@$(MAKE) --no-print-directory VARIANT=tsan storytest
	@python3 test/sim/threads/run.py --out build/test-results/stories.json $(STORIES_ARGS)

-include $(STORY_OBJS:.o=.d)
