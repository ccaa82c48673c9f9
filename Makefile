# SPDX-License-Identifier: MIT
# One non-recursive Makefile. Objects live in build/<variant>/, so variants never mix:
#   make                      build/release/{ruchy-record,ruchy-analyze,ruchy}
#   make VARIANT=asan ...     the same with AddressSanitizer and UBSan
#   make CROSS=aarch64-linux-gnu- SYSROOT=DIR [static]    for another architecture, in build/aarch64-<variant>/
# `make help` lists the targets, `make V=1` shows the commands.

SHELL := /bin/bash

VARIANT ?= release
CROSS   ?=
SYSROOT ?=
# The architecture that is built for, and its directory's prefix where that is another than ours.
ARCH    := $(if $(CROSS),$(firstword $(subst -, ,$(CROSS))),$(shell uname -m))
FOREIGN := $(if $(CROSS),$(ARCH)-)
B       := build/$(FOREIGN)$(VARIANT)
PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC      := $(CROSS)gcc
endif
CXX_TEST   ?= $(CROSS)g++
PKG_CONFIG ?= pkg-config
ifneq ($(SYSROOT),)
override CC += --sysroot=$(abspath $(SYSROOT))
override CXX_TEST += --sysroot=$(abspath $(SYSROOT))
# pkg-config is to see the sysroot's packages only, and to give paths below it.
SYSROOT_LIB := $(abspath $(SYSROOT))/usr/lib/$(CROSS:-=)/pkgconfig:$(abspath $(SYSROOT))/usr/share/pkgconfig
override PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(abspath $(SYSROOT)) PKG_CONFIG_LIBDIR=$(SYSROOT_LIB) $(PKG_CONFIG)
endif
CLANG_FORMAT ?= clang-format
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wvla
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DRUCHY_VERSION='"$(VERSION)"' -Iinclude -I. -g $(WARNINGS)
FLAGS_release := -O2 -fstack-protector-strong
FLAGS_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
# One small file: what runs per sample (STATIC_HOT) for speed, the rest for size; no tables of our own for unwinding it.
FLAGS_static  := -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
                 -fcf-protection=none
LDFLAGS_static := -static -s -Wl,--gc-sections -Wl,-z,noseparate-code
FLAGS_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
ifdef CI
BASE_FLAGS += -Werror
endif
CFLAGS  ?=
LDFLAGS ?=
ALL_CFLAGS  := $(BASE_FLAGS) $(FLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS := $(filter -fsanitize=%,$(FLAGS_$(VARIANT))) $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

# Commands are shown in short: what is made, from what.
ifeq ($(V),1)
run = $(2)
else
run = @printf '  %-5s %s\n' '$(1)' '$(if $(3),$(3),$@)'; $(2)
endif

# What each tool may link; make layers checks the includes.
pkg = $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null)
FORMAT_LIBS   = $(call pkg,--libs,libzstd)
CAPSTONE     := $(shell $(PKG_CONFIG) --exists capstone && echo capstone)
LIBUNWIND    := $(if $(filter x86_64 aarch64,$(ARCH)),$(shell $(PKG_CONFIG) --exists libunwind-generic && echo libunwind-generic))
ANALYZE_LIBS  = $(call pkg,--libs,libdw libelf libcjson libdeflate zlib $(LIBUNWIND) $(CAPSTONE)) -liberty -lm -pthread $(FORMAT_LIBS)
PACKAGES_CFLAGS = $(call pkg,--cflags,libzstd libdw libelf libcjson libdeflate zlib $(LIBUNWIND) cmocka) $(if $(LIBUNWIND),-DRUCHY_LIBUNWIND) $(if $(CAPSTONE),-DRUCHY_CAPSTONE)

FORMAT_SRC  := $(wildcard format/*.c)
RECORD_SRC  := $(wildcard record/*.c)
ANALYZE_SRC := $(wildcard analyze/*.c analyze/process/*.c analyze/unwind/*.c analyze/symbolize/*.c \
                 analyze/profile/*.c analyze/report/*.c analyze/diff/*.c)
DRIVER_SRC  := $(wildcard analyze/driver/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC   := $(wildcard tests/bench/*.c)
LIVE_SRC    := $(wildcard tests/live/*.c)
ALL_SRC     := $(FORMAT_SRC) $(RECORD_SRC) $(ANALYZE_SRC) $(DRIVER_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(LIVE_SRC)
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
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ -pthread $(FORMAT_LIBS))
$(B)/ruchy-analyze: $(ANALYZE_OBJ) $(FORMAT_OBJ)
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZE_LIBS))
$(B)/ruchy: $(call obj,$(DRIVER_SRC))
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(ALL_CFLAGS) $(if $(filter analyze/% tests/%,$<),$(PACKAGES_CFLAGS)) -MMD -MP -c -o $@ $<,$<)
-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC)))

# The flame graph's script and style are embedded as they are.
$(B)/analyze/report/report_flamegraph_script.o: analyze/report/flamegraph.js analyze/report/flamegraph.css

$(B)/analyze/report/html_page.o: $(wildcard analyze/report/page/*)

-include tests/programs/programs.mk
-include tests/pmu-lab/lab.mk

# Debian's own Python, for whose packages `make deps` cares, where there is one.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

# ---- what a stranger types ----
.PHONY: deps deps-build demo check
deps-build:
	sh tests/deps.sh build
deps: ## install what is missing to build and test (apt, and cargo and npm where they are)
	sh tests/deps.sh build test lab
	-sh tests/deps.sh browser
	sh tests/export/consumers.sh $(CONSUMERS)

demo: deps-build ## install, build, record a real program, show its hotspots
	$(MAKE) all demo-run

check: deps ## install, build, run every test, plain and with sanitizers
	$(MAKE) check-all
	@echo "make check: all passed"

.PHONY: check-all check-unit check-format check-cli check-live check-man asan
# What is built is built by all CPUs; tests run one after the other, as they judge shares of time.
JOBS := $(shell nproc 2>/dev/null || echo 1)
.PHONY: unit
unit: $(UNIT_BIN)
check-all:
	$(MAKE) -j$(JOBS) all programs unit
	$(MAKE) layers format-check lint
	$(MAKE) programs check-unit check-format check-man check-cli check-live check-export check-browser
	$(MAKE) asan tsan
	$(MAKE) check-pmu

# ---- tests ----
# A unit test may use everything but the mains.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(FORMAT_OBJ) $(RECORD_LIB) $(ANALYZE_LIB)
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZE_LIBS) $(call pkg,--libs,cmocka))
.SECONDARY: $(call obj,$(UNIT_SRC))

check-unit: $(UNIT_BIN) ## run the unit tests
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t 2>&1 | sed -e '/^\[ RUN/d' -e '/^\[       OK/d'; \
	  test $${PIPESTATUS[0]} -eq 0; done

check-format: all programs $(B)/tests/unit/test_cfi_rows ## a second reader, the golden traces, the JSON schema, recordings by others
	$(PYTHON) tests/format/read_trace.py --self-test
	bash tests/format/compare_readers.sh $(B) $(wildcard tests/golden/*.rtrace)
	bash tests/golden/check.sh $(B)
	bash tests/unwind/cfi.sh $(B) $(B)/programs
	$(PYTHON) tests/format/perfparser.py $(B)
	$(PYTHON) tests/symbolize/compare.py $(B)
	$(PYTHON) tests/format/validate_json.py --self-test tests/golden/kernel.json
	$(B)/ruchy-analyze -q --symfs tests/golden --perf-script $(B)/golden.script --folded $(B)/golden.folded \
	  --flame-graph $(B)/golden.svg tests/golden/dwarf.rtrace
	$(PYTHON) tests/format/check_stacks.py $(B)/golden.script $(B)/golden.folded $(B)/golden.svg

check-cli: all programs ## the command lines, their errors and exit statuses
	bash tests/cli/analyze.sh $(B) $(B)/programs
	bash tests/cli/jobs.sh $(B) $(B)/programs
	bash tests/cli/alloc.sh $(B)
	bash tests/cli/record.sh $(B)
	bash tests/cli/attach.sh $(B)
	$(PYTHON) tests/cli/survive.py $(if $(filter asan,$(VARIANT)),--kills 6 --sizes 3) --seed 1 $(B)
	bash tests/cli/targets.sh $(B)
	bash tests/cli/profile.sh $(B) $(B)/programs
	bash tests/cli/planted.sh $(B) $(B)/programs
	bash tests/cli/doctor.sh $(B)
	bash tests/cli/sources.sh $(B)
	bash tests/cli/pack.sh $(B) $(B)/programs
	bash tests/cli/links.sh $(B)
	bash tests/cli/diff.sh $(B)
	bash tests/cli/filter.sh $(B) $(B)/programs
	bash tests/cli/terminal.sh $(B)
	bash tests/cli/annotate.sh $(B)
	$(PYTHON) tests/cli/hostile.py $(B)

.PHONY: survive
survive: all ## kill, fill and stop recordings 200 and 50 times (check-cli does it 20 and 10 times)
	$(PYTHON) tests/cli/survive.py $(B) --kills 200 --sizes 50

# What --stack-privacy=redact makes of a recording: redact_trace IN OUT
$(B)/tests/live/redact_trace: $(B)/tests/live/redact_trace.o $(FORMAT_OBJ) $(RECORD_LIB)
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS))
check-live: all programs $(B)/tests/live/redact_trace ## record programs with known stacks, find those stacks
	$(PYTHON) tests/live/live.py $(B) $(B)/programs
	$(PYTHON) tests/live/privacy.py $(B) $(B)/programs
	$(PYTHON) tests/live/offcpu.py $(B) $(B)/programs
	$(PYTHON) tests/unwind/agree.py $(B) $(B)/programs
	$(PYTHON) tests/unwind/truth.py $(B) $(B)/programs

# What `make deps` installs to read our exports. SPEEDSCOPE: the directory of its npm package, for its schema and its
# importer. FLAMEGRAPH: of its scripts. EXPORT_TRACES: more recordings.
CONSUMERS = $(or $(RUCHY_CONSUMERS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ruchy-consumers)
EXPORT_TRACES ?= $(BENCH_CACHE)/cppcheck.rtrace
check-export bench-browser: export PATH := $(PATH):$(CONSUMERS)/bin
check-export: export SPEEDSCOPE := $(or $(SPEEDSCOPE),$(wildcard $(CONSUMERS)/node_modules/speedscope))
.PHONY: check-export
check-export: all programs ## what pprof, callgrind_annotate, speedscope read of our exports equals our report
	$(PYTHON) tests/export/check.py $(B) $(B)/programs $(EXPORT_TRACES)
	$(PYTHON) tests/export/speedscope.py $(B)

.PHONY: check-browser bench-browser
check-browser: all ## --html and --flame-graph in headless Chromium: click, search, select, compare with the JSON
	$(PYTHON) tests/browser/check.py $(B)
bench-browser: all ## how fast a browser opens and zooms 100,000 stacks, beside inferno's flame graph of them
	$(PYTHON) tests/browser/bench.py $(B)

check-man: all ## --help and man pages name the same flags; their examples are what is printed
	bash tests/cli/man.sh $(B)
	$(PYTHON) docs/examples.py $(B) --check

.PHONY: docs-pictures
docs-pictures: all ## record anew the pictures and example outputs of README, docs/ci.md and the man pages
	$(PYTHON) docs/examples.py $(B)

asan: ## build with AddressSanitizer and UBSan, run the unit, cli and live tests
	$(MAKE) -j$(JOBS) VARIANT=asan all programs unit
	$(MAKE) VARIANT=asan check-unit check-cli check-live

# Where there are threads: the pool, and the whole analyzer on kept traces.
TSAN_TESTS := test_pool test_unwind test_kernel_hits
.PHONY: tsan
tsan: ## build with ThreadSanitizer, run what has threads
	$(MAKE) -j$(JOBS) VARIANT=tsan all programs $(addprefix build/$(FOREIGN)tsan/tests/unit/,$(TSAN_TESTS))
	$(MAKE) VARIANT=tsan tsan-run
.PHONY: tsan-run
tsan-run: $(addprefix $(B)/tests/unit/,$(TSAN_TESTS)) all programs
	@set -e; for t in $(TSAN_TESTS); do $(B)/tests/unit/$$t; done
	TSAN_OPTIONS="$(TSAN_OPTIONS)" bash tests/cli/jobs.sh $(B) $(B)/programs

# ---- fuzzing: make fuzz FUZZ_SECONDS=60, -j N for N targets at a time; make fuzz-cfi for one ----
# What is found grows in build/fuzz/corpus/TARGET, TARGET.log tells how; a crash is left beside it and goes
# to tests/fuzz/corpus.
FUZZ_SECONDS ?= 60
FUZZ_LINK    := -fsanitize=fuzzer,address,undefined
FUZZ_BIN     := $(patsubst %.c,build/fuzz/%,$(FUZZ_SRC))
FUZZ_SEEDS   := $(wildcard tests/fuzz/corpus/* tests/fuzz/corpus-dwarf/* tests/golden/*.rtrace tests/golden/*.x86_64 \
                  $(addprefix $(RUCHY_CORPORA)/,quipper/perf.data.*[0-9] linux-perf-data/*.data simpleperf/*.data))
FUZZ_FLAGS   := -max_len=65536 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
FUZZ_CC      ?= clang
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
comma        := ,
empty        :=
.SECONDARY: $(call obj,$(FUZZ_SRC))
.PHONY: fuzz fuzz-bin $(addprefix fuzz-,$(FUZZ_NAMES))
build/fuzz/tests/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(FORMAT_OBJ) $(ANALYZE_LIB)
	$(call run,LINK,$(CC) $(FUZZ_LINK) -o $@ $^ $(ANALYZE_LIBS))
fuzz-bin:
	$(MAKE) VARIANT=fuzz CC="$(FUZZ_CC)" $(FUZZ_BIN)
fuzz: $(addprefix fuzz-,$(FUZZ_NAMES)) ## run every fuzz target (clang), FUZZ_SECONDS each
$(addprefix fuzz-,$(FUZZ_NAMES)): fuzz-%: fuzz-bin
	@corpus=build/fuzz/corpus/fuzz_$*; mkdir -p $$corpus; \
	if build/fuzz/tests/fuzz/fuzz_$* $(FUZZ_FLAGS) -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$$corpus- \
	  $(if $(FUZZ_SEEDS),-seed_inputs=$(subst $(empty) $(empty),$(comma),$(strip $(FUZZ_SEEDS)))) $$corpus >$$corpus.log 2>&1; \
	then echo "fuzz $*: clean; $$(sed -n 's/^Done //p' $$corpus.log), $$(grep -o 'cov: [0-9]*' $$corpus.log | tail -n 1)"; \
	else echo "fuzz $*: FAILED, $$corpus.log:"; tail -n 40 $$corpus.log; exit 1; fi

# ---- keeping it clean ----
.PHONY: format format-check lint layers
format: ## lay out the C files by .clang-format
	$(CLANG_FORMAT) -i $(C_FILES)
format-check: ## are they?
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
layers: ## who includes whom
	bash tests/layers.sh
# What cppcheck 2.10 only gets wrong here (ownership that moves, out-parameters); ASan and gcc watch the same.
CPPCHECK_WRONG := $(addprefix --suppress=,memleak memleakOnRealloc ctuuninitvar ctunullpointer shiftTooManyBitsSigned)
lint: ## clang's warnings as errors, cppcheck
	@echo '  clang -fsyntax-only'
	@clang -fsyntax-only -Werror $(BASE_FLAGS) $(PACKAGES_CFLAGS) $(filter-out $(FUZZ_SRC),$(ALL_SRC))
	@echo '  cppcheck'
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
	  --suppress=missingIncludeSystem $(CPPCHECK_WRONG) -Iinclude -I. $(FORMAT_SRC) $(RECORD_SRC) $(ANALYZE_SRC) $(DRIVER_SRC)

# ---- measuring, shipping ----
.PHONY: bench bench-deps bench-programs bench-analyze bench-scale bench-unwind static install help
bench: all programs ## overhead and speed beside perf's, in one run
	$(PYTHON) tests/bench/bench.py $(B) $(B)/programs
	$(PYTHON) tests/unwind/truth.py --large $(B) $(B)/programs
BENCH_HELPERS := $(addprefix $(B)/tests/bench/,floor stopwatch forks threads)
$(B)/tests/bench/floor $(B)/tests/bench/stopwatch: $(B)/tests/bench/%: tests/bench/%.c
$(B)/tests/bench/forks $(B)/tests/bench/threads: $(B)/tests/bench/%: tests/bench/programs/%.c
$(BENCH_HELPERS):
	@mkdir -p $(@D)
	$(call run,CC,$(CC) -std=gnu11 -O2 $(WARNINGS) -pthread -o $@ $<)
OVERHEAD_RUNS ?= 30
.PHONY: bench-overhead
bench-overhead: bench-deps bench-programs $(BENCH_HELPERS) ## what recording costs the program, with statistics, beside perf (an hour)
	$(PYTHON) tests/bench/overhead.py --runs $(OVERHEAD_RUNS) --json $(B)/bench-overhead.json $(B) $(BENCH_CACHE)

.PHONY: bench-sweep
bench-sweep: all bench-programs $(BENCH_HELPERS) ## other stack sizes, ring sizes and watermarks than the default ones (10 minutes)
	$(PYTHON) tests/bench/sweep.py $(B) $(BENCH_CACHE)

bench-deps: ## install what the analysis is measured beside: perf, hotspot, addr2line of three kinds
	sh tests/deps.sh bench
# A long recording from a short one: repeat_trace SAMPLES IN OUT
$(B)/tests/bench/repeat_trace: $(B)/tests/bench/repeat_trace.o $(FORMAT_OBJ)
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS))
bench-programs: all ## build and record what the analysis is measured on, in ~/.cache/ruchy-bench (2 GB)
	bash tests/bench/programs.sh $(B)
BENCH_CACHE  = $(or $(RUCHY_BENCH_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ruchy-bench)
BENCH_RUNS  ?= 5
bench-analyze: bench-deps bench-programs $(B)/tests/bench/repeat_trace ## speed of the analysis beside perf's, hotspot's and addr2line's
	$(PYTHON) tests/bench/analyze.py --runs $(BENCH_RUNS) --json $(B)/bench-analyze.json $(B) $(BENCH_CACHE)
bench-scale: bench-programs $(B)/tests/bench/repeat_trace ## time and memory of 1 and of 10 million samples
	$(PYTHON) tests/bench/analyze.py --runs $(BENCH_RUNS) --only scale --json $(B)/bench-scale.json $(B) $(BENCH_CACHE)

# One core, warm, nothing else: what decoding, walking and counting cost. UNWIND_TRACES: which recordings.
UNWIND_TRACES ?= $(wildcard $(HOME)/.cache/ruchy-bench/*.rtrace)
$(B)/tests/bench/unwind_speed: $(B)/tests/bench/unwind_speed.o $(FORMAT_OBJ) $(ANALYZE_LIB)
	$(call run,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ANALYZE_LIBS))
bench-unwind: $(B)/tests/bench/unwind_speed ## nanoseconds per frame and samples per second of one core
	$< $(UNWIND_TRACES)

STATIC_B := build/$(FOREIGN)static
STATIC_HOT := format/stack_share format/compact format/stack_patch format/stack_image format/perf_record record/ring \
              record/redact record/kernel_hits
# The recorder compresses at zstd's low levels only, and zstd has its searches for the high ones (a quarter of a megabyte)
# in a table: here these names are all codec_absent, which ends the program. A zstd with other names links whole.
ZSTD_HIGH := compressBlock_btlazy2 compressBlock_btlazy2_dictMatchState compressBlock_btlazy2_extDict \
             compressBlock_btopt compressBlock_btopt_dictMatchState compressBlock_btopt_extDict \
             compressBlock_btultra compressBlock_btultra2 compressBlock_btultra_dictMatchState \
             compressBlock_btultra_extDict compressBlock_greedy compressBlock_greedy_dedicatedDictSearch \
             compressBlock_greedy_dedicatedDictSearch_row compressBlock_greedy_dictMatchState \
             compressBlock_greedy_dictMatchState_row compressBlock_greedy_extDict \
             compressBlock_greedy_extDict_row compressBlock_greedy_row compressBlock_lazy compressBlock_lazy2 \
             compressBlock_lazy2_dedicatedDictSearch compressBlock_lazy2_dedicatedDictSearch_row \
             compressBlock_lazy2_dictMatchState compressBlock_lazy2_dictMatchState_row \
             compressBlock_lazy2_extDict compressBlock_lazy2_extDict_row compressBlock_lazy2_row \
             compressBlock_lazy_dedicatedDictSearch compressBlock_lazy_dedicatedDictSearch_row \
             compressBlock_lazy_dictMatchState compressBlock_lazy_dictMatchState_row compressBlock_lazy_extDict \
             compressBlock_lazy_extDict_row compressBlock_lazy_row dedicatedDictSearch_lazy_loadDictionary \
             insertAndFindFirstIndex row_update updateTree
ifeq ($(VARIANT),static)
$(addprefix $(B)/,$(addsuffix .o,$(STATIC_HOT))): private ALL_CFLAGS += -O2
$(B)/ruchy-record: private ALL_LDFLAGS += $(ZSTD_HIGH:%=-Wl,--defsym=ZSTD_%=codec_absent)
endif
static: ## build/static/ruchy-record, one file for any target of this architecture (or of CROSS)
	$(MAKE) VARIANT=static B=$(STATIC_B) $(STATIC_B)/ruchy-record

install: all ## PREFIX (/usr/local), DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 docs/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5

.PHONY: clean
clean: ## remove build/ and demo/
	rm -rf build demo

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 18
