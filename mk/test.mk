# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Tests in C. A file test/unit/AREA/NAME_test.c is one program. It says near its top which sources it needs,
#     /* TEST-SOURCES: core/pmm/pmm.c core/lock/lock.c */
# and gets these and os-user/os_*.c: nothing else of the core is linked, so a missing neighbour shows.
# End-to-end tests (test/e2e/*_test.c) and benches (test/bench/*.c) get the whole library, and what such a line
# adds. mk/test_rules.sh turns the lines into rules.

UNIT_SRCS := $(sort $(wildcard test/unit/*_test.c test/unit/*/*_test.c test/unit/*/*/*_test.c))
E2E_SRCS := $(sort $(wildcard test/e2e/*_test.c))
BENCH_SRCS := $(sort $(wildcard test/bench/*.c))
TEST_OS_SRCS := $(sort $(wildcard os-user/os_*.c))

TEST_PROGRAMS := $(patsubst %.c,$(O)/%,$(UNIT_SRCS))
E2E_PROGRAMS := $(patsubst %.c,$(O)/%,$(E2E_SRCS))
BENCH_PROGRAMS := $(patsubst %.c,$(O)/%,$(BENCH_SRCS))

RUN_TESTS_ARGS = --results $(RESULTS) --variant '$(VARIANT)'

$(O)/test.rules.mk: mk/test_rules.sh $(UNIT_SRCS) $(E2E_SRCS) $(BENCH_SRCS)
	@mkdir -p $(@D)
	@mk/test_rules.sh '$(O)' '$(TEST_OS_SRCS)' $(UNIT_SRCS) $(E2E_SRCS) $(BENCH_SRCS) >$@.new && mv $@.new $@

# GPU programs of the tests in C.
E2E_KERNELS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard test/e2e/kernels/*.c)))
$(O)/test/e2e/kernels/%.o: test/e2e/kernels/%.c include/ferry/gpu.h | $(O)/.tools
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -c $< -o $@

# The fault path with the check of the lock order and without, built alike, for bench_service to compare.
UNCHECKED := $(O)/unchecked/checked $(O)/unchecked/unchecked
UNCHECKED_SRCS := test/bench/bench_service.c $(addprefix test/unit/core/rig,.c _audit.c _external.c) $(CORE_SRCS) \
	$(OS_SRCS)
$(O)/unchecked/unchecked: WITHOUT := -Itest/bench/unchecked
$(UNCHECKED): $(UNCHECKED_SRCS) $(wildcard test/bench/unchecked/*/*.h core/*.h core/*/*.h include/ferry/*.h)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WITHOUT) $(filter-out -MMD -MP,$(BASE_FLAGS)) -std=gnu11 -o $@ $(filter %.c,$^) -lcmocka \
		$(LIBS) -lm

TEST_LINK = $(call say,LINK,$@); mkdir -p $(@D) ; \
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $(filter %.o %.a,$^) $(LDFLAGS) -lcmocka $(LIBS) -lm

# Not for goals that build nothing here.
ifneq ($(filter-out clean help format check check-asan check-tsan check-fuzz check-style check-long demo uninstall,\
	$(or $(MAKECMDGOALS),all)),)
include $(O)/test.rules.mk
endif
