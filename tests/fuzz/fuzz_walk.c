/* SPDX-License-Identifier: MIT */
/*
 * The input is a sample and the call frame information that it is unwound by: registers and stack
 * words that point into the code and the stack, so that walks get somewhere, then .eh_frame of a
 * file without section headers. Quick steps have to lead where exact ones do.
 *
 *   0       flags: 1 AArch64, 2 sampled in the kernel, 4 no -1 for FP
 *   1       words of the stack dump; 2 how many of them are its head
 *   3-8     pc, SP, FP, 16 bits each
 *   9-24    other registers, a byte each, in words above the stack's start
 *   25      stack words, 16 bits each: bit 15 an address in the stack, else in the code
 *   then    .eh_frame
 */
#include <elf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include "analyze/process/process.h"
#include "analyze/unwind/unwind.h"
#include "ruchy/bytes.h"

#define CODE      0x7f0000000000ull
#define STACK     0x7ff000000000ull
#define IMAGE     4096
#define HEADER_AT 176 /* .eh_frame_hdr, behind the ELF header and two program headers */
#define FRAME_AT  184
#define WORDS_AT  25
#define PID       1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const struct arch *arch;
	uint8_t image[IMAGE];
	uint8_t regs[8 * ARCH_MAX_COLUMNS];
	uint8_t dump[8 * 255];
	struct event sample;
};

static void put_phdr(uint8_t *at, uint32_t type, uint32_t flags, uint64_t offset, uint64_t bytes)
{
	ruchy_store32(at, type);
	ruchy_store32(at + 4, flags);
	ruchy_store64(at + 8, offset);
	ruchy_store64(at + 16, offset);
	ruchy_store64(at + 32, bytes);
	ruchy_store64(at + 40, bytes);
}

static void make_image(struct input *in, const uint8_t *frame, size_t size)
{
	uint8_t *p = in->image;

	memcpy(p, ELFMAG, SELFMAG);
	p[EI_CLASS] = ELFCLASS64;
	p[EI_DATA] = ELFDATA2LSB;
	p[EI_VERSION] = EV_CURRENT;
	ruchy_store16(p + 16, ET_DYN);
	ruchy_store16(p + 18, (uint16_t)in->arch->elf_machine);
	ruchy_store32(p + 20, EV_CURRENT);
	ruchy_store64(p + 32, 64); /* e_phoff */
	ruchy_store16(p + 52, 64); /* e_ehsize */
	ruchy_store16(p + 54, 56); /* e_phentsize */
	ruchy_store16(p + 56, 2);  /* e_phnum */
	put_phdr(p + 64, PT_LOAD, PF_R | PF_X, 0, IMAGE);
	put_phdr(p + 120, PT_GNU_EH_FRAME, PF_R, HEADER_AT, 8);
	p[HEADER_AT] = 1;
	p[HEADER_AT + 1] = 0x1b; /* pcrel, sdata4 */
	ruchy_store32(p + HEADER_AT + 4, FRAME_AT - (HEADER_AT + 4));
	memcpy(p + FRAME_AT, frame, size < IMAGE - FRAME_AT ? size : IMAGE - FRAME_AT);
}

static void set_reg(struct input *in, unsigned column, uint64_t value)
{
	uint64_t mask = in->sample.sample.regs.mask;
	unsigned reg = in->arch->perf[column];

	ruchy_store64(in->regs + 8 * (size_t)__builtin_popcountll(mask & ((1ull << reg) - 1)),
		      value);
}

static void make_sample(struct input *in, const uint8_t *data, size_t n_words)
{
	struct event_sample *s = &in->sample.sample;
	uint64_t sp = STACK + (ruchy_load16(data + 5) & 0x1ff);

	in->sample.type = PERF_RECORD_SAMPLE;
	in->sample.misc = data[0] & 2 ? PERF_RECORD_MISC_KERNEL : PERF_RECORD_MISC_USER;
	in->sample.pid = in->sample.tid = PID;
	in->sample.time_ns = 1;
	s->regs.abi = PERF_SAMPLE_REGS_ABI_64;
	s->regs.values = in->regs;
	for (unsigned column = 0; column < in->arch->n_columns; column++)
		s->regs.mask |= 1ull << in->arch->perf[column];
	for (unsigned column = 0; column < in->arch->n_columns; column++)
		set_reg(in, column, STACK + 8ull * data[9 + column % 16]);
	set_reg(in, in->arch->pc, CODE + (ruchy_load16(data + 3) & 0xfff));
	set_reg(in, in->arch->sp, sp);
	set_reg(in, in->arch->fp,
		data[0] & 4 ? UINT64_MAX : STACK + (ruchy_load16(data + 7) & 0xfff));
	for (size_t i = 0; i < n_words; i++) {
		uint16_t word = ruchy_load16(data + WORDS_AT + 2 * i);

		ruchy_store64(in->dump + 8 * i,
			      word >> 15 ? STACK + (word & 0xfff) : CODE + (word & 0xfff));
	}
	s->stack = (struct sample_stack){ .sp = sp, .size = 8 * n_words, .head = in->dump };
	s->stack.head_size = data[2] < n_words ? 8ull * data[2] : 8 * n_words;
	s->stack.tail = in->dump + s->stack.head_size;
}

/* Quick and exact, from the same tables. */
static void walk(const struct input *in, const struct trace_meta *meta,
		 const struct process_table *processes, struct unwind_tables *tables)
{
	static struct stack stacks[2];
	struct unwinder *u;

	for (int i = 0; i < 2; i++) {
		if (unwinder_new(meta, tables, &u, NULL) || unwind_tables_prepare(tables) ||
		    unwinder_use(u, i ? UNWIND_EXACT : UNWIND_ROWS, NULL))
			abort();
		unwinder_walk(u, processes, &in->sample, &stacks[i]);
		unwinder_free(u);
	}
	if (stacks[0].n_frames != stacks[1].n_frames || stacks[0].end != stacks[1].end ||
	    memcmp(stacks[0].frames, stacks[1].frames,
		   stacks[0].n_frames * sizeof(stacks[0].frames[0])) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char names[2][8] = { "x86_64", "aarch64" };
	struct event mmap = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };
	struct trace_meta meta = { 0 };
	struct module_table *modules;
	struct process_table *processes;
	struct unwind_tables *tables;
	struct input in = { 0 };
	size_t n_words;

	if (size < WORDS_AT)
		return 0;
	in.arch = data[0] & 1 ? &arch_aarch64 : &arch_x86_64;
	meta.arch = names[data[0] & 1];
	n_words = (size - WORDS_AT) / 2 < data[1] ? (size - WORDS_AT) / 2 : data[1];
	make_sample(&in, data, n_words);
	make_image(&in, data + WORDS_AT + 2 * n_words, size - WORDS_AT - 2 * n_words);
	modules = module_table_new(NULL);
	processes = process_table_new(modules, &meta);
	tables = unwind_tables_new(modules);
	mmap.mmap = (struct event_mmap){
		.pid = PID, .start = CODE, .length = IMAGE, .executable = true, .path = "[vdso]"
	};
	if (module_table_set_vdso(modules, in.image, IMAGE) ||
	    process_table_apply(processes, &mmap))
		abort();
	walk(&in, &meta, processes, tables);
	unwind_tables_free(tables);
	process_table_free(processes);
	module_table_free(modules);
	return 0;
}
