# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# test/fuzz/fuzz_NAME.c is a libFuzzer target: the whole library is linked to it. Its seeds are in
# test/fuzz/corpus/NAME/, and what it finds goes to build/fuzz/corpus/NAME/. Only for VARIANT=fuzz.

FUZZ_SRCS := $(sort $(wildcard test/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(patsubst %.c,$(O)/%,$(FUZZ_SRCS))
FUZZ_SECONDS ?= 12

.PHONY: fuzz-run fuzz-build
ifeq ($(VARIANT),fuzz)
$(FUZZ_PROGRAMS): $(O)/%: $(O)/obj/%.o $(LIB_A)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(LIB_A) \
		$(LDFLAGS) -lcmocka $(LIBS)

fuzz-build: $(FUZZ_PROGRAMS)

fuzz-run: $(FUZZ_PROGRAMS)
	@python3 scripts/run_fuzz.py --seconds $(FUZZ_SECONDS) --work $(O)/corpus --seeds test/fuzz/corpus \
		--out $(RESULTS)/fuzz.json $(FUZZ_PROGRAMS)
endif
