# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Ferry's build. `make help` lists what there is to say; everything lands in build/.
#
#   Makefile      the targets, and what is built from what
#   mk/flags.mk   compilers, flags, variants
#   mk/rules.mk   how an object, a program, a library is made
#   mk/test.mk    unit tests, benches, end-to-end tests written in C
#   mk/fuzz.mk    fuzz targets
#   mk/sim.mk     the simulator
#   mk/stories.mk its stories on real threads
#   mk/models.mk  the models
#   mk/mutate.mk  the mutants
#   mk/kernel.mk  the kernel ring
#   mk/install.mk install and uninstall
#   mk/modules.mk the kernel modules, and the tests of how they are built
#
# A variant is the same tree built with other flags into build/NAME: make VARIANT=asan|tsan|debug|fuzz.

# Both CPUs by default. A -j of the user wins; a make above us has a job server already.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

.DEFAULT_GOAL := all

include mk/flags.mk
include mk/rules.mk
include mk/test.mk
include mk/fuzz.mk
include mk/sim.mk
include mk/stories.mk
include mk/models.mk
include mk/mutate.mk
include mk/kernel.mk
include mk/install.mk
include mk/modules.mk

.PHONY: all help clean format demo bench
.PHONY: check check-unit check-e2e check-asan check-tsan check-fuzz check-style check-long tests

##@ Building
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "%s%s\n", (NR > 1 ? "\n" : ""), substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' \
		Makefile mk/mutate.mk mk/kernel.mk mk/modules.mk mk/install.mk
	@printf '\nVariables\n'
	@printf '  %-17s %s\n' 'VARIANT=NAME' 'asan, tsan, debug or fuzz: the same tree in build/NAME' \
		'V=1' 'show the commands' 'PREFIX, DESTDIR' 'where install puts things (/usr/local)' \
		'FUZZ_SECONDS=N' 'budget of each fuzz target'

all: $(ALL_OUTPUTS) ## build the library, the command and the GPU programs (default)

tests: $(TEST_PROGRAMS) $(E2E_PROGRAMS) $(BENCH_PROGRAMS) ## build the tests and benches without running them

clean: ## remove build/
	rm -rf build

format: ## run clang-format over every C file
	scripts/format.sh --fix

##@ Trying it
demo: ## install what is missing, then run two GPU programs on a real file larger than device memory
	@scripts/deps.sh $(if $(filter kernel,$(DEMO_HOST)),check,demo)
	@HOST='$(DEMO_HOST)' KERNEL='$(KERNEL)' scripts/demo.sh
# HOST=kernel: in a virtual machine. Only from make's command line: some shells export their machine's name as HOST.
DEMO_HOST = $(if $(findstring command,$(origin HOST)),$(HOST))

ifeq ($(DEMO_HOST),kernel)
bench:
	@scripts/deps.sh kernel
	@$(MAKE) --no-print-directory bench-kernel
else
bench: ## measure, print a table, write build/bench.json; HOST=kernel: in a virtual machine, build/bench-kernel.json
	@scripts/deps.sh check
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS) $(UNCHECKED)
	@python3 scripts/bench.py --dir build/test/bench --out build/bench.json
endif

##@ Testing
check: ## everything below but check-long; installs what it needs; the last line counts
	@scripts/deps.sh kernel
	@python3 scripts/check.py style unit e2e asan tsan stories fuzz sim models modules kernel

check-style: all ## purity of the core, lengths, licences, format, manual pages, links
	@python3 scripts/run_checks.py --out build/test-results/style.json

check-unit: $(TEST_PROGRAMS) $(PROGRAM_OBJS) ## the CMocka tests
	@python3 scripts/run_tests.py --out $(RESULTS)/unit.json $(RUN_TESTS_ARGS) $(TEST_PROGRAMS)

check-e2e: all $(E2E_PROGRAMS) $(E2E_KERNELS) ## ferryctl and the library as a user meets them
	@python3 test/e2e/run.py --build $(O) --variant '$(VARIANT)' --out $(RESULTS)/e2e.json $(E2E_ARGS) \
		$(E2E_PROGRAMS)

check-asan: ## unit and end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call both,asan)

check-tsan: ## the same under ThreadSanitizer
	@$(call both,tsan)

# The second runs also when the first fails.
both = status=0; \
	$(MAKE) --no-print-directory VARIANT=$(1) check-unit || status=1; \
	$(MAKE) --no-print-directory VARIANT=$(1) check-e2e E2E_ARGS='$(SANITIZED_E2E_ARGS)' || status=1; \
	exit $$status
E2E_ARGS ?=
SANITIZED_E2E_ARGS ?= --subset

check-fuzz: ## each fuzz target for FUZZ_SECONDS (12)
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzz-run

check-long: ## check, the sanitizers over every end-to-end case, ten minutes a fuzz target, debug kernels
	@scripts/deps.sh kernel
	@FERRY_LONG=1 python3 scripts/check.py style unit e2e asan tsan stories fuzz sim sim-long models models-long \
		modules kernel kernel-long

-include $(wildcard $(O)/obj/*.d $(O)/obj/*/*.d $(O)/obj/*/*/*.d $(O)/obj/*/*/*/*.d $(O)/programs/*.d)
