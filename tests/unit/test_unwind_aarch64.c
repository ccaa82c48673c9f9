/* SPDX-License-Identifier: MIT */
/*
 * Unwinding AArch64 stacks on any machine: samples made by hand over the golden programs, whose
 * code is known to the instruction, and over an image of a vdso made here: leaves, signed return
 * addresses, signal frames, code without CFI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_search.h"
#include "analyze/unwind/unwind.h"
#include "ruchy/arch.h"
#include "ruchy/bytes.h"

#define PID       77
#define SP        0xffffe000ull
#define VDSO      0xffff0000ull
#define JIT       0x10000ull
#define SIGNATURE 0x0055000000000000ull /* in the bits of MASK */
#define MASK      0x007f000000000000ull

/* tests/golden/goldpac.aarch64 */
enum {
	START_CALL = 0x4001f0,     /* in _start, behind its call */
	LEAF = 0x40022c,           /* in golden_leaf's loop */
	DESCEND_ENTRY = 0x400240,  /* golden_descend: paciasp */
	DESCEND_PUSH = 0x400244,   /* stp x29, x30, [sp, #-16]! */
	DESCEND_SELF = 0x40025c,   /* behind its call of itself */
	DESCEND_LEAF = 0x40026c,   /* behind its call of golden_leaf */
	DESCEND_SIGNED = 0x400270, /* autiasp: the frame is gone, the address still signed */
	MAIN_CALL = 0x4002d8,      /* in golden_main, behind its call of golden_descend */
};

/* ---- an image of a vdso ---- */

enum {
	V_LEAF = 0x100,      /* mov x8, #220; svc #0; ret: no CFI, no frame */
	V_SIGRETURN = 0x110, /* as the kernel's, behind a nop */
	V_FRAMED = 0x118,    /* stp x29, x30, [sp, #-16]!; nop; ret: no CFI */
	V_RESOLVE = 0x128,   /* nops; CFI as of glibc's _dl_runtime_resolve */
	V_LOST = 0x134,
	V_EH_FRAME = 0x140,
	V_SYMBOLS = 0x180,
	V_STRINGS = 0x200,
	V_SECTIONS = 0x240,
	V_SIZE = V_SECTIONS + 5 * sizeof(Elf64_Shdr),
};

static const uint32_t vdso_code[] = {
	0xd2801b88, 0xd4000001, 0xd65f03c0, 0xd503201f, /* leaf, nop */
	0xd2801168, 0xd4000001,                         /* sigreturn */
	0xa9bf7bfd, 0xd503201f, 0xd65f03c0, 0xd503201f, /* framed, nop */
	0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, /* resolve */
};

/* CIE: "zR", code 4, data -8, return address x30, absolute pointers; CFA = sp + 0.
 * FDE: V_RESOLVE, 16 bytes; x30 at CFA + 8; at V_LOST x30 by no rule, CFA = sp + 16. */
/* clang-format off */
static const uint8_t vdso_eh_frame[] = {
	16, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 4, 0x78, 30, 1, 0, 0x0c, 31, 0,
	36, 0, 0, 0, 24, 0, 0, 0, 0x28, 1, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0,
	0x11, 30, 0x7f, 0x43, 0x06, 30, 0x0e, 16, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0,
};
/* clang-format on */

static const char vdso_strings[] = "\0.text\0.eh_frame\0.symtab\0.strtab\0leaf\0framed\0resolve";

static void put_section(uint8_t *image, unsigned index, unsigned name, unsigned type,
			unsigned flags, uint64_t at, uint64_t size)
{
	Elf64_Shdr sh = { .sh_name = name,
			  .sh_type = type,
			  .sh_flags = flags,
			  .sh_addr = flags ? at : 0,
			  .sh_offset = at,
			  .sh_size = size,
			  .sh_addralign = 8,
			  .sh_link = type == SHT_SYMTAB ? 4 : 0,
			  .sh_info = type == SHT_SYMTAB ? 1 : 0,
			  .sh_entsize = type == SHT_SYMTAB ? sizeof(Elf64_Sym) : 0 };

	memcpy(image + V_SECTIONS + index * sizeof(sh), &sh, sizeof(sh));
}

static void put_symbol(uint8_t *image, unsigned index, unsigned name, uint64_t at, uint64_t size)
{
	Elf64_Sym sym = { .st_name = name,
			  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			  .st_shndx = 1,
			  .st_value = at,
			  .st_size = size };

	memcpy(image + V_SYMBOLS + index * sizeof(sym), &sym, sizeof(sym));
}

static void make_vdso(uint8_t *image)
{
	Elf64_Ehdr eh = { .e_type = ET_DYN,
			  .e_machine = EM_AARCH64,
			  .e_version = EV_CURRENT,
			  .e_phoff = sizeof(eh),
			  .e_shoff = V_SECTIONS,
			  .e_ehsize = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1,
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 5,
			  .e_shstrndx = 4 };
	Elf64_Phdr ph = { .p_type = PT_LOAD,
			  .p_flags = PF_R | PF_X,
			  .p_filesz = V_SIZE,
			  .p_memsz = V_SIZE,
			  .p_align = 4096 };

	memset(image, 0, V_SIZE);
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(image, &eh, sizeof(eh));
	memcpy(image + sizeof(eh), &ph, sizeof(ph));
	for (size_t i = 0; i < sizeof(vdso_code) / sizeof(vdso_code[0]); i++)
		ruchy_store32(image + V_LEAF + 4 * i, vdso_code[i]);
	memcpy(image + V_EH_FRAME, vdso_eh_frame, sizeof(vdso_eh_frame));
	memcpy(image + V_STRINGS, vdso_strings, sizeof(vdso_strings));
	put_symbol(image, 1, 33, V_LEAF, 12);
	put_symbol(image, 2, 38, V_FRAMED, 12);
	put_symbol(image, 3, 45, V_RESOLVE, 16);
	put_section(image, 1, 1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, V_LEAF,
		    sizeof(vdso_code));
	put_section(image, 2, 7, SHT_PROGBITS, SHF_ALLOC, V_EH_FRAME, sizeof(vdso_eh_frame));
	put_section(image, 3, 17, SHT_SYMTAB, 0, V_SYMBOLS, 4 * sizeof(Elf64_Sym));
	put_section(image, 4, 25, SHT_STRTAB, 0, V_STRINGS, sizeof(vdso_strings));
}

/* ---- a sample and the world around it ---- */

struct fixture {
	struct module_table *modules;
	struct trace_meta meta;
	struct process_table *processes;
	struct unwind_tables *tables;
	struct unwinder *unwinder;
	uint8_t regs[8 * ARCH_MAX_COLUMNS];
	uint8_t dump[4096];
	struct event sample;
	struct stack stack;
};

static void add_map(struct fixture *f, const char *path, uint64_t start, uint64_t length)
{
	struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };

	ev.mmap = (struct event_mmap){
		.pid = PID, .start = start, .length = length, .executable = true, .path = path
	};
	assert_int_equal(process_table_apply(f->processes, &ev), 0);
}

static void set_reg(struct fixture *f, unsigned reg, uint64_t value)
{
	ruchy_store64(f->regs + 8 * (size_t)reg, value);
}

static void put(struct fixture *f, uint64_t address, uint64_t value)
{
	assert_true(address >= SP && address - SP <= sizeof(f->dump) - 8);
	ruchy_store64(f->dump + (address - SP), value);
}

/* `pac_mask`: as the trace says; NULL: it doesn't. */
static void setup(struct fixture *f, const uint64_t *pac_mask)
{
	static const char *const golden[] = { "tests/golden" };
	static const struct module_search search = { .sysroots = golden, .n_sysroots = 1 };
	static char arch[] = "aarch64";
	uint8_t vdso[V_SIZE];

	memset(f, 0, sizeof(*f));
	f->meta.arch = arch;
	f->meta.has_pac_mask = pac_mask != NULL;
	f->meta.pac_mask = pac_mask ? *pac_mask : 0;
	f->modules = module_table_new(&search);
	make_vdso(vdso);
	assert_int_equal(module_table_set_vdso(f->modules, vdso, sizeof(vdso)), 0);
	f->processes = process_table_new(f->modules, &f->meta);
	f->tables = unwind_tables_new(f->modules);
	assert_int_equal(unwinder_new(&f->meta, f->tables, &f->unwinder, NULL), 0);
	add_map(f, "/golden/goldpac.aarch64", 0x400000, 0x1000);
	add_map(f, "[vdso]", VDSO, 0x1000);
	add_map(f, "//anon", JIT, 0x1000);
	f->sample.type = PERF_RECORD_SAMPLE;
	f->sample.misc = PERF_RECORD_MISC_USER;
	f->sample.pid = f->sample.tid = PID;
	f->sample.time_ns = 1;
	f->sample.sample.regs = (struct sample_regs){ .abi = PERF_SAMPLE_REGS_ABI_64,
						      .mask = (1ull << ARCH_MAX_COLUMNS) - 1,
						      .values = f->regs };
	f->sample.sample.stack = (struct sample_stack){
		.sp = SP, .size = sizeof(f->dump), .head = f->dump, .head_size = sizeof(f->dump)
	};
	set_reg(f, 31, SP);
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

/* Frames of golden_descend (one more called itself), golden_main and _start from `at` up, return
 * addresses signed: what golden_leaf's caller finds. */
static void put_program(struct fixture *f, uint64_t at)
{
	put(f, at, at + 16); /* golden_descend, called by itself */
	put(f, at + 8, SIGNATURE | DESCEND_SELF);
	put(f, at + 16, at + 32); /* golden_descend, called by golden_main */
	put(f, at + 24, SIGNATURE | MAIN_CALL);
	put(f, at + 32, 0); /* golden_main */
	put(f, at + 40, SIGNATURE | START_CALL);
}

/* The frames are `want` from the leaf on; return addresses are marked by adding 1. */
static void assert_frames(const struct fixture *f, const uint64_t *want, size_t n,
			  enum stack_end end)
{
	assert_int_equal(f->stack.n_frames, n);
	for (size_t i = 0; i < n; i++) {
		const struct stack_frame *frame = &f->stack.frames[i];
		unsigned back = (frame->flags & STACK_FRAME_RETURN) != 0;

		assert_int_equal(frame->address + back, want[i]);
	}
	assert_int_equal(f->stack.end, end);
}

#define ASSERT_FRAMES(f, end, ...)                                           \
	do {                                                                 \
		const uint64_t want[] = { __VA_ARGS__ };                     \
		assert_frames(f, want, sizeof(want) / sizeof(want[0]), end); \
	} while (0)

#define PROGRAM DESCEND_SELF, MAIN_CALL, START_CALL

/* ---- leaves and signed addresses ---- */

static void test_walk_leaf(void **state)
{
	const uint64_t mask = MASK;
	struct fixture f;

	(void)state;
	setup(&f, &mask);
	set_reg(&f, 32, LEAF);
	set_reg(&f, 30, DESCEND_LEAF);
	put_program(&f, SP);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, LEAF, DESCEND_LEAF, PROGRAM);
	assert_int_equal(f.stack.frames[0].flags, 0);
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_RETURN);
	/* without the link register there is no telling */
	f.sample.sample.regs.mask &= ~(1ull << 30);
	memmove(f.regs + 8 * 30, f.regs + 8 * 31, 16);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_NO_REGISTERS, LEAF);
	teardown(&f);
}

/* Before its push and behind its pop a function's own return address is in x30, signed. */
static void test_walk_signed_link_register(void **state)
{
	static const uint64_t pcs[] = { DESCEND_PUSH, DESCEND_SIGNED };
	const uint64_t mask = MASK;
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(pcs) / sizeof(pcs[0]); i++) {
		setup(&f, &mask);
		set_reg(&f, 32, pcs[i]);
		set_reg(&f, 30, SIGNATURE | DESCEND_SELF);
		put_program(&f, SP);
		walk(&f);
		ASSERT_FRAMES(&f, STACK_END_ENTRY, pcs[i], DESCEND_SELF, PROGRAM);
		teardown(&f);
	}
}

static void test_walk_pac_mask(void **state)
{
	static const uint64_t masks[] = { 0, MASK, SIGNATURE & ~(1ull << 48) };
	struct fixture f;

	(void)state;
	/* the trace does not say: all that is above an address */
	setup(&f, NULL);
	set_reg(&f, 32, DESCEND_ENTRY);
	set_reg(&f, 30, DESCEND_SELF);
	put_program(&f, SP);
	put(&f, SP + 8, 0xff7f000000000000ull | DESCEND_SELF);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, DESCEND_ENTRY, DESCEND_SELF, PROGRAM);
	teardown(&f);
	/* it does: what is left of a signature is no address of ours */
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		setup(&f, &masks[i]);
		set_reg(&f, 32, DESCEND_ENTRY);
		set_reg(&f, 30, DESCEND_SELF);
		put_program(&f, SP);
		walk(&f);
		if (masks[i] == MASK)
			ASSERT_FRAMES(&f, STACK_END_ENTRY, DESCEND_ENTRY, DESCEND_SELF, PROGRAM);
		else if (!masks[i])
			ASSERT_FRAMES(&f, STACK_END_BAD_CFA, DESCEND_ENTRY, DESCEND_SELF);
		else
			ASSERT_FRAMES(&f, STACK_END_NO_MAPPING, DESCEND_ENTRY, DESCEND_SELF,
				      1ull << 48 | DESCEND_SELF);
		teardown(&f);
	}
}

/* golden_leaf never saves x30, so it cannot have called: not a chain of it without end. */
static void test_walk_leaf_as_caller(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, DESCEND_ENTRY);
	set_reg(&f, 30, LEAF);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_BAD_CFA, DESCEND_ENTRY, LEAF);
	/* neither does this, which has a frame: x30 is its own call's, not its caller's */
	set_reg(&f, 30, VDSO + V_LOST + 1);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_BAD_CFA, DESCEND_ENTRY, V_LOST + 1);
	teardown(&f);
}

/* ---- signal frames ---- */

/* struct rt_sigframe at `at`: golden_leaf was interrupted, its stack begins at `sp`. */
static void put_signal_frame(struct fixture *f, uint64_t at, uint64_t sp)
{
	uint64_t context = at + 128 + 176 + 8;

	for (unsigned i = 0; i < 29; i++)
		put(f, context + 8 * i, 0x1111 * i);
	put(f, context + 8 * 29, sp);
	put(f, context + 8 * 30, SIGNATURE | DESCEND_LEAF);
	put(f, context + 8 * 31, sp);
	put(f, context + 8 * 32, LEAF);
}

/* A handler without a frame returns to the trampoline; nothing called that. */
static void test_walk_signal_frame(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, VDSO + V_LEAF + 4);
	set_reg(&f, 30, VDSO + V_SIGRETURN);
	put_signal_frame(&f, SP, SP + 1024);
	put_program(&f, SP + 1024);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 4, V_SIGRETURN, LEAF, DESCEND_LEAF, PROGRAM);
	assert_int_equal(f.stack.frames[1].flags, 0);
	assert_int_equal(f.stack.frames[2].flags, 0);
	assert_int_equal(f.stack.frames[3].flags, STACK_FRAME_RETURN);
	/* in the trampoline itself, at its first and its second instruction */
	for (unsigned i = 0; i <= 4; i += 4) {
		set_reg(&f, 32, VDSO + V_SIGRETURN + i);
		walk(&f);
		ASSERT_FRAMES(&f, STACK_END_ENTRY, V_SIGRETURN + i, LEAF, DESCEND_LEAF, PROGRAM);
	}
	/* a handler on a stack of its own, which ends the dump */
	f.sample.sample.stack.size = f.sample.sample.stack.head_size = 128 + 176 + 8 + 8 * 33;
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_TRUNCATED, V_SIGRETURN + 4, LEAF, DESCEND_LEAF);
	/* the interrupted pc is just cut off */
	f.sample.sample.stack.size = f.sample.sample.stack.head_size -= 8;
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_TRUNCATED, V_SIGRETURN + 4);
	teardown(&f);
}

/* ---- code without CFI ---- */

static void test_walk_frameless_without_cfi(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, VDSO + V_LEAF);
	set_reg(&f, 30, DESCEND_LEAF);
	put_program(&f, SP);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF, DESCEND_LEAF, PROGRAM);
	/* a function with a frame is not taken for one: only a frame record would help */
	set_reg(&f, 32, VDSO + V_FRAMED);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_NO_CFI, V_FRAMED);
	teardown(&f);
}

/* The record at FP tells the caller, and where the caller's own record is, but not its SP: the row
 * of golden_descend counts from SP. */
static void test_walk_frame_record(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, JIT + 64);
	set_reg(&f, 29, SP + 64);
	put(&f, SP + 64, SP + 256); /* at the lower end of a frame of 192 bytes */
	put(&f, SP + 72, SIGNATURE | DESCEND_LEAF);
	put_program(&f, SP + 256);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, JIT + 64, DESCEND_LEAF, PROGRAM);
	assert_int_equal(f.stack.frames[1].flags, STACK_FRAME_RETURN | STACK_FRAME_FALLBACK);
	assert_int_equal(f.stack.frames[2].flags, STACK_FRAME_RETURN);
	/* the caller's FP is no record of a frame above: no guess */
	put(&f, SP + 64, 0);
	walk(&f);
	assert_int_equal(f.stack.n_frames, 2);
	assert_int_not_equal(f.stack.end, STACK_END_ENTRY);
	teardown(&f);
}

/* What the PLT's header pushed belongs to the frame of _dl_runtime_resolve, whose CFI forgets it.
 */
static void test_walk_slot_above_cfa(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, VDSO + V_RESOLVE + 4);
	set_reg(&f, 30, 0x123456); /* overwritten by its own calls */
	put(&f, SP + 8, DESCEND_LEAF);
	put_program(&f, SP + 16);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_RESOLVE + 4, DESCEND_LEAF, PROGRAM);
	teardown(&f);
}

static void test_walk_new_thread(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, NULL);
	set_reg(&f, 32, VDSO + V_LEAF + 8); /* behind svc */
	set_reg(&f, 30, DESCEND_LEAF);
	set_reg(&f, 8, 220);
	set_reg(&f, 1, SP);
	put_program(&f, SP);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 8);
	/* the parent, for which clone has a result; the child of a fork, on a copy of its stack */
	set_reg(&f, 0, 4711);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 8, DESCEND_LEAF, PROGRAM);
	set_reg(&f, 0, 0);
	set_reg(&f, 1, 0);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 8, DESCEND_LEAF, PROGRAM);
	set_reg(&f, 1, SP + 16);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 8, DESCEND_LEAF, PROGRAM);
	/* not behind a system call */
	set_reg(&f, 1, SP);
	set_reg(&f, 32, VDSO + V_LEAF + 4);
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, V_LEAF + 4, DESCEND_LEAF, PROGRAM);
	teardown(&f);
}

/* The kernel's walk by frame pointers, on a kernel that leaves signatures in place. */
static void test_walk_user_callchain(void **state)
{
	struct fixture f;
	uint8_t chain[8 * 5];

	(void)state;
	setup(&f, NULL);
	memset(&f.sample.sample.regs, 0, sizeof(f.sample.sample.regs));
	memset(&f.sample.sample.stack, 0, sizeof(f.sample.sample.stack));
	ruchy_store64(chain, (uint64_t)PERF_CONTEXT_USER);
	ruchy_store64(chain + 8, LEAF);
	ruchy_store64(chain + 16, SIGNATURE | DESCEND_SELF);
	ruchy_store64(chain + 24, SIGNATURE | MAIN_CALL);
	ruchy_store64(chain + 32, SIGNATURE | START_CALL);
	f.sample.sample.callchain = chain;
	f.sample.sample.n_callchain = 5;
	walk(&f);
	ASSERT_FRAMES(&f, STACK_END_ENTRY, LEAF, PROGRAM);
	teardown(&f);
}

/* ---- what is known of the machine's code ---- */

static void store_code(uint8_t *to, const uint32_t *code, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ruchy_store32(to + 4 * i, code[i]);
}

static void test_plt_depth(void **state)
{
	/* as ld makes it: the header, padded, and an entry; with and without BTI */
	static const uint32_t plain[] = { 0xa9bf7bf0, 0x90000090, 0xf947fe11, 0x913fe210,
					  0xd61f0220, 0xd503201f, 0xd503201f, 0xd503201f,
					  0xb0000090, 0xf9400211, 0x91000210, 0xd61f0220 };
	static const uint32_t bti[] = { 0xd503245f, 0xa9bf7bf0, 0x90000090, 0xf947fe11,
					0x913fe210, 0xd61f0220, 0xd503201f, 0xd503201f,
					0xd503245f, 0xb0000090, 0xf9400211, 0xd61f0220 };
	uint8_t code[sizeof(plain)];

	(void)state;
	store_code(code, plain, 12);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(arch_aarch64.plt_depth(code, sizeof(code), 4 * i),
				 i >= 1 && i <= 4 ? 16 : 0);
	store_code(code, bti, 12);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(arch_aarch64.plt_depth(code, sizeof(code), 4 * i),
				 i >= 2 && i <= 5 ? 16 : 0);
	/* a static program's: entries only */
	store_code(code, plain + 8, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(arch_aarch64.plt_depth(code, 16, 4 * i), 0);
}

static void test_is_frameless(void **state)
{
	static const struct {
		uint32_t insn;
		bool frameless;
	} cases[] = {
		{ 0xd503233f, true },  /* paciasp */
		{ 0xd50323bf, true },  /* autiasp */
		{ 0xd65f03c0, true },  /* ret */
		{ 0x1400001e, true },  /* b, by 30 instructions */
		{ 0x8b2463e4, true },  /* add x4, sp, x4 */
		{ 0x910043e0, true },  /* add x0, sp, #16 */
		{ 0xf9400be0, true },  /* ldr x0, [sp, #16] */
		{ 0xa9017bfd, false }, /* stp x29, x30, [sp, #16]: stores, but who knows why */
		{ 0xf100043f, true },  /* cmp x1, #1: register 31 is zero here */
		{ 0xeb2163ff, true },  /* cmp sp, x1 */
		{ 0xf240001f, true },  /* tst x0, #1 */
		{ 0xa9bf7bfd, false }, /* stp x29, x30, [sp, #-16]! */
		{ 0xa8c17bfd, false }, /* ldp x29, x30, [sp], #16 */
		{ 0xf81f0ff3, false }, /* str x19, [sp, #-16]! */
		{ 0xf84107f3, false }, /* ldr x19, [sp], #16 */
		{ 0x6dbf27e8, false }, /* stp d8, d9, [sp, #-16]! */
		{ 0x4cdf7be0, false }, /* ld1 {v0.4s}, [sp], #16 */
		{ 0xd10043ff, false }, /* sub sp, sp, #16 */
		{ 0x910043ff, false }, /* add sp, sp, #16 */
		{ 0xcb2163ff, false }, /* sub sp, sp, x1 */
		{ 0x927cec1f, false }, /* and sp, x0, #~15 */
		{ 0x94000010, false }, /* bl */
		{ 0xd63f0220, false }, /* blr x17 */
		{ 0xd73f0a31, false }, /* blraa x17, x17 */
		{ 0xaa1e03e0, true },  /* mov x0, x30 */
		{ 0xaa0003fe, false }, /* mov x30, x0 */
		{ 0xf94003fe, false }, /* ldr x30, [sp] */
	};
	uint8_t code[8];

	(void)state;
	ruchy_store32(code, 0xd503201f); /* nop */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ruchy_store32(code + 4, cases[i].insn);
		if (arch_aarch64.is_frameless(code, sizeof(code)) != cases[i].frameless)
			fail_msg("%08x", cases[i].insn);
	}
}

static void test_arch_find(void **state)
{
	(void)state;
	assert_ptr_equal(arch_find("aarch64"), &arch_aarch64);
	assert_ptr_equal(arch_find("x86_64"), &arch_x86_64);
	assert_null(arch_find("aarch64_be"));
	assert_int_equal(arch_sp_reg(&arch_aarch64), 31);
	assert_int_equal(arch_sp_reg(&arch_x86_64), 7);
	assert_non_null(arch_native);
	/* a mask holds no bit of an address; 55 says whose half it is */
	if (arch_native->probe_pac_mask)
		assert_int_equal(arch_native->probe_pac_mask() & ((1ull << 36) | 1ull << 55), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_leaf),
		cmocka_unit_test(test_walk_signed_link_register),
		cmocka_unit_test(test_walk_pac_mask),
		cmocka_unit_test(test_walk_leaf_as_caller),
		cmocka_unit_test(test_walk_signal_frame),
		cmocka_unit_test(test_walk_frameless_without_cfi),
		cmocka_unit_test(test_walk_frame_record),
		cmocka_unit_test(test_walk_slot_above_cfa),
		cmocka_unit_test(test_walk_new_thread),
		cmocka_unit_test(test_walk_user_callchain),
		cmocka_unit_test(test_plt_depth),
		cmocka_unit_test(test_is_frameless),
		cmocka_unit_test(test_arch_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
