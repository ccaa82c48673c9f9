/* SPDX-License-Identifier: MIT */
/*
 * elf_gaps.h - code that no call frame information describes: where a function keeps its
 * return address in the link register and has no frame, only its instructions tell how
 * to unwind it (arch.h, is_frameless).
 *
 * The functions described are those of .eh_frame_hdr's table (LSB 5.0 §10.6.2, in the one
 * encoding that linkers write), each with the range that its FDE gives. Without that
 * table nothing is known, and there are no gaps. The file is input: memory is bounded by
 * the sizes of those two sections, and what is looked at of code by the code's own.
 */
#ifndef RUCHY_FORMAT_ELF_GAPS_H
#define RUCHY_FORMAT_ELF_GAPS_H

#include <elf.h>

#include "ruchy/trace_object.h"

struct elf_gaps_function {
	uint64_t start, end; /* addresses */
};

struct elf_gaps {
	struct elf_gaps_function *functions; /* owned; sorted by start */
	size_t n;
};

/* `table`, `frames`: the headers of .eh_frame_hdr and .eh_frame. 0, also where there is nothing to
 * be had of them; RUCHY_E_NOMEM, RUCHY_E_SYS, RUCHY_E_FORMAT. elf_gaps_fini frees on success. */
int elf_gaps_open(const struct trace_object_file *file, const Elf64_Shdr *table,
		  const Elf64_Shdr *frames, struct elf_gaps *ret, struct ruchy_error *err);
void elf_gaps_fini(struct elf_gaps *g);
/* Give `take` each gap in the section `code`, as bytes of the file; padding between functions is
 * none. What `take` returns below 0 ends it. As elf_gaps_open. */
int elf_gaps_each(const struct elf_gaps *g, const struct trace_object_file *file,
		  const Elf64_Shdr *code, int (*take)(void *arg, uint64_t at, uint64_t size),
		  void *arg, struct ruchy_error *err);

#endif
