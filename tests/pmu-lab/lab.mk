# SPDX-License-Identifier: MIT
# The laboratory: an emulated ARM machine with a PMU, and what is built for it. Included by the top Makefile.
# `make check-pmu` fetches, cross-builds and runs; lab-guest is the part that is made with CROSS.

LAB          := tests/pmu-lab
LAB_CROSS    := aarch64-linux-gnu-
LAB_B        := build/aarch64-release
LAB_PROGRAMS := $(addprefix $(B)/programs/,recursion recursion_static recursion_static_pie shares mixed threads forkexec \
                  dlopen libplugin_a.so libplugin_b.so omitfp signal bigframe fptest \
                  shares_static threads_static waits_static slices crowd secrets jit)
# The same sources with return addresses signed, for a CPU that has pointer authentication.
LAB_PAC      := $(addprefix $(B)/programs/pac/,recursion shares omitfp signal threads)
LAB_GUEST    := $(addprefix $(B)/lab/,on_tty deny_perf)

.PHONY: check-pmu lab-guest
check-pmu: all $(B)/tests/unit/test_cfi_rows ## record in an emulated ARM machine with a real PMU, analyze here (fetches arm64 packages)
	bash $(LAB)/check.sh $(B) $(LAB_B)

# What runs in the guest; made with CROSS and SYSROOT.
lab-guest: $(B)/ruchy-record $(B)/ruchy-analyze $(LAB_PROGRAMS) $(LAB_PAC) $(LAB_GUEST)
	$(MAKE) static

$(LAB_PAC): $(B)/programs/pac/%: tests/programs/%.c tests/programs/work.h $(LAB)/lab.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) $(PROGRAM_FLAGS_$*) -mbranch-protection=standard -o $@ $< $(PROGRAM_LIBS_$*))
$(addprefix $(B)/programs/,shares_static threads_static waits_static): $(B)/programs/%_static: tests/programs/%.c tests/programs/work.h $(LAB)/lab.mk
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) -static -o $@ $< $(PROGRAM_LIBS_$*))
$(B)/lab/on_tty: $(LAB)/guest/on_tty.c
$(B)/lab/deny_perf: tests/cli/deny_perf.c
$(LAB_GUEST):
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(PROGRAM_C) $(PROGRAM_CFLAGS) -static -o $@ $<)
