/* SPDX-License-Identifier: MIT */
/*
 * place.h - what is at a pc: the module, the address in it, the row; by address
 * space and runtime pc, so that nothing has to be looked up for a pc that was met
 * before.
 *
 * Direct-mapped, in two halves: what a step reads stands apart, 32 bytes a slot.
 * Address spaces are immutable and have numbers (addrspace_id), so that what is cached never
 * becomes wrong; it is valid with one process table. One thread.
 */
#ifndef RUCHY_ANALYZE_PLACE_H
#define RUCHY_ANALYZE_PLACE_H

#include "analyze/process/addrspace.h"
#include "analyze/unwind/cfi_step.h"
#include "analyze/unwind/unwind_tables.h"

#define PLACE_BITS 13 /* 8192 slots; at most 16 */

struct place {
	struct module *module; /* NULL: no mapping */
	uint64_t address; /* link-time where the module's file is open, else its file offset; of
			     anonymous code and without a mapping absolute */
	const struct cfi_row *row; /* NULL unless open */
	bool open;                 /* an ELF file is open and holds the address */
};

struct place_slot {
	uint64_t pc;
	uint32_t space;  /* addrspace_id; 0: empty slot */
	uint32_t module; /* its id */
	uint64_t address;
	struct cfi_step step; /* CFI_STEP_NONE also where frames have to be looked at closer */
};

struct place_cache {
	struct unwind_tables *tables; /* borrowed */
	const struct arch *arch;
	struct place_slot slots[1u << PLACE_BITS];
	uint16_t callers[1u << PLACE_BITS]; /* by slot: that of the caller last found */
	struct place places[1u << PLACE_BITS];
};

/* Look `pc` up and keep it at slot `i`, which is its own. */
void place_fill(struct place_cache *c, const struct addrspace *space, uint64_t pc, size_t i);

static inline bool place_is(const struct place_slot *slot, uint32_t id, uint64_t pc)
{
	return slot->pc == pc && slot->space == id;
}

/* The slot of a pc in an address space with number `id`, which is not 0: filled. */
static inline size_t place_at(struct place_cache *c, const struct addrspace *space, uint32_t id,
			      uint64_t pc)
{
	uint64_t h = (pc ^ (uint64_t)id << 40) * 0x9e3779b97f4a7c15ull;
	size_t i = (size_t)(h >> (64 - PLACE_BITS));

	if (!place_is(&c->slots[i], id, pc))
		place_fill(c, space, pc, i);
	return i;
}

/*
 * The same where the place of the callee is slot `callee`. Mostly it is the caller that was there
 * last; which takes no more than to be checked, and the processor goes on with its slot before
 * `pc` has come from the stack.
 */
static inline size_t place_caller(struct place_cache *c, const struct addrspace *space, uint32_t id,
				  size_t callee, uint64_t pc)
{
	size_t i = c->callers[callee];

	if (place_is(&c->slots[i], id, pc))
		return i;
	i = place_at(c, space, id, pc);
	c->callers[callee] = (uint16_t)i;
	return i;
}

#endif
