# SPDX-License-Identifier: MIT
# The programs with known stacks (tests/live), the demo's program, and `demo-run`.
# Included by the top Makefile. They are what is being measured, so they have flags of
# their own and are never built with a sanitizer.

PROGRAM_DIR    := $(B)/programs
PROGRAM_CFLAGS ?= -O2 -Wall -Wextra
PROGRAM_C      := -std=gnu11 -D_GNU_SOURCE
RUSTC          ?= rustc
STRIP          ?= $(CROSS)strip

PROGRAMS_C := recursion shares mixed threads forkexec dlopen omitfp signal bigframe fptest env slices crowd secrets jit waits
PROGRAMS   := $(addprefix $(PROGRAM_DIR)/,$(PROGRAMS_C) recursion_static recursion_static_pie \
                recursion_stripped deep libplugin_a.so libplugin_b.so cpp golden demo)
PROGRAMS_RUST := $(addprefix $(PROGRAM_DIR)/,rust_contract rust_stacks)

# Without a Rust compiler (for the architecture built for) those two are left out, and the tests that need them say SKIP.
HAVE_RUSTC := $(if $(CROSS),,$(shell command -v $(RUSTC) >/dev/null 2>&1 && echo yes))
PROGRAMS   += $(if $(HAVE_RUSTC),$(PROGRAMS_RUST))

PROGRAM_FLAGS_omitfp := -fomit-frame-pointer
PROGRAM_FLAGS_fptest := -fno-omit-frame-pointer $(if $(filter x86_64 aarch64,$(ARCH)),-mno-omit-leaf-frame-pointer)
PROGRAM_FLAGS_jit    := -fno-omit-frame-pointer
PROGRAM_LIBS_threads := -pthread
PROGRAM_LIBS_crowd   := -pthread
PROGRAM_LIBS_waits   := -pthread
PROGRAM_LIBS_dlopen  := -ldl

.PHONY: programs
programs: $(PROGRAMS) ## build the test programs with known stacks

$(addprefix $(PROGRAM_DIR)/,$(PROGRAMS_C)): $(PROGRAM_DIR)/%: tests/programs/%.c tests/programs/work.h tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) $(PROGRAM_FLAGS_$*) -o $@ $< $(PROGRAM_LIBS_$*))

# One source, three more ways to link it; the stripped one is the plain one without its names.
$(PROGRAM_DIR)/recursion_static: PROGRAM_LINK := -static
$(PROGRAM_DIR)/recursion_static_pie: PROGRAM_LINK := -static-pie -fPIE
$(PROGRAM_DIR)/recursion_static $(PROGRAM_DIR)/recursion_static_pie: tests/programs/recursion.c tests/programs/work.h tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) $(PROGRAM_LINK) -o $@ $<)
$(PROGRAM_DIR)/recursion_stripped: $(PROGRAM_DIR)/recursion
	$(call run,STRIP,$(STRIP) -o $@ $<)

$(PROGRAM_DIR)/deep: tests/bench/programs/deep.c tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) -o $@ $<)

$(PROGRAM_DIR)/libplugin_%.so: tests/programs/plugin.c tests/programs/work.h tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) -fPIC -shared -DPLUGIN_LETTER=$* -o $@ $<)

$(PROGRAM_DIR)/cpp: tests/programs/cpp.cpp tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CXX,$(CXX_TEST) $(PROGRAM_CFLAGS) -g -std=c++17 -o $@ $<)

# Small enough to be kept beside its traces: no C library, no page-sized gaps between segments.
GOLDEN_FLAGS := -static -nostdlib -ffreestanding -fno-stack-protector -fno-pie \
                -fasynchronous-unwind-tables -Wl,--build-id -Wl,--eh-frame-hdr -Wl,-z,noseparate-code -Wl,-z,max-page-size=4096
$(PROGRAM_DIR)/golden: tests/programs/golden.c tests/programs/work.h tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) $(GOLDEN_FLAGS) -o $@ $<)
# The same for the other architecture, where its compiler is installed: make CROSS_CC=… build/release/programs/golden-aarch64
CROSS_CC ?= aarch64-linux-gnu-gcc
$(PROGRAM_DIR)/golden-%: tests/programs/golden.c tests/programs/work.h tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CROSS_CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) $(GOLDEN_FLAGS) -o $@ $<)

$(addprefix $(PROGRAM_DIR)/,rust_contract rust_stacks): $(PROGRAM_DIR)/%: tests/programs/%.rs tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,RUSTC,$(RUSTC) -C opt-level=3 -o $@ $<)

# zstd statically where there is an archive of it: its functions then have names without debug packages.
DEMO_ZSTD = $(if $(findstring /,$(shell $(CC) -print-file-name=libzstd.a)),-Wl$(,)-Bstatic -lzstd -Wl$(,)-Bdynamic,$(call pkg,--libs,libzstd))
, := ,
$(PROGRAM_DIR)/demo: tests/programs/demo.c tests/programs/programs.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) -g $(call pkg,--cflags,libzstd) -o $@ $< $(DEMO_ZSTD))

# record a real program, then look at it: leaves demo/{trace.rtrace,profile.json,flamegraph.svg}
.PHONY: demo-run
demo-run: $(TOOLS) $(PROGRAM_DIR)/demo
	sh tests/programs/demo.sh $(B) $(PROGRAM_DIR) demo
