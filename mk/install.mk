# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Everything a user of the library and of the command needs; DESTDIR for packagers.

MAN_PAGES := $(sort $(wildcard docs/man/*.[1-8]))
# The user's headers; the rest of include/ferry is the core's own.
PUBLIC_HEADERS := ferry.h error.h gpu.h fg1.h
INSTALL ?= install
dest = $(DESTDIR)$(1)

.PHONY: install uninstall
##@ Installing
install: all ## install library, headers, manual pages, programs, pkg-config file
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

uninstall: ## remove what install put there
	rm -f $(call dest,$(BINDIR)/ferryctl) $(call dest,$(LIBDIR)/libferry.a) $(call dest,$(LIBDIR)/libferry.so) \
		$(call dest,$(LIBDIR)/$(LIB_SONAME)) $(call dest,$(LIBDIR)/libferry.so.$(VERSION)) \
		$(call dest,$(LIBDIR)/pkgconfig/ferry.pc)
	rm -rf $(call dest,$(INCLUDEDIR)/ferry) $(call dest,$(LIBDIR)/ferry)
	for page in $(notdir $(MAN_PAGES)); do rm -f $(call dest,$(MANDIR))/man$${page##*.}/$$page; done
