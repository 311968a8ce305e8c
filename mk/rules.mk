# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Sources are found, not listed: a new file in one of these folders is built without a line here.

CORE_SRCS := $(sort $(wildcard core/*.c core/*/*.c core/*/*/*.c softgpu/*.c hal/*/*.c))
OS_SRCS := $(sort $(wildcard os-user/*.c))
LIB_SRCS := $(sort $(wildcard lib/*.c))
TOOL_SRCS := $(sort $(wildcard tools/*.c))
PROGRAM_SRCS := $(sort $(wildcard programs/*.c))

objects = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIBRARY_OBJS := $(call objects,$(CORE_SRCS) $(OS_SRCS) $(LIB_SRCS))
TOOL_OBJS := $(call objects,$(TOOL_SRCS))
PROGRAM_OBJS := $(patsubst programs/%.c,$(O)/programs/%.o,$(PROGRAM_SRCS))

LIB_A := $(O)/libferry.a
LIB_SO := $(O)/libferry.so
LIB_SONAME := libferry.so.$(SOVERSION)

ALL_OUTPUTS := $(O)/.tools $(LIB_A) $(PROGRAM_OBJS)
# A sanitized shared library is of use to nobody: its runtime must come first in the program.
ifeq ($(filter asan tsan fuzz,$(VARIANT)),)
ALL_OUTPUTS += $(if $(LIB_SRCS),$(LIB_SO)) $(O)/ferry.pc
endif
ifneq ($(VARIANT),fuzz)
ALL_OUTPUTS += $(if $(TOOL_SRCS),$(O)/ferryctl)
endif

# The tools and libraries the build needs are there, or one sentence says what to install.
$(O)/.tools: scripts/tools_ok.sh
	@mkdir -p $(@D)
	@CC='$(CC)' CLANG='$(CLANG)' scripts/tools_ok.sh
	@touch $@

# These two change only when the flags, or the list of objects, do: a change rebuilds, a deleted source leaves.
remember = mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' >$@.new; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi
$(O)/.flags: FORCE
	@$(call remember,$(CC) $(BASE_FLAGS) $(FLAGS_core) $(LIBS))
$(O)/.objects: FORCE
	@$(call remember,$(LIBRARY_OBJS) $(TOOL_OBJS))
.PHONY: FORCE

# core/pmm/pmm.c -> core: the first folder chooses the dialect.
area = $(firstword $(subst /, ,$(1)))

$(O)/obj/%.o: %.c $(O)/.flags | $(O)/.tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) $(FLAGS_$(call area,$<)) $(FLAGS_FILE_$<) -c $< -o $@

$(O)/programs/%.o: programs/%.c | $(O)/.tools
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(LIB_A): $(LIBRARY_OBJS) $(O)/.objects
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(LIBRARY_OBJS)

$(LIB_SO): $(LIBRARY_OBJS) $(O)/.objects lib/ferry.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -shared -Wl,-soname,$(LIB_SONAME) -Wl,-z,defs,-z,nodelete,-z,relro,-z,now \
		-Wl,--version-script=lib/ferry.map -o $(O)/libferry.so.$(VERSION) $(LIBRARY_OBJS) $(LDFLAGS) $(LIBS)
	$(Q)ln -sf libferry.so.$(VERSION) $(O)/$(LIB_SONAME)
	$(Q)ln -sf $(LIB_SONAME) $@

# Linked with the archive, so that it runs from build/ and from anywhere else.
$(O)/ferryctl: $(TOOL_OBJS) $(LIB_A) $(O)/.objects
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $(TOOL_OBJS) $(LIB_A) $(LDFLAGS) $(LIBS)

# Where things will be is known when they are installed: install writes its own.
PC_SED = sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|; s|@PROGRAMDIR@|$(PROGRAMDIR)|'
$(O)/ferry.pc: lib/ferry.pc.in mk/flags.mk
	@mkdir -p $(@D)
	@$(PC_SED) $< >$@
