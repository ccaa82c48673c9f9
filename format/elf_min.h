/* SPDX-License-Identifier: MIT */
/*
 * elf_min.h - which parts of an ELF file unwinding and naming functions need: the
 * headers, notes (build-id), call frame information, symbol tables with their strings,
 * MiniDebugInfo, links to debug files, PLTs, and of other code the instructions that
 * call the kernel, with what stands right before them, and what no call frame
 * information describes where instructions stand in for it (elf_gaps.h).
 *
 * Nothing is moved: what is kept stays at its offset, so a copy with holes reads like
 * the file itself. Only the section headers change: what is left out is SHT_NOBITS
 * there, as `objcopy --only-keep-debug` has it; but for code, of which some is kept.
 * The file is input: sizes and counts are bounded, and memory by those bounds.
 */
#ifndef RUCHY_FORMAT_ELF_MIN_H
#define RUCHY_FORMAT_ELF_MIN_H

#include "ruchy/error.h"
#include "ruchy/trace_object.h"

struct elf_min {
	struct trace_object_range *ranges; /* owned; sorted, neither empty nor touching */
	size_t n, capacity;
	uint8_t *sections; /* owned: the section headers as they are to be; NULL: none */
	uint64_t sections_at, sections_size;
};

/* RUCHY_E_FORMAT (no 64-bit little-endian ELF executable or shared object), RUCHY_E_SYS,
 * RUCHY_E_NOMEM. On success elf_min_fini frees. Without section headers all is kept. */
int elf_min_plan(const struct trace_object_file *file, struct elf_min *ret,
		 struct ruchy_error *err);
void elf_min_fini(struct elf_min *m);
/* `size` bytes at `at`, all of them. RUCHY_E_FORMAT where the file ends before, RUCHY_E_SYS. */
int elf_min_read(const struct trace_object_file *f, uint64_t at, void *to, size_t size,
		 struct ruchy_error *err);

#endif
