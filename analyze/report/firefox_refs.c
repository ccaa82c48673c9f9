/* SPDX-License-Identifier: MIT */
#include "analyze/report/firefox_refs.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the profile has, once ---- */

static uint32_t all_symbols(const struct profile *p)
{
	uint64_t n = STACK_END_COUNT;

	for (size_t i = 0; i < p->n_frames; i++)
		n += p->frames[i].n_symbols;
	return n < FIREFOX_NONE ? (uint32_t)n : FIREFOX_NONE;
}

static void number_frame(struct firefox_refs *r, uint32_t frame)
{
	const struct profile_frame *f = &r->p->frames[frame];
	const char *path = f->module_path ? f->module_path : f->module;

	r->frame_lib[frame] = path ? intern_text(&r->libs, path) : FIREFOX_NONE;
	r->failed |= path && r->frame_lib[frame] == INTERN_NONE;
	r->first[frame] = r->n_all;
	for (size_t i = f->n_symbols; i-- > 0;) { /* outermost first */
		uint32_t function = f->symbols[i].function;

		r->all[r->n_all++] = (struct firefox_frame){ frame, (uint32_t)i };
		if (r->fn_lib[function] == FIREFOX_NONE)
			r->fn_lib[function] = r->frame_lib[frame];
		if (!r->fn_file[function])
			r->fn_file[function] = f->symbols[i].file;
	}
}

static bool make_local(struct firefox_local *l, size_t n)
{
	l->number = malloc((n + 1) * sizeof(*l->number));
	l->list = malloc((n + 1) * sizeof(*l->list));
	if (l->number)
		memset(l->number, 0xff, (n + 1) * sizeof(*l->number));
	return l->number && l->list;
}

int firefox_refs_init(struct firefox_refs *r, const struct profile *p)
{
	uint32_t n_all = all_symbols(p);

	*r = (struct firefox_refs){ .p = p };
	if (n_all == FIREFOX_NONE)
		return RUCHY_E_NOMEM;
	r->all = calloc(n_all, sizeof(*r->all));
	r->first = calloc(p->n_frames + 1, sizeof(*r->first));
	r->frame_lib = calloc(p->n_frames + 1, sizeof(*r->frame_lib));
	r->fn_lib = malloc((p->n_functions + 1) * sizeof(*r->fn_lib));
	r->fn_file = calloc(p->n_functions + 1, sizeof(*r->fn_file));
	r->chain = calloc(p->n_stacks + 1, sizeof(*r->chain));
	if (!r->all || !r->first || !r->frame_lib || !r->fn_lib || !r->fn_file || !r->chain ||
	    !make_local(&r->stacks, (p->n_stacks + 1) * (STACK_END_COUNT + 1)) ||
	    !make_local(&r->frames, n_all) ||
	    !make_local(&r->funcs, p->n_functions + STACK_END_COUNT) ||
	    !make_local(&r->used_libs, p->n_frames))
		return RUCHY_E_NOMEM;
	memset(r->fn_lib, 0xff, (p->n_functions + 1) * sizeof(*r->fn_lib));
	for (uint32_t i = 0; i < p->n_frames; i++)
		number_frame(r, i);
	for (uint32_t end = 0; end < STACK_END_COUNT; end++)
		r->all[r->n_all++] = (struct firefox_frame){ FIREFOX_NONE, end };
	return r->failed ? RUCHY_E_NOMEM : 0;
}

static void free_local(struct firefox_local *l)
{
	free(l->number);
	free(l->list);
}

void firefox_refs_fini(struct firefox_refs *r)
{
	free(r->all);
	free(r->first);
	free(r->frame_lib);
	free(r->fn_lib);
	free(r->fn_file);
	free(r->chain);
	free(r->rows);
	free_local(&r->stacks);
	free_local(&r->frames);
	free_local(&r->funcs);
	free_local(&r->used_libs);
	intern_fini(&r->libs);
}

/* ---- what a thread refers to ---- */

static uint32_t local_number(struct firefox_local *l, uint32_t of)
{
	if (l->number[of] == FIREFOX_NONE) {
		l->number[of] = l->n;
		l->list[l->n++] = of;
	}
	return l->number[of];
}

static void forget(struct firefox_local *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		l->number[l->list[i]] = FIREFOX_NONE;
	l->n = 0;
}

uint32_t firefox_refs_function(const struct firefox_refs *r, const struct firefox_frame *l)
{
	if (l->frame == FIREFOX_NONE)
		return (uint32_t)r->p->n_functions + l->symbol;
	return r->p->frames[l->frame].symbols[l->symbol].function;
}

static uint32_t add_row(struct firefox_refs *r, uint32_t prefix, uint32_t logical)
{
	if (r->n_rows == r->max_rows) {
		uint32_t max = r->max_rows ? r->max_rows * 2 : 1024;
		struct firefox_row *bigger =
			max > r->max_rows ? realloc(r->rows, max * sizeof(*bigger)) : NULL;

		if (!bigger) {
			r->failed = true;
			return prefix;
		}
		r->rows = bigger;
		r->max_rows = max;
	}
	local_number(&r->funcs, firefox_refs_function(r, &r->all[logical]));
	r->rows[r->n_rows] = (struct firefox_row){ prefix, local_number(&r->frames, logical) };
	return r->n_rows++;
}

/* The place of (stack, end) in r->stacks: all complete ends are one. */
static size_t stack_key(const struct firefox_refs *r, uint32_t stack, uint32_t why)
{
	return (size_t)why * (r->p->n_stacks + 1) + stack;
}

uint32_t firefox_refs_row(struct firefox_refs *r, const struct lane_row *sample)
{
	const struct profile *p = r->p;
	bool broken = sample->end < STACK_END_COUNT &&
		      !stack_end_is_complete((enum stack_end)sample->end);
	uint32_t why = broken ? sample->end + 1 : 0, row = FIREFOX_NONE, stack = sample->stack;
	size_t n = 0;

	for (; stack; stack = p->stacks[stack].parent) {
		row = r->stacks.number[stack_key(r, stack, why)];
		if (row != FIREFOX_NONE)
			break;
		r->chain[n++] = stack;
	}
	if (row == FIREFOX_NONE && broken) {
		size_t root = stack_key(r, 0, why);

		if (r->stacks.number[root] == FIREFOX_NONE) {
			r->stacks.number[root] =
				add_row(r, FIREFOX_NONE, r->n_all - STACK_END_COUNT + sample->end);
			r->stacks.list[r->stacks.n++] = (uint32_t)root;
		}
		row = r->stacks.number[root];
	}
	while (n-- > 0) {
		uint32_t frame = p->stacks[r->chain[n]].frame;
		size_t key = stack_key(r, r->chain[n], why);

		for (size_t i = 0; i < p->frames[frame].n_symbols; i++)
			row = add_row(r, row, r->first[frame] + (uint32_t)i);
		r->stacks.number[key] = row;
		r->stacks.list[r->stacks.n++] = (uint32_t)key;
	}
	return row;
}

uint32_t firefox_refs_lib(struct firefox_refs *r, uint32_t function)
{
	uint32_t lib = function < r->p->n_functions ? r->fn_lib[function] : FIREFOX_NONE;

	return lib == FIREFOX_NONE ? FIREFOX_NONE : local_number(&r->used_libs, lib);
}

void firefox_refs_forget(struct firefox_refs *r)
{
	forget(&r->stacks);
	forget(&r->frames);
	forget(&r->funcs);
	forget(&r->used_libs);
	r->n_rows = 0;
}
