# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Everything a user of the library and of the command needs; DESTDIR for packagers.

MAN_PAGES := $(sort $(wildcard docs/man/*.[1-8]))
# The user's headers; the rest of include/ferry is the core's own.
PUBLIC_HEADERS := ferry.h error.h gpu.h fg1.h
INSTALL ?= install
dest = $(DESTDIR)$(1)

# The source of the modules, where DKMS looks for it; what makes up a module is also said in scripts/kernel/build.py.
# A private PREFIX gets all of it inside: then nothing of the system is touched.
MODULE_PARTS := Kbuild dkms.conf mk/flags.mk LICENSES core hal include os-linux softgpu
BUILT_HERE := *.o *.ko *.mod *.mod.c .*.cmd *.probe *.probe.log compat_config.h
system = $(filter /usr /usr/local,$(PREFIX))
DKMSDIR ?= $(if $(system),/usr,$(PREFIX))/src
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
DOCDIR ?= $(PREFIX)/share/doc/ferry
MODULE_SOURCE = $(call dest,$(DKMSDIR))/ferry-$(VERSION)

.PHONY: install uninstall install-module uninstall-module
##@ Installing
install: all install-module ## install library, headers, manual pages, programs, pkg-config file, module source
	$(INSTALL) -d $(call dest,$(BINDIR)) $(call dest,$(LIBDIR)/pkgconfig) $(call dest,$(PROGRAMDIR)) \
		$(call dest,$(INCLUDEDIR)/ferry/uapi)
	$(INSTALL) -m 755 $(O)/ferryctl $(call dest,$(BINDIR)/ferryctl)
	$(INSTALL) -m 644 $(LIB_A) $(call dest,$(LIBDIR)/libferry.a)
	$(INSTALL) -m 755 $(O)/libferry.so.$(VERSION) $(call dest,$(LIBDIR)/libferry.so.$(VERSION))
	ln -sf libferry.so.$(VERSION) $(call dest,$(LIBDIR)/$(LIB_SONAME))
	ln -sf $(LIB_SONAME) $(call dest,$(LIBDIR)/libferry.so)
	$(PC_SED) lib/ferry.pc.in >$(call dest,$(LIBDIR)/pkgconfig/ferry.pc)
	$(INSTALL) -m 644 $(PROGRAM_OBJS) $(call dest,$(PROGRAMDIR))
	$(INSTALL) -m 644 $(wildcard $(PUBLIC_HEADERS:%=include/ferry/%)) $(call dest,$(INCLUDEDIR)/ferry)
	$(INSTALL) -m 644 $(wildcard include/ferry/uapi/*.h) $(call dest,$(INCLUDEDIR)/ferry/uapi)
	for page in $(MAN_PAGES); do \
		dir=$(call dest,$(MANDIR))/man$${page##*.}; \
		$(INSTALL) -d $$dir && $(INSTALL) -m 644 $$page $$dir || exit 1; \
	done

install-module: ## only the modules' source for DKMS, the udev rule, the modprobe.d example
	rm -rf $(MODULE_SOURCE)
	$(INSTALL) -d $(MODULE_SOURCE) $(call dest,$(UDEVDIR)) $(call dest,$(DOCDIR)/examples)
	tar -c --owner=0 --group=0 $(BUILT_HERE:%=--exclude='%') $(MODULE_PARTS) | \
		tar -x --no-same-permissions -C $(MODULE_SOURCE)
	$(INSTALL) -m 644 packaging/udev/60-ferry.rules $(call dest,$(UDEVDIR))
	$(INSTALL) -m 644 packaging/modprobe.d/ferry.conf $(call dest,$(DOCDIR)/examples)
	$(if $(DESTDIR),,@echo 'The modules are built and installed by:  dkms install ferry/$(VERSION)')

uninstall-module: ## the reverse; `dkms remove ferry/VERSION --all` comes before it
	rm -rf $(MODULE_SOURCE) $(call dest,$(DOCDIR))
	rm -f $(call dest,$(UDEVDIR)/60-ferry.rules)

uninstall: uninstall-module ## remove what install put there
	rm -f $(call dest,$(BINDIR)/ferryctl) $(call dest,$(LIBDIR)/libferry.a) $(call dest,$(LIBDIR)/libferry.so) \
		$(call dest,$(LIBDIR)/$(LIB_SONAME)) $(call dest,$(LIBDIR)/libferry.so.$(VERSION)) \
		$(call dest,$(LIBDIR)/pkgconfig/ferry.pc)
	rm -rf $(call dest,$(INCLUDEDIR)/ferry) $(call dest,$(LIBDIR)/ferry)
	for page in $(notdir $(MAN_PAGES)); do rm -f $(call dest,$(MANDIR))/man$${page##*.}/$$page; done
