# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Compilers, flags and variants.

VERSION := 0.1.0
SOVERSION := 1

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
# Where an installed ferryctl finds the built-in GPU programs.
PROGRAMDIR ?= $(LIBDIR)/ferry/programs

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PKG_CONFIG ?= pkg-config

VARIANT ?=
O := build$(if $(VARIANT),/$(VARIANT))
RESULTS := $(O)/test-results

OPT := -O2
SANITIZE :=
ifeq ($(VARIANT),)
else ifeq ($(VARIANT),asan)
OPT := -O1 -fno-omit-frame-pointer
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
else ifeq ($(VARIANT),tsan)
OPT := -O2 -fno-omit-frame-pointer
SANITIZE := -fsanitize=thread
else ifeq ($(VARIANT),debug)
OPT := -O0 -fno-omit-frame-pointer
else ifeq ($(VARIANT),fuzz)
CC := $(CLANG)
OPT := -O1 -fno-omit-frame-pointer
SANITIZE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else
$(error unknown VARIANT=$(VARIANT): asan, tsan, debug or fuzz)
endif

INCLUDES := -Iinclude -Icore -Isoftgpu -Ios-user -Ilib -I.
WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes
CFLAGS ?= $(OPT) -g
BASE_FLAGS = $(INCLUDES) $(WARNINGS) $(CFLAGS) $(SANITIZE) -fPIC -pthread -MMD -MP \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFERRY_VERSION_STRING='"$(VERSION)"' \
	-DFERRY_PROGRAM_DIR='"$(PROGRAMDIR)"'

# The pure parts speak plain C11 and nothing of them is visible outside; the library's own files are, so that
# lib/ferry.map can choose what is exported.
FLAGS_core := -std=c11 -Wpedantic -fvisibility=hidden $(if $(VARIANT),,-O3)
FLAGS_softgpu := $(FLAGS_core)
FLAGS_hal := $(FLAGS_core)
FLAGS_os-user := -std=gnu11 -fvisibility=hidden
FLAGS_lib := -std=gnu11
FLAGS_tools := -std=gnu11
FLAGS_test := -std=gnu11
# The interpreter is the one hot loop of the model.
FLAGS_FILE_softgpu/warp.c := -O3
$(foreach f,$(wildcard softgpu/warp*.c),$(eval FLAGS_FILE_$(f) := $(if $(VARIANT),,-O3)))

LIBS := -lelf -ljson-c -lpthread -lm

BPF_FLAGS := -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror -Iinclude

# Quiet unless V=1.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s%s\n' $(1) $(2)
endif
