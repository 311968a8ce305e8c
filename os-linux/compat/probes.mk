# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Part of Kbuild: which form of each kernel API is there? Every probes/API/FORM.c is compiled as a part of a module
# would be, with the kernel's own compiler and flags; what compiled becomes a line of compat_config.h. The probes are
# ordinary targets: they run in parallel, and again only when a probe, the kernel or the compiler changes.
#
#   probes/*/*.c --probe.sh--> probes/*/*.probe (yes or no) --summary.sh--> compat_config.h
#
# From here on: compat-config, the file to depend on.

# What dkms.conf asks of a kernel is asked here too; DKMS skips such a kernel before it gets here. (A `make clean`
# has no configuration to ask.)
ifdef CONFIG_CC_VERSION_TEXT
compat-needs := $(shell sed -n 's/^BUILD_EXCLUSIVE_CONFIG="\(.*\)"/\1/p' $(src)/dkms.conf)
compat-lacks := $(strip $(foreach option,$(compat-needs),$(if $($(option)),,$(option))))
ifneq ($(compat-lacks),)
$(error Ferry cannot be built for this kernel: it was configured without $(compat-lacks))
endif
ifneq ($(shell [ $$(( $(VERSION) * 1000 + $(PATCHLEVEL) )) -ge 6001 ] && echo new),new)
$(error Ferry cannot be built for Linux $(VERSION).$(PATCHLEVEL): 6.1 is the oldest it supports)
endif
endif

compat-config := $(obj)/os-linux/compat/compat_config.h
compat-probes := $(patsubst $(src)/%.c,%.probe,$(wildcard $(src)/os-linux/compat/probes/*/*.c))
compat-symvers := $(wildcard $(objtree)/Module.symvers)

# No warning decides, and no dependency file is wanted: all -W options go, and probe.sh brings its own.
quiet_cmd_probe = PROBE   $(patsubst os-linux/compat/probes/%.probe,%,$(patsubst $(obj)/%,%,$@))
      cmd_probe = $(CONFIG_SHELL) $(src)/os-linux/compat/probe.sh $< $@ "$(compat-symvers)" \
		$(CC) $(filter-out -W%,$(c_flags))

$(addprefix $(obj)/,$(compat-probes)): part-of-module := y
$(addprefix $(obj)/,$(compat-probes)): $(obj)/%.probe: $(src)/%.c $(src)/os-linux/compat/probe.sh $(compat-symvers) \
		$(wildcard $(objtree)/include/generated/autoconf.h) FORCE
	$(call if_changed,probe)
targets += $(compat-probes)

quiet_cmd_compat = COMPAT  $(patsubst $(obj)/%,%,$@)
      cmd_compat = $(CONFIG_SHELL) $(src)/os-linux/compat/summary.sh $(obj)/os-linux/compat/probes $@
$(compat-config): $(addprefix $(obj)/,$(compat-probes)) $(src)/os-linux/compat/summary.sh
	$(call cmd,compat)

clean-files += os-linux/compat/compat_config.h $(compat-probes)
