# SPDX-License-Identifier: MIT
# One non-recursive Makefile. Objects live in build/<variant>/, so variants never mix:
#   make                      build/release/{ruchy-record,ruchy-analyze,ruchy}
#   make VARIANT=asan ...     the same with AddressSanitizer and UBSan
# `make help` lists the targets.

VARIANT ?= release
B       := build/$(VARIANT)
PREFIX  ?= /usr/local
DESTDIR ?=
CROSS   ?=
ifeq ($(origin CC),default)
CC      := $(CROSS)gcc
endif
CXX_TEST   ?= g++
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wvla
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DRUCHY_VERSION='"$(VERSION)"' -Iinclude -I. -g $(WARNINGS)
FLAGS_release := -O2 -fstack-protector-strong
FLAGS_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_static  := -O2
FLAGS_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
ifdef CI
BASE_FLAGS += -Werror
endif
CFLAGS  ?=
LDFLAGS ?=
ALL_CFLAGS  := $(BASE_FLAGS) $(FLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS := $(filter -fsanitize=%,$(FLAGS_$(VARIANT))) $(LDFLAGS)

# What each tool may link; make layers checks the includes.
pkg = $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null)
FORMAT_LIBS   = $(call pkg,--libs,libzstd)
ANALYZE_LIBS  = $(call pkg,--libs,libdw libelf libcjson) -liberty -lm $(FORMAT_LIBS)
PACKAGES_CFLAGS = $(call pkg,--cflags,libzstd libdw libelf libcjson cmocka)

FORMAT_SRC  := $(wildcard format/*.c)
RECORD_SRC  := $(wildcard record/*.c)
ANALYZE_SRC := $(wildcard analyze/*.c analyze/process/*.c analyze/unwind/*.c analyze/symbolize/*.c \
                 analyze/profile/*.c analyze/report/*.c)
DRIVER_SRC  := $(wildcard analyze/driver/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)
ALL_SRC     := $(FORMAT_SRC) $(RECORD_SRC) $(ANALYZE_SRC) $(DRIVER_SRC) $(UNIT_SRC) $(FUZZ_SRC)
C_FILES     := $(ALL_SRC) $(shell find include format record analyze tests/unit tests/fuzz -name '*.h' 2>/dev/null)

obj = $(patsubst %.c,$(B)/%.o,$(1))
FORMAT_OBJ  := $(call obj,$(FORMAT_SRC))
RECORD_OBJ  := $(call obj,$(RECORD_SRC))
ANALYZE_OBJ := $(call obj,$(ANALYZE_SRC))
# Libraries for the tests: everything but the two main functions.
RECORD_LIB  := $(filter-out $(B)/record/main.o,$(RECORD_OBJ))
ANALYZE_LIB := $(filter-out $(B)/analyze/main.o,$(ANALYZE_OBJ))
UNIT_BIN    := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))

TOOLS := $(B)/ruchy-record $(B)/ruchy-analyze $(B)/ruchy

.PHONY: all
all: $(TOOLS) ## build the three programs (default)

$(B)/ruchy-record: $(RECORD_OBJ) $(FORMAT_OBJ)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS)
$(B)/ruchy-analyze: $(ANALYZE_OBJ) $(FORMAT_OBJ)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZE_LIBS)
$(B)/ruchy: $(call obj,$(DRIVER_SRC))
	$(CC) $(ALL_LDFLAGS) -o $@ $^

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(if $(filter analyze/% tests/%,$<),$(PACKAGES_CFLAGS)) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC)))

# ---- unit tests: each may use everything but the mains ----
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(FORMAT_OBJ) $(RECORD_LIB) $(ANALYZE_LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZE_LIBS) $(call pkg,--libs,cmocka)

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## run the unit tests
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

.PHONY: clean
clean: ## remove build/ and demo/
	rm -rf build demo
