/* SPDX-License-Identifier: MIT */
/* Unique frames get their names; functions are what has one name in one module. */
#include "analyze/profile/profile_finish.h"

struct function_key {
	uint32_t module, name;
};

static const struct frame_key *frame_key(const struct finish *f, uint32_t number)
{
	return stack_tree_frame(&f->c->tree, number);
}

/* ---- naming ---- */

struct sorted_frame {
	struct stack_frame frame;
	uint32_t number;
};

static int compare_frames(const void *a, const void *b)
{
	const struct stack_frame *x = &((const struct sorted_frame *)a)->frame;
	const struct stack_frame *y = &((const struct sorted_frame *)b)->frame;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Symbolize all unique frames in the order that suits the symbolizer. */
int profile_frames_name(struct finish *f, struct symbolizer *symbolizer)
{
	size_t n = f->c->tree.frames.n;
	struct sorted_frame *sorted = profile_array(n, sizeof(*sorted));
	struct stack_frame *frames = profile_array(n, sizeof(*frames));
	struct symbol_list *lists = profile_array(n, sizeof(*lists));
	int rc = RUCHY_E_NOMEM;

	f->lists = profile_array(n, sizeof(*f->lists));
	if (!sorted || !frames || !lists || !f->lists)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		const struct frame_key *k = frame_key(f, i);

		sorted[i] = (struct sorted_frame){
			{ .module = k->module, .flags = k->flags, .address = k->address }, i
		};
	}
	qsort(sorted, n, sizeof(*sorted), compare_frames);
	for (size_t i = 0; i < n; i++)
		frames[i] = sorted[i].frame;
	rc = symbolizer_run(symbolizer, frames, n, lists);
	for (size_t i = 0; rc == 0 && i < n; i++)
		f->lists[sorted[i].number] = lists[i];
out:
	free(sorted);
	free(frames);
	free(lists);
	return rc;
}

/* ---- functions ---- */

static const char *module_name(const struct module_table *modules, const struct frame_key *k)
{
	if (k->flags & STACK_FRAME_KERNEL)
		return "[kernel]";
	return k->module == MODULE_NONE ? "[unknown]" : module_table_at(modules, k->module)->name;
}

static const char *module_path(const struct module_table *modules, const struct frame_key *k)
{
	return k->module == MODULE_NONE ? "[unknown]" : module_table_at(modules, k->module)->path;
}

/* Functions are told apart by module and name, as people do: parts and copies of one function are
 * one. */
static uint32_t add_function(struct finish *f, const char *module, const struct symbol *s,
			     bool kernel)
{
	struct function_key key = { intern_text(&f->b->texts, module),
				    intern_text(&f->b->texts, s->function) };
	size_t known = f->functions.n;
	uint32_t number;
	struct profile_function *fn;

	if (key.module == INTERN_NONE || key.name == INTERN_NONE)
		return INTERN_NONE;
	number = intern(&f->functions, &key, sizeof(key));
	if (number == INTERN_NONE)
		return number;
	fn = &f->p->functions[number];
	if (number == known)
		*fn = (struct profile_function){ .name = intern_key(&f->b->texts, key.name),
						 .module = intern_key(&f->b->texts, key.module),
						 .address = s->inlined ? 0 : s->address,
						 .kernel = kernel,
						 .named = s->named };
	else if (!s->inlined && (!fn->address || s->address < fn->address))
		fn->address = s->address;
	return number;
}

static int make_frame(struct finish *f, const struct module_table *modules, uint32_t number,
		      struct profile_symbol *symbols)
{
	const struct frame_key *k = frame_key(f, number);
	const struct symbol_list *list = &f->lists[number];
	const char *module = module_name(modules, k);
	struct profile_frame *frame = &f->p->frames[number];

	*frame = (struct profile_frame){ .address = k->address,
					 .module = profile_builder_text(f->b, module),
					 .module_path = profile_builder_text(
						 f->b, module_path(modules, k)),
					 .flags = k->flags,
					 .module_id = k->module,
					 .symbols = symbols,
					 .n_symbols = list->n_symbols };
	if (!frame->module || !frame->module_path)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < list->n_symbols; i++) {
		const struct symbol *s = &list->symbols[i];

		symbols[i] = (struct profile_symbol){
			.function = add_function(f, module, s, k->flags & STACK_FRAME_KERNEL),
			.file = profile_builder_text(f->b, s->file),
			.line = s->line,
			.inlined = s->inlined
		};
		if (symbols[i].function == INTERN_NONE || (s->file && !symbols[i].file))
			return RUCHY_E_NOMEM;
	}
	return 0;
}

static int make_all_frames(struct finish *f, const struct module_table *modules)
{
	struct profile_whole *p = f->p;
	size_t n = f->c->tree.frames.n, n_symbols = 0, at = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		n_symbols += f->lists[i].n_symbols;
	p->frames = profile_array(n, sizeof(*p->frames));
	p->symbols = profile_array(n_symbols, sizeof(*p->symbols));
	p->functions = profile_array(n_symbols, sizeof(*p->functions));
	if (!p->frames || !p->symbols || !p->functions)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		rc = make_frame(f, modules, i, p->symbols + at);
		at += f->lists[i].n_symbols;
	}
	return rc;
}

static int make_stacks(struct finish *f)
{
	size_t n = f->c->tree.n_nodes;

	f->p->stacks = profile_array(n, sizeof(*f->p->stacks));
	if (!f->p->stacks)
		return RUCHY_E_NOMEM;
	for (size_t i = 1; i < n; i++)
		f->p->stacks[i] = (struct profile_stack){ f->c->tree.nodes[i].parent,
							  f->c->tree.nodes[i].frame };
	return 0;
}

int profile_frames_make(struct finish *f, const struct module_table *modules)
{
	int rc = make_all_frames(f, modules);

	return rc < 0 ? rc : make_stacks(f);
}
