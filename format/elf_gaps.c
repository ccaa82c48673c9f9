/* SPDX-License-Identifier: MIT */
#include "format/elf_gaps.h"

#include <stdlib.h>
#include <string.h>

#include "format/elf_min.h"
#include "ruchy/bytes.h"

#define MAX_TABLE_BYTES (64u << 20)
#define MAX_FRAME_BYTES (512u << 20)
#define HEADER_BYTES    12 /* version, encodings, pointer to .eh_frame, count */
#define ENTRY_BYTES     8
#define FDE_BYTES       16         /* length, CIE, start and size of the range */
#define MAX_GAP_BYTES   (1u << 20) /* no function, but much that nobody describes */

/* A section into memory; 0: it is not to be had. */
static int load(const struct trace_object_file *f, const Elf64_Shdr *sh, uint64_t max,
		uint8_t **ret, struct ruchy_error *err)
{
	int rc;

	*ret = NULL;
	if (sh->sh_type == SHT_NOBITS || !sh->sh_size || sh->sh_size > max ||
	    sh->sh_offset > f->size || sh->sh_size > f->size - sh->sh_offset)
		return 0;
	*ret = malloc(sh->sh_size);
	if (!*ret)
		return RUCHY_E_NOMEM;
	rc = elf_min_read(f, sh->sh_offset, *ret, sh->sh_size, err);
	if (rc == 0)
		return 1;
	free(*ret);
	*ret = NULL;
	return rc;
}

static int64_t load_signed(const uint8_t *p)
{
	return (int32_t)ruchy_load32(p);
}

/* The end of the function at `start` by its FDE at address `fde`; `start` itself where that says
 * something else, or is not to be read as simply. */
static uint64_t end_of(const Elf64_Shdr *frames, const uint8_t *bytes, uint64_t fde, uint64_t start)
{
	uint64_t at = fde - frames->sh_addr;

	if (at > frames->sh_size || frames->sh_size - at < FDE_BYTES ||
	    fde + 8 + (uint64_t)load_signed(bytes + at + 8) != start)
		return start;
	return start + ruchy_load32(bytes + at + 12);
}

static int read_table(const Elf64_Shdr *table, const uint8_t *entries, const Elf64_Shdr *frames,
		      const uint8_t *bytes, struct elf_gaps *g)
{
	static const uint8_t usual[] = { 1, 0x1b, 0x03, 0x3b }; /* as of module_elf_eh_table */
	size_t n =
		table->sh_size < HEADER_BYTES ? 0 : (table->sh_size - HEADER_BYTES) / ENTRY_BYTES;

	if (!n || memcmp(entries, usual, sizeof(usual)) != 0)
		return 0;
	if (ruchy_load32(entries + 8) < n)
		n = ruchy_load32(entries + 8);
	g->functions = calloc(n + 1, sizeof(*g->functions));
	if (!g->functions)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *entry = entries + HEADER_BYTES + i * ENTRY_BYTES;
		uint64_t start = table->sh_addr + (uint64_t)load_signed(entry);
		uint64_t fde = table->sh_addr + (uint64_t)load_signed(entry + 4);
		uint64_t end = end_of(frames, bytes, fde, start);

		if (end <= start || (i && start < g->functions[i - 1].start))
			break; /* then nothing is known of what follows */
		g->functions[g->n++] = (struct elf_gaps_function){ start, end };
	}
	if (g->n < n)
		elf_gaps_fini(g);
	return 0;
}

int elf_gaps_open(const struct trace_object_file *file, const Elf64_Shdr *table,
		  const Elf64_Shdr *frames, struct elf_gaps *ret, struct ruchy_error *err)
{
	uint8_t *entries, *bytes = NULL;
	int rc = load(file, table, MAX_TABLE_BYTES, &entries, err);

	*ret = (struct elf_gaps){ 0 };
	if (rc > 0)
		rc = load(file, frames, MAX_FRAME_BYTES, &bytes, err);
	if (rc > 0)
		rc = read_table(table, entries, frames, bytes, ret);
	free(entries);
	free(bytes);
	return rc;
}

void elf_gaps_fini(struct elf_gaps *g)
{
	free(g->functions);
	*g = (struct elf_gaps){ 0 };
}

/* Nothing but zeros, and the one instruction that fills up (arm64's nop). */
static bool is_padding(const uint8_t *code, uint64_t size)
{
	for (uint64_t i = 0; i + 4 <= size; i += 4) {
		uint32_t insn = ruchy_load32(code + i);

		if (insn && insn != 0xd503201f)
			return false;
	}
	return true;
}

static int take_gap(const struct trace_object_file *file, const Elf64_Shdr *code, uint64_t from,
		    uint64_t to, int (*take)(void *arg, uint64_t at, uint64_t size), void *arg,
		    struct ruchy_error *err)
{
	Elf64_Shdr gap = *code;
	uint8_t *bytes;
	int rc;

	gap.sh_offset += from - code->sh_addr;
	gap.sh_size = to - from;
	rc = load(file, &gap, MAX_GAP_BYTES, &bytes, err);
	if (rc > 0)
		rc = is_padding(bytes, gap.sh_size) ? 0 : take(arg, gap.sh_offset, gap.sh_size);
	free(bytes);
	return rc;
}

int elf_gaps_each(const struct elf_gaps *g, const struct trace_object_file *file,
		  const Elf64_Shdr *code, int (*take)(void *arg, uint64_t at, uint64_t size),
		  void *arg, struct ruchy_error *err)
{
	uint64_t at = code->sh_addr, end = at + code->sh_size;
	int rc = 0;

	if (!g->n || end < at)
		return 0;
	for (size_t i = 0; rc >= 0 && i <= g->n && at < end; i++) {
		uint64_t next =
			i < g->n && g->functions[i].start < end ? g->functions[i].start : end;

		if (next > at)
			rc = take_gap(file, code, at, next, take, arg, err);
		if (next == end)
			break;
		if (g->functions[i].end > at)
			at = g->functions[i].end;
	}
	return rc < 0 ? rc : 0;
}
