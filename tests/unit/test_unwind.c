/* SPDX-License-Identifier: MIT */
/*
 * Unwinding this very process: functions call each other and take their own registers and stack
 * bytes as the kernel would; the walk has to find exactly them, and to say how it ended when
 * bytes, registers or mappings are missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "analyze/pool.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/symbolize.h"
#include "analyze/unwind/regs.h"
#include "analyze/unwind/unwind.h"
#include "ruchy/bytes.h"

#define PID         77
#define DUMP_MAX    131072 /* the fixture is on it */
#define N_PERF_REGS 24
#define KERNEL_IP   0xffffffff81234567ull

#ifdef __x86_64__

/* A sample, as the kernel would take it here. */
static struct {
	uint8_t regs[8 * N_PERF_REGS];
	uint8_t stack[DUMP_MAX];
	uint64_t sp, size;
} shot;

/* Reads the stack across the redzones that ASan puts there. */
__attribute__((no_sanitize("address"), noinline)) static void copy_stack(uint64_t sp, uint64_t end)
{
	const volatile uint8_t *from = (const volatile uint8_t *)(uintptr_t)sp;

	shot.sp = sp;
	shot.size = end - sp < DUMP_MAX ? end - sp : DUMP_MAX;
	for (uint64_t i = 0; i < shot.size; i++)
		shot.stack[i] = from[i];
}

static void store_regs(const greg_t *g)
{
	/* by PERF_REG_X86_*: AX BX CX DX SI DI BP SP IP, six that we don't have, R8 ... R15 */
	static const int order[N_PERF_REGS] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI,
						REG_RDI, REG_RBP, REG_RSP, REG_RIP, -1,
						-1,      -1,      -1,      -1,      -1,
						-1,      REG_R8,  REG_R9,  REG_R10, REG_R11,
						REG_R12, REG_R13, REG_R14, REG_R15 };

	for (int i = 0; i < N_PERF_REGS; i++)
		ruchy_store64(shot.regs + 8 * i, order[i] < 0 ? 0 : (uint64_t)g[order[i]]);
}

static uint64_t stack_end(void)
{
	char line[512];
	unsigned long start, end = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	fclose(maps);
	assert_true(end);
	return end;
}

static uint64_t stack_top;

/* Take the sample where the caller is. */
#define TAKE()                                                                       \
	do {                                                                         \
		ucontext_t context;                                                  \
		getcontext(&context);                                                \
		store_regs(context.uc_mcontext.gregs);                               \
		copy_stack((uint64_t)context.uc_mcontext.gregs[REG_RSP], stack_top); \
	} while (0)

static volatile int sink;

__attribute__((noinline, used)) static int chain_leaf(int n)
{
	TAKE();
	sink += n;
	return sink;
}

__attribute__((noinline, used)) static int chain_middle(int n)
{
	char room[9000]; /* a frame of more than two pages */

	memset(room, n, sizeof(room));
	sink += room[n];
	return chain_leaf(n + 1) + room[n + 1];
}

__attribute__((noinline, used)) static int chain_recursive(int n)
{
	int below = n ? chain_recursive(n - 1) : chain_middle(1);

	__asm__ volatile("" : "+r"(below)); /* neither a loop nor a tail call */
	return below + 1;
}

/* ---- the world around the sample ---- */

struct fixture {
	struct module_table *modules;
	struct trace_meta meta;
	struct process_table *processes;
	struct unwind_tables *tables;
	struct unwinder *unwinder;
	struct stack stack;
	struct event sample;
};

/* What perf would have said of our mappings; of `skip` (part of a path) it says nothing. */
static void feed_maps(struct fixture *f, const char *skip)
{
	char line[512], prot[8], path[400];
	unsigned long start, end, offset;
	FILE *maps = fopen("/proc/self/maps", "r");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };

		path[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %399s", &start, &end, prot, &offset,
			   path) < 4)
			continue;
		if (prot[2] != 'x' || (skip && strstr(path, skip)))
			continue;
		ev.mmap = (struct event_mmap){ .pid = PID,
					       .start = start,
					       .length = end - start,
					       .pgoff = offset,
					       .executable = true,
					       .path = path };
		assert_int_equal(process_table_apply(f->processes, &ev), 0);
	}
	fclose(maps);
}

static void setup(struct fixture *f, const char *skip)
{
	memset(f, 0, sizeof(*f));
	f->modules = module_table_new(NULL);
	f->processes = process_table_new(f->modules, &f->meta);
	f->tables = unwind_tables_new(f->modules);
	assert_int_equal(unwinder_new(&f->meta, f->tables, &f->unwinder, NULL), 0);
	feed_maps(f, skip);
	f->sample.type = PERF_RECORD_SAMPLE;
	f->sample.misc = PERF_RECORD_MISC_USER;
	f->sample.pid = f->sample.tid = PID;
	f->sample.time_ns = 1;
	f->sample.sample.regs = (struct sample_regs){ .abi = PERF_SAMPLE_REGS_ABI_64,
						      .mask = 0xff01ff,
						      .values = NULL };
	f->sample.sample.stack = (struct sample_stack){
		.sp = shot.sp, .size = shot.size, .head = shot.stack, .head_size = shot.size
	};
}

/* The registers of `shot` under the sample's mask. */
static void pack_regs(struct fixture *f, uint8_t *values)
{
	size_t n = 0;

	for (unsigned i = 0; i < N_PERF_REGS; i++)
		if (f->sample.sample.regs.mask >> i & 1)
			memcpy(values + 8 * n++, shot.regs + 8 * i, 8);
	f->sample.sample.regs.values = values;
}

/* Quick steps are to lead where those by all rules do. */
static void expect_exact(struct fixture *f)
{
	struct unwinder *exact;
	struct stack *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(unwinder_new(&f->meta, f->tables, &exact, NULL), 0);
	assert_int_equal(unwinder_use(exact, UNWIND_EXACT, NULL), 0);
	unwinder_walk(exact, f->processes, &f->sample, s);
	assert_int_equal(f->stack.end, s->end);
	assert_int_equal(f->stack.n_frames, s->n_frames);
	assert_memory_equal(f->stack.frames, s->frames, s->n_frames * sizeof(s->frames[0]));
	unwinder_free(exact);
	free(s);
}

static void walk(struct fixture *f)
{
	uint8_t values[8 * N_PERF_REGS];

	pack_regs(f, values);
	assert_int_equal(unwind_tables_prepare(f->tables), 0);
	unwinder_walk(f->unwinder, f->processes, &f->sample, &f->stack);
	expect_exact(f);
}

static void teardown(struct fixture *f)
{
	unwinder_free(f->unwinder);
	unwind_tables_free(f->tables);
	process_table_free(f->processes);
	module_table_free(f->modules);
}

/* The physical functions of the stack, leaf first, joined by spaces. */
static void names(struct fixture *f, char *text, size_t size)
{
	struct symbolizer *s = symbolizer_new(f->modules, NULL, false);
	size_t at = 0;

	text[0] = 0;
	for (size_t i = 0; i < f->stack.n_frames && at < size; i++) {
		struct symbol_list list;

		assert_int_equal(symbolizer_run(s, &f->stack.frames[i], 1, &list), 0);
		at += (size_t)snprintf(text + at, size - at, "%s ", list.symbols[0].function);
	}
	symbolizer_free(s);
}

static const char full_chain[] =
	"chain_leaf chain_middle chain_recursive chain_recursive chain_recursive "
	"test_";

static void test_walk_whole_stack(void **state)
{
	struct fixture f;
	char text[4096];

	(void)state;
	chain_recursive(2);
	setup(&f, NULL);
	walk(&f);
	names(&f, text, sizeof(text));
	assert_int_equal(f.stack.end, STACK_END_ENTRY);
	assert_int_equal(strncmp(text, full_chain, strlen(full_chain)), 0);
	/* main's caller is local to the C library: named only where its debug symbols are
	 * installed. */
	assert_true(strstr(text, " main __libc_start_") || strstr(text, " main libc.so"));
	assert_string_equal(text + strlen(text) - 7, "_start ");
	assert_int_equal(f.stack.frames[0].flags, 0);
	assert_int_equal(f.stack.frames[0].sp, shot.sp);
	for (size_t i = 1; i < f.stack.n_frames; i++) {
		assert_int_equal(f.stack.frames[i].flags, STACK_FRAME_RETURN);
		assert_true(f.stack.frames[i].sp > f.stack.frames[i - 1].sp);
	}
	/* the frame with the 9000 bytes is the middle's */
	assert_true(f.stack.frames[2].sp - f.stack.frames[1].sp > 9000);
	teardown(&f);
}

/* Cut at every 64 bytes: always a part of the whole stack from the leaf on, never anything else. */
static void test_walk_cut_dump_is_a_prefix(void **state)
{
	struct stack whole;
	struct fixture f;

	(void)state;
	chain_recursive(2);
	setup(&f, NULL);
	walk(&f);
	whole = f.stack;
	for (uint64_t size = 0; size < shot.size; size += 64) {
		f.sample.sample.stack.size = f.sample.sample.stack.head_size = size;
		walk(&f);
		assert_true(f.stack.n_frames >= 1 && f.stack.n_frames <= whole.n_frames);
		assert_memory_equal(f.stack.frames, whole.frames,
				    f.stack.n_frames * sizeof(whole.frames[0]));
		if (f.stack.n_frames < whole.n_frames)
			assert_int_equal(f.stack.end, STACK_END_TRUNCATED);
	}
	teardown(&f);
}

/* Every subset of registers: the same stack, or a part of it, or an honest end; never a wrong
 * frame. */
static void test_walk_missing_registers(void **state)
{
	struct stack whole;
	struct fixture f;

	(void)state;
	chain_recursive(2);
	setup(&f, NULL);
	walk(&f);
	whole = f.stack;
	for (unsigned reg = 0; reg < N_PERF_REGS; reg++) {
		if (!(0xff01ffu >> reg & 1) || reg == 7)
			continue;
		f.sample.sample.regs.mask = 0xff01ffu & ~(1u << reg);
		f.sample.sample.ip = ruchy_load64(shot.regs + 8 * 8);
		walk(&f);
		assert_true(f.stack.n_frames <= whole.n_frames);
		assert_memory_equal(f.stack.frames, whole.frames,
				    f.stack.n_frames * sizeof(whole.frames[0]));
		if (f.stack.n_frames < whole.n_frames)
			assert_int_equal(f.stack.end, STACK_END_NO_REGISTERS);
	}
	/* without SP nothing can be walked */
	f.sample.sample.regs.mask = 0xff01ffu & ~(1u << 7);
	walk(&f);
	assert_int_equal(f.stack.n_frames, 1);
	assert_int_equal(f.stack.end, STACK_END_NO_REGISTERS);
	teardown(&f);
}

/* The kernel says -1 for callee-saved registers that it does not know. */
static void test_walk_unknown_callee_saved(void **state)
{
	static const unsigned saved[] = { 1, 6, 20, 21, 22, 23 };
	uint8_t values[8 * N_PERF_REGS];
	struct stack without;
	struct fixture f;

	(void)state;
	chain_recursive(2);
	setup(&f, NULL);
	for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++)
		f.sample.sample.regs.mask &= ~(1ull << saved[i]);
	walk(&f);
	without = f.stack;
	f.sample.sample.regs.mask = 0xff01ff;
	for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++)
		memset(shot.regs + 8 * saved[i], 0xff, 8);
	pack_regs(&f, values);
	walk(&f);
	assert_int_equal(f.stack.end, without.end);
	assert_int_equal(f.stack.n_frames, without.n_frames);
	teardown(&f);
}

static void test_walk_missing_things(void **state)
{
	struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };
	struct fixture f;

	(void)state;
	chain_recursive(2);
	/* the mapping of our own code is not known */
	setup(&f, "test_unwind");
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_MAPPING);
	assert_int_equal(f.stack.n_frames, 1);
	assert_int_equal(f.stack.frames[0].module, MODULE_NONE);
	/* it is, and its file is gone */
	ev.mmap = (struct event_mmap){ .pid = PID,
				       .start = (uintptr_t)chain_leaf & ~0xfffffull,
				       .length = 0x200000,
				       .executable = true,
				       .path = "/nowhere/test_unwind" };
	ev.time_ns = 0;
	assert_int_equal(process_table_apply(f.processes, &ev), 0);
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_MODULE);
	assert_int_equal(f.stack.n_frames, 1);
	teardown(&f);
	/* 32-bit registers are not ours to read */
	setup(&f, NULL);
	f.sample.sample.regs.abi = PERF_SAMPLE_REGS_ABI_32;
	f.sample.sample.ip = ruchy_load64(shot.regs + 8 * 8);
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_REGISTERS);
	assert_int_equal(f.stack.n_frames, 1);
	teardown(&f);
}

/* ---- signal frames ---- */

static void on_signal(int number)
{
	sink += number;
	TAKE();
}

/* The interrupted function's pc is where it was, not behind a call: raise() would be a call, so the
 * fault comes from an instruction of our own. */
__attribute__((noinline, used)) static void interrupted(void)
{
	__asm__ volatile("ud2");
}

static void on_ill(int number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)info;
	on_signal(number);
	c->uc_mcontext.gregs[REG_RIP] += 2; /* behind ud2 */
}

static void test_walk_through_signal_frame(void **state)
{
	struct sigaction action = { .sa_sigaction = on_ill, .sa_flags = SA_SIGINFO }, old;
	struct fixture f;
	char text[4096];

	(void)state;
#ifdef __SANITIZE_THREAD__
	print_message("SKIP: ThreadSanitizer calls signal handlers from a frame of its own\n");
	skip();
#endif
	assert_int_equal(sigaction(SIGILL, &action, &old), 0);
	interrupted();
	assert_int_equal(sigaction(SIGILL, &old, NULL), 0);
	setup(&f, NULL);
	walk(&f);
	names(&f, text, sizeof(text));
	assert_int_equal(f.stack.end, STACK_END_ENTRY);
	assert_int_equal(strncmp(text, "on_signal on_ill ", 17), 0);
	assert_non_null(strstr(text, " interrupted test_walk_through_signal_frame "));
	/* on_signal, on_ill, __restore_rt, and then the exact pc */
	assert_int_equal(f.stack.frames[3].flags, 0);
	teardown(&f);
}

/* ---- callchains ---- */

static void test_walk_kernel_part(void **state)
{
	uint8_t chain[8 * 4];
	struct fixture f;

	(void)state;
	chain_recursive(2);
	ruchy_store64(chain, (uint64_t)PERF_CONTEXT_KERNEL);
	ruchy_store64(chain + 8, KERNEL_IP);
	ruchy_store64(chain + 16, KERNEL_IP + 256);
	setup(&f, NULL);
	f.sample.misc = PERF_RECORD_MISC_KERNEL;
	f.sample.sample.walkable = true;
	f.sample.sample.callchain = chain;
	f.sample.sample.n_callchain = 3;
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_ENTRY);
	assert_int_equal(f.stack.frames[0].address, KERNEL_IP);
	assert_int_equal(f.stack.frames[0].flags, STACK_FRAME_KERNEL);
	assert_int_equal(f.stack.frames[1].address, KERNEL_IP + 255);
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_KERNEL | STACK_FRAME_RETURN);
	assert_int_equal(f.stack.frames[2].flags, 0);
	/* a kernel thread has no user part */
	f.sample.sample.regs.abi = 0;
	f.sample.sample.stack.size = 0;
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_KERNEL_ONLY);
	assert_int_equal(f.stack.n_frames, 2);
	/* and without a callchain the ip is all there is: nobody knows of a user part */
	f.sample.sample.n_callchain = 0;
	f.sample.sample.ip = KERNEL_IP;
	f.sample.sample.walkable = false;
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_REGISTERS);
	assert_int_equal(f.stack.n_frames, 1);
	assert_int_equal(f.stack.frames[0].address, KERNEL_IP);
	teardown(&f);
}

/* A recording by frame pointers: the kernel's chain is all. */
static void test_walk_user_callchain(void **state)
{
	uint8_t chain[8 * 8];
	uint64_t leaf = (uintptr_t)chain_leaf + 4, middle = (uintptr_t)chain_middle + 9;
	struct fixture f;
	char text[512];

	(void)state;
	setup(&f, NULL);
	memset(&f.sample.sample.regs, 0, sizeof(f.sample.sample.regs));
	memset(&f.sample.sample.stack, 0, sizeof(f.sample.sample.stack));
	ruchy_store64(chain, (uint64_t)PERF_CONTEXT_USER);
	ruchy_store64(chain + 8, leaf);
	ruchy_store64(chain + 16, middle);
	ruchy_store64(chain + 24, 1); /* what the last frame pointer led to */
	f.sample.sample.callchain = chain;
	f.sample.sample.n_callchain = 3;
	assert_int_equal(unwind_tables_prepare(f.tables), 0);
	unwinder_walk(f.unwinder, f.processes, &f.sample, &f.stack);
	names(&f, text, sizeof(text));
	assert_string_equal(text, "chain_leaf chain_middle ");
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_RETURN);
	assert_int_equal(f.stack.end, STACK_END_NO_CFI);
	teardown(&f);
}

/* The CPU's own record of calls: what its frame pointers say is not asked for. */
static void test_walk_lbr_call_stack(void **state)
{
	uint8_t chain[8 * 3], branches[24 * 32] = { 0 };
	struct event_sample *s;
	struct fixture f;
	char text[512];

	(void)state;
	setup(&f, NULL);
	s = &f.sample.sample;
	memset(&s->regs, 0, sizeof(s->regs));
	memset(&s->stack, 0, sizeof(s->stack));
	ruchy_store64(chain, (uint64_t)PERF_CONTEXT_USER);
	ruchy_store64(chain + 8, (uintptr_t)chain_leaf + 4);
	ruchy_store64(chain + 16, KERNEL_IP & 0xffff); /* where frame pointers led */
	s->callchain = chain;
	s->n_callchain = 3;
	/* a call at the very first byte of its function still is in it */
	ruchy_store64(branches, (uintptr_t)chain_middle);
	ruchy_store64(branches + 8, (uintptr_t)chain_leaf);
	s->branches = branches;
	s->n_branches = 1;
	s->call_stack = true;
	assert_int_equal(unwind_tables_prepare(f.tables), 0);
	unwinder_walk(f.unwinder, f.processes, &f.sample, &f.stack);
	names(&f, text, sizeof(text));
	assert_string_equal(text, "chain_leaf chain_middle ");
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_RETURN);
	assert_int_equal(f.stack.end, STACK_END_NO_CFI);
	/* as many as the CPU can remember: there may have been more */
	for (unsigned i = 1; i < 32; i++)
		ruchy_store64(branches + (size_t)i * 24, (uintptr_t)chain_middle + 1);
	s->n_branches = 32;
	unwinder_walk(f.unwinder, f.processes, &f.sample, &f.stack);
	assert_int_equal(f.stack.n_frames, 33);
	assert_int_equal(f.stack.end, STACK_END_LIMIT);
	/* branches that are any branches are no call stack */
	s->call_stack = false;
	unwinder_walk(f.unwinder, f.processes, &f.sample, &f.stack);
	assert_int_equal(f.stack.n_frames, 2);
	teardown(&f);
}

/* ---- frame pointers where there is no CFI ---- */

/* Code of a JIT compiler: anonymous memory, frames by rbp. Its caller is chain_middle. */
static void test_walk_frame_pointer_fallback(void **state)
{
	struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };
	uint8_t stack[64] = { 0 };
	struct fixture f;
	char text[512];

	(void)state;
	memset(&shot, 0, sizeof(shot));
	setup(&f, NULL);
	ev.mmap = (struct event_mmap){
		.pid = PID, .start = 0x10000, .length = 0x1000, .executable = true, .path = "//anon"
	};
	assert_int_equal(process_table_apply(f.processes, &ev), 0);
	ruchy_store64(shot.regs + 8 * 8, 0x10100); /* ip */
	ruchy_store64(shot.regs + 8 * 7, 0x7000);  /* sp */
	ruchy_store64(shot.regs + 8 * 6, 0x7010);  /* bp */
	ruchy_store64(stack + 0x10, 0x7020);       /* the caller's bp */
	ruchy_store64(stack + 0x18, 0x10200);      /* a JIT frame again */
	ruchy_store64(stack + 0x20, 0x9000);       /* above the dump */
	ruchy_store64(stack + 0x28, (uint64_t)(uintptr_t)chain_middle + 100); /* compiled code */
	f.sample.sample.stack = (struct sample_stack){
		.sp = 0x7000, .size = sizeof(stack), .head = stack, .head_size = sizeof(stack)
	};
	walk(&f);
	names(&f, text, sizeof(text));
	assert_string_equal(text, "[unknown] [unknown] chain_middle ");
	assert_int_equal(f.stack.frames[0].flags, 0);
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_RETURN | STACK_FRAME_FALLBACK);
	assert_int_equal(f.stack.frames[2].flags, STACK_FRAME_RETURN | STACK_FRAME_FALLBACK);
	assert_int_equal(f.stack.frames[1].address, 0x101ff);
	/* a return address in no mapping, a frame pointer that goes down, or below SP: no guess */
	ruchy_store64(stack + 0x18, 0x666000);
	walk(&f);
	assert_int_equal(f.stack.n_frames, 1);
	assert_int_equal(f.stack.end, STACK_END_NO_CFI);
	ruchy_store64(stack + 0x18, 0x10200);
	ruchy_store64(stack + 0x10, 0x7008);
	walk(&f);
	assert_int_equal(f.stack.n_frames, 1);
	ruchy_store64(shot.regs + 8 * 6, 0x6ff0);
	walk(&f);
	assert_int_equal(f.stack.n_frames, 1);
	assert_int_equal(f.stack.end, STACK_END_NO_CFI);
	teardown(&f);
}

static void test_new_refuses_other_machines(void **state)
{
	struct module_table *t = module_table_new(NULL);
	struct unwind_tables *tables = unwind_tables_new(t);
	struct ruchy_error err = { 0 };
	struct unwinder *u = NULL;
	char sparc64[] = "sparc64", aarch64[] = "aarch64";
	struct trace_meta meta = { .arch = sparc64 };

	(void)state;
	assert_int_equal(unwinder_new(&meta, tables, &u, &err), RUCHY_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "sparc64"));
	meta.arch = NULL;
	assert_int_equal(unwinder_new(&meta, tables, &u, &err), 0);
	unwinder_free(u);
	meta.arch = aarch64;
	assert_int_equal(unwinder_new(&meta, tables, &u, &err), 0);
	unwinder_free(u);
	unwind_tables_free(tables);
	module_table_free(t);
}

/* ---- exec ---- */

/* A COMM of this kind ends an image at `time_ns`. */
static void feed_exec(struct fixture *f, uint64_t time_ns)
{
	struct event ev = { .type = PERF_RECORD_COMM, .time_ns = time_ns };

	ev.comm.pid = ev.comm.tid = PID;
	ev.comm.exec = true;
	ev.comm.name = "next";
	assert_int_equal(process_table_apply(f->processes, &ev), 0);
}

/* In the kernel, with the registers of a program that is gone: where it called the kernel is known,
 * and only if it did. */
static void test_walk_inside_exec(void **state)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)syscall;
	uint64_t pc = (uint64_t)(uintptr_t)code;
	struct fixture f;
	char text[4096];

	(void)state;
	while (code[0] != 0x0f || code[1] != 0x05)
		code++;
	pc = (uint64_t)(uintptr_t)(code + 2);
	chain_recursive(2);
	setup(&f, NULL);
	feed_exec(&f, 5);
	f.sample.misc = PERF_RECORD_MISC_KERNEL;
	f.sample.sample.ip = KERNEL_IP;
	f.sample.time_ns = 6;
	ruchy_store64(shot.regs + 8 * 8, pc);
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_EXEC);
	assert_true(stack_end_is_complete(f.stack.end));
	assert_int_equal(f.stack.n_frames, 2);
	names(&f, text, sizeof(text));
	assert_string_equal(strchr(text, ' ') + 1, "syscall ");
	/* no system call there */
	ruchy_store64(shot.regs + 8 * 8, pc - 1);
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_MAPPING);
	/* user code that runs is mapped, or we don't know of it */
	ruchy_store64(shot.regs + 8 * 8, pc);
	f.sample.misc = PERF_RECORD_MISC_USER;
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_MAPPING);
	/* before the exec */
	f.sample.misc = PERF_RECORD_MISC_KERNEL;
	f.sample.time_ns = 4;
	walk(&f);
	assert_int_not_equal(f.stack.end, STACK_END_EXEC);
	assert_int_not_equal(f.stack.frames[1].module, MODULE_NONE); /* then it leads anywhere */
	/* another thread cannot be in exec: the first thread is all that is left */
	f.sample.time_ns = 6;
	f.sample.tid = PID + 1;
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_NO_MAPPING);
	teardown(&f);
}

/* ---- several unwinders at once ---- */

#define CROWD 4

struct crowd {
	struct fixture *f;
	struct unwinder *unwinders[CROWD];
	struct stack *stacks; /* one each */
};

static int walk_in_crowd(void *arg, size_t job, unsigned worker)
{
	struct crowd *c = arg;

	(void)worker;
	for (int i = 0; i < 50; i++)
		unwinder_walk(c->unwinders[job], c->f->processes, &c->f->sample, &c->stacks[job]);
	return 0;
}

/* Modules are opened and rows decoded by whoever comes first, and all see the same. */
static void test_walk_in_parallel(void **state)
{
	struct pool *pool = pool_new(CROWD);
	uint8_t values[8 * N_PERF_REGS];
	struct crowd c = { 0 };
	struct fixture f;

	(void)state;
	chain_recursive(2);
	setup(&f, NULL);
	pack_regs(&f, values);
	c.f = &f;
	c.stacks = calloc(CROWD, sizeof(*c.stacks));
	assert_non_null(c.stacks);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(unwinder_new(&f.meta, f.tables, &c.unwinders[i], NULL), 0);
	assert_int_equal(unwind_tables_prepare(f.tables), 0);
	assert_int_equal(pool_run(pool, CROWD, walk_in_crowd, &c), 0);
	walk(&f);
	assert_int_equal(f.stack.end, STACK_END_ENTRY);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_int_equal(c.stacks[i].end, f.stack.end);
		assert_int_equal(c.stacks[i].n_frames, f.stack.n_frames);
		assert_memory_equal(c.stacks[i].frames, f.stack.frames,
				    f.stack.n_frames * sizeof(f.stack.frames[0]));
		unwinder_free(c.unwinders[i]);
	}
	free(c.stacks);
	pool_free(pool);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_whole_stack),
		cmocka_unit_test(test_walk_cut_dump_is_a_prefix),
		cmocka_unit_test(test_walk_missing_registers),
		cmocka_unit_test(test_walk_unknown_callee_saved),
		cmocka_unit_test(test_walk_missing_things),
		cmocka_unit_test(test_walk_through_signal_frame),
		cmocka_unit_test(test_walk_kernel_part),
		cmocka_unit_test(test_walk_user_callchain),
		cmocka_unit_test(test_walk_lbr_call_stack),
		cmocka_unit_test(test_walk_frame_pointer_fallback),
		cmocka_unit_test(test_new_refuses_other_machines),
		cmocka_unit_test(test_walk_inside_exec),
		cmocka_unit_test(test_walk_in_parallel),
	};

	stack_top = stack_end();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	printf("SKIP: this test takes x86-64 registers\n");
	return 0;
}

#endif
