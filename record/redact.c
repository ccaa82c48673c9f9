/* SPDX-License-Identifier: MIT */
#include "record/redact.h"

#include <linux/perf_event.h>

#include "ruchy/trace_reader.h"

#define BELOW_BYTES (4u << 10) /* of SP: a red zone, a frame just left */
#define ABOVE_BYTES (8u << 20) /* the usual size of a stack */

/* What a sample's words are held against. */
struct keep {
	const struct exec_map *map;
	uint64_t pac_mask;
	uint64_t stack_lo, stack_bytes;
	uint64_t main_lo, main_bytes; /* 0 bytes: there is none */
};

static bool is_address(const struct keep *k, uint64_t word)
{
	return word - k->stack_lo < k->stack_bytes || word - k->main_lo < k->main_bytes ||
	       exec_map_holds(k->map, word & ~k->pac_mask);
}

static struct keep keep_of(const struct redact *r, const struct exec_map *map, uint64_t base,
			   const struct sample_regs *regs)
{
	struct keep k = { .map = map, .pac_mask = r->pac_mask };
	uint64_t sp;

	if (sample_regs_get(regs, arch_sp_reg(r->arch), &sp)) {
		k.stack_lo = sp > BELOW_BYTES ? sp - BELOW_BYTES : 0;
		k.stack_bytes = sp - k.stack_lo + ABOVE_BYTES;
	}
	if (base && base != UINT64_MAX) {
		k.main_bytes = base < ABOVE_BYTES ? base : ABOVE_BYTES;
		k.main_lo = base - k.main_bytes;
	}
	return k;
}

static void redact_stack(const struct keep *k, uint64_t sp, unsigned word_bytes, uint8_t *dump,
			 uint64_t size)
{
	uint64_t at = -sp % word_bytes;

	if (at > size)
		at = size;
	memset(dump, 0, at);
	if (word_bytes == 8) {
		for (; size - at >= 8; at += 8) {
			uint64_t word = ruchy_load64(dump + at);

			if (word && !is_address(k, word))
				ruchy_store64(dump + at, 0);
		}
	}
	for (; size - at >= 4 && word_bytes == 4; at += 4)
		if (!is_address(k, ruchy_load32(dump + at)))
			ruchy_store32(dump + at, 0);
	memset(dump + at, 0, size - at);
}

static void redact_registers(const struct redact *r, const struct keep *k,
			     const struct sample_regs *regs, uint8_t *values)
{
	uint64_t mask = regs->mask, value;

	for (unsigned reg = 0, i = 0; reg < 64; reg++) {
		if (!(mask >> reg & 1))
			continue;
		value = ruchy_load64(values + 8 * (size_t)i);
		if (reg != arch_sp_reg(r->arch) && reg != r->arch->perf[r->arch->pc] &&
		    value != UINT64_MAX && !is_address(k, value))
			ruchy_store64(values + 8 * (size_t)i, 0);
		i++;
	}
}

/* Where the kernel followed frame pointers, any word may have been one: what is no code goes. The
 * first after the mark is the pc. */
static void redact_callchain(const struct keep *k, uint8_t *chain, uint64_t n)
{
	bool user = false, first = false;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t word = ruchy_load64(chain + 8 * i);

		if (word >= (uint64_t)PERF_CONTEXT_MAX) {
			user = word == (uint64_t)PERF_CONTEXT_USER;
			first = true;
			continue;
		}
		if (user && !first && !exec_map_holds(k->map, word & ~k->pac_mask))
			ruchy_store64(chain + 8 * i, 0);
		first = false;
	}
}

/* Where the user part of the sample is; 0: not known. */
static uint64_t user_pc(const struct redact *r, const struct event *e)
{
	uint64_t pc = 0;

	if (sample_regs_get(&e->sample.regs, r->arch->perf[r->arch->pc], &pc))
		return pc;
	if ((e->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER)
		return e->sample.ip;
	for (uint64_t i = 1; i < e->sample.n_callchain; i++)
		if (ruchy_load64(e->sample.callchain + 8 * (i - 1)) == (uint64_t)PERF_CONTEXT_USER)
			return ruchy_load64(e->sample.callchain + 8 * i);
	return 0;
}

int redact_sample(const struct redact *r, uint64_t base, uint8_t *record, size_t size)
{
	const struct sample_stack *stack;
	const struct sample_regs *regs;
	struct event e;
	struct keep k;
	uint64_t sp = 0;

	if (size < 8 || ruchy_load32(record) != PERF_RECORD_SAMPLE ||
	    perf_record_decode(r->events, record, size, &e) < 0)
		return RUCHY_E_DAMAGED;
	stack = &e.sample.stack;
	regs = &e.sample.regs;
	k = keep_of(r, exec_maps_of(r->maps, e.pid, user_pc(r, &e)), base, regs);
	/* The decoder's pointers are into the record. */
	if (e.sample.n_callchain)
		redact_callchain(&k, record + (e.sample.callchain - record), e.sample.n_callchain);
	if (stack->head_size) {
		sample_regs_get(regs, arch_sp_reg(r->arch), &sp);
		redact_stack(&k, sp, regs->abi == PERF_SAMPLE_REGS_ABI_32 ? 4 : 8,
			     record + (stack->head - record), stack->head_size);
	}
	if (regs->abi)
		redact_registers(r, &k, regs, record + (regs->values - record));
	return 0;
}
