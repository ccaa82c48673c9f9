/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/place.h"

#include "analyze/process/module.h"

static struct place find(struct place_cache *c, const struct addrspace *space, uint64_t pc)
{
	const struct mapping *map = addrspace_find(space, pc);
	struct place p = { .address = pc };

	if (!map)
		return p;
	p.module = map->module;
	module_use(p.module);
	if (p.module->kind == MODULE_ANON)
		return p;
	p.address = pc - map->start + map->file_offset;
	if (module_open(unwind_tables_modules(c->tables), p.module))
		p.open = module_address(p.module, p.address, &p.address);
	if (p.open)
		p.row = unwind_tables_row(c->tables, p.module, c->arch, p.address);
	return p;
}

/* Does a caller at `p` have to be looked at closer? Behind the end of its row the kernel's own code
 * that ends a signal handler may lie, which is returned to and never called. */
static bool may_be_sigreturn(const struct arch *arch, const struct place *p)
{
	return arch->sigreturn && p->row && p->row->end == p->address + 1;
}

void place_fill(struct place_cache *c, const struct addrspace *space, uint64_t pc, size_t i)
{
	struct place_slot *slot = &c->slots[i];
	struct place p = find(c, space, pc);

	c->places[i] = p;
	slot->pc = pc;
	slot->space = addrspace_id(space);
	slot->module = p.module ? p.module->id : MODULE_NONE;
	slot->address = p.address;
	slot->step = cfi_step_of(may_be_sigreturn(c->arch, &p) ? NULL : p.row, c->arch);
}
