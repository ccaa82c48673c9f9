/* SPDX-License-Identifier: MIT */
/*
 * What the filters leave of the samples. Those that ask for threads were asked before counting;
 * the others ask for names of frames and for times, both of which are known only now. So the
 * samples, which are kept as rows then, are counted once more: those that are wanted, on the
 * stacks that are shown, into counts that the steps behind this one cannot tell from others.
 *
 * `before` and `after` are the numbers of stacks, frames, groups and threads.
 */
#include <math.h>
#include <string.h>

#include "analyze/filter.h"
#include "analyze/profile/profile_finish.h"
#include "analyze/profile/profile_scaffold.h"

/* What a frame is to the filters. */
enum {
	FRAME_HIDDEN = 1,
	FRAME_FOCUS = 2,   /* has a function that is asked for */
	FRAME_IGNORED = 4, /* has one that is not wanted */
	FRAME_USER = 8,
	FRAME_RUST_START = 16, /* is called by a main that is scaffolding */
	FRAME_MAIN = 32,
};

struct recount {
	struct finish *f;
	const struct filter *filter;
	const struct module_table *modules;
	struct profile_counts *before, *after;
	struct symbol_list *lists; /* owned; by frame after */
	struct symbol *symbols;    /* owned by `f` in the end: those of trimmed lists */
	uint8_t *frames;           /* owned; what they are, by frame before */
	uint8_t *paths;            /* owned; what a stack's frames are, together; by node before */
	uint32_t *nodes;           /* owned; before to after, UINT32_MAX: not yet */
	struct intern names;
	uint8_t *name_flags; /* owned; by name: FRAME_FOCUS | FRAME_IGNORED */
	size_t n_name_flags;
	struct row_spill *rows; /* owned; those that are kept; NULL: nobody wants them */
};

/* ---- frames ---- */

/* What the patterns say of a function, asked once for each name. -1: no memory. */
static int match_name(struct recount *r, const char *name)
{
	uint32_t number = intern_text(&r->names, name);
	uint8_t *bigger;

	if (number == INTERN_NONE)
		return -1;
	if (number < r->n_name_flags)
		return r->name_flags[number];
	if (!(number & (number - 1))) { /* doubles at powers of two */
		bigger = realloc(r->name_flags, number ? 2 * (size_t)number : 1);
		if (!bigger)
			return -1;
		r->name_flags = bigger;
	}
	r->name_flags[number] = (uint8_t)((filter_focuses(r->filter, name) ? FRAME_FOCUS : 0) |
					  (filter_ignores(r->filter, name) ? FRAME_IGNORED : 0));
	r->n_name_flags = number + 1;
	return r->name_flags[number];
}

static const char *module_name(const struct recount *r, const struct frame_key *k)
{
	if (k->flags & STACK_FRAME_KERNEL)
		return "[kernel]";
	return k->module == MODULE_NONE ? "[unknown]"
					: module_table_at(r->modules, k->module)->name;
}

/* Leave scaffolding out of a frame's functions; `*at` is where the copy goes. */
static void trim(const char *module, struct symbol_list *list, struct symbol **at)
{
	struct symbol *kept = *at;
	size_t n = 0;

	for (size_t i = 0; i < list->n_symbols; i++)
		if (!profile_scaffold_is(module, list->symbols[i].function))
			kept[n++] = list->symbols[i];
	if (n == list->n_symbols)
		return;
	if (n)
		kept[n - 1].inlined = false; /* what it was inlined into is not shown */
	*list = (struct symbol_list){ n ? kept : list->symbols, n };
	*at += n;
}

/* Judge a frame before; `lists` of trimmed frames are changed in place. */
static int judge_frame(struct recount *r, uint32_t frame, struct symbol **at)
{
	const struct frame_key *k = stack_tree_frame(&r->before->tree, frame);
	struct symbol_list *list = &r->f->lists[frame];
	bool kernel = k->flags & STACK_FRAME_KERNEL;
	uint8_t flags = kernel ? 0 : FRAME_USER;

	for (size_t i = 0; i < list->n_symbols; i++) {
		int matched = match_name(r, list->symbols[i].function);

		if (matched < 0)
			return RUCHY_E_NOMEM;
		flags |= (uint8_t)matched;
		if (profile_scaffold_is_rust_start(list->symbols[i].function))
			flags |= FRAME_RUST_START;
		if (!strcmp(list->symbols[i].function, "main"))
			flags |= FRAME_MAIN;
	}
	if (kernel && filter_hides_kernel(r->filter))
		flags |= FRAME_HIDDEN;
	if (!kernel && filter_trims_std(r->filter)) {
		size_t n = list->n_symbols;

		trim(module_name(r, k), list, at);
		if (!list->n_symbols) {
			flags |= FRAME_HIDDEN;
			list->n_symbols = n; /* for where nothing else is left to show */
		}
	}
	r->frames[frame] = flags;
	return 0;
}

static int judge_frames(struct recount *r)
{
	size_t n = r->before->tree.frames.n, n_symbols = 0;
	struct symbol *at;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		n_symbols += r->f->lists[i].n_symbols;
	r->symbols = profile_array(n_symbols, sizeof(*r->symbols));
	r->frames = profile_array(n, sizeof(*r->frames));
	r->lists = profile_array(n, sizeof(*r->lists));
	if (!r->symbols || !r->frames || !r->lists)
		return RUCHY_E_NOMEM;
	at = r->symbols;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = judge_frame(r, i, &at);
	return rc;
}

/* ---- stacks ---- */

/* What the frames of each stack are together; parents stand before their children. */
static int judge_paths(struct recount *r)
{
	const struct stack_tree *t = &r->before->tree;

	r->paths = profile_array(t->n_nodes, sizeof(*r->paths));
	r->nodes = profile_array(t->n_nodes, sizeof(*r->nodes));
	if (!r->paths || !r->nodes)
		return RUCHY_E_NOMEM;
	memset(r->nodes, 0xff, t->n_nodes * sizeof(*r->nodes));
	r->nodes[0] = 0;
	for (size_t i = 1; i < t->n_nodes; i++)
		r->paths[i] = r->paths[t->nodes[i].parent] | r->frames[t->nodes[i].frame];
	return 0;
}

static bool takes_leaf(const struct recount *r, uint32_t stack)
{
	const struct frame_key *k;
	const char *path;

	if (!filter_by_module(r->filter))
		return true;
	if (!stack)
		return false;
	k = stack_tree_frame(&r->before->tree, r->before->tree.nodes[stack].frame);
	path = k->module == MODULE_NONE ? "[unknown]"
					: module_table_at(r->modules, k->module)->path;
	return filter_takes_module(r->filter, module_name(r, k), path);
}

static bool takes_stack(const struct recount *r, uint32_t stack)
{
	uint8_t is = r->paths[stack];

	if (filter_by_focus(r->filter) && !(is & FRAME_FOCUS))
		return false;
	if (is & FRAME_IGNORED)
		return false;
	/* what runs in the kernel alone has no caller that it could be folded into */
	if (filter_hides_kernel(r->filter) && stack && !(is & FRAME_USER))
		return false;
	return takes_leaf(r, stack);
}

/* The node (after) of `frame` (before) below `parent` (after); UINT32_MAX: no memory. */
static uint32_t add_node(struct recount *r, uint32_t parent, uint32_t frame)
{
	struct frame_key key = *stack_tree_frame(&r->before->tree, frame);
	uint32_t made = stack_tree_child(&r->after->tree, parent, &key);

	if (!made)
		return UINT32_MAX;
	r->lists[r->after->tree.nodes[made].frame] = r->f->lists[frame];
	return made;
}

/* Is `node` a main that only hands over to Rust's start, which `child` is? */
static bool is_rust_main(const struct recount *r, uint32_t node, uint32_t child)
{
	const struct stack_node *at = r->before->tree.nodes;

	return node && filter_trims_std(r->filter) && (r->frames[at[node].frame] & FRAME_MAIN) &&
	       (r->frames[at[child].frame] & FRAME_RUST_START);
}

/* The stack (after) that a stack (before) is shown as; UINT32_MAX: no memory. */
static uint32_t shown_as(struct recount *r, uint32_t stack)
{
	const struct stack_node *at = r->before->tree.nodes;
	uint32_t way[STACK_MAX_FRAMES], n = 0, node = stack, made;

	for (; r->nodes[node] == UINT32_MAX; node = at[node].parent)
		way[n++] = node;
	made = r->nodes[node];
	while (n) {
		node = way[--n];
		if (n && is_rust_main(r, node, way[n - 1]))
			continue; /* nor is it made for nobody */
		if (!(r->frames[at[node].frame] & FRAME_HIDDEN))
			made = add_node(r, made, at[node].frame);
		else if (is_rust_main(r, at[node].parent, node))
			made = r->nodes[at[at[node].parent].parent];
		if (made == UINT32_MAX)
			return made;
		r->nodes[node] = made;
	}
	/* A sample whose every frame is scaffolding is shown as what it is. */
	return !made && stack ? add_node(r, 0, at[stack].frame) : made;
}

/* ---- samples ---- */

static bool takes_time(const struct recount *r, const struct spilled_row *row)
{
	const struct trace_times *t = r->f->b->times;

	while (row->order > t->last_order) /* the last trace has the greatest order of all */
		t++;
	return row->time_ns >= t->from_ns && row->time_ns < t->to_ns;
}

static int add_thread(struct recount *r, uint64_t order, uint32_t number,
		      struct thread_key *ret_key, uint32_t *ret)
{
	const struct thread_key *from = keyset_key(&r->before->threads.keys, number);

	*ret_key = *from;
	if (filter_merges_threads(r->filter))
		ret_key->tid = from->pid; /* the name is the process's already */
	ret_key->name = intern_text(&r->after->texts, intern_key(&r->before->texts, from->name));
	if (ret_key->name == INTERN_NONE)
		return RUCHY_E_NOMEM;
	*ret = first_seen_add(&r->after->threads, ret_key, order);
	return *ret == KEYSET_NONE ? RUCHY_E_NOMEM : 0;
}

static int keep_row(struct recount *r, const struct spilled_row *row, const struct counted *as)
{
	struct spilled_row kept = *row;

	kept.group = as->group;
	kept.thread = as->thread;
	return r->rows ? row_spill_add(r->rows, 0, &kept) : 0;
}

/* Count a sample that is wanted, of the group `from`. */
static int take_row(struct recount *r, const struct spilled_row *row, const struct group_key *from,
		    uint32_t thread)
{
	struct group_key key = { .stack = shown_as(r, from->stack), .end = from->end };
	struct profile_counts *to = r->after;
	struct thread_key thread_key;
	struct counted as;
	int rc = key.stack == UINT32_MAX
			 ? RUCHY_E_NOMEM
			 : add_thread(r, row->order, thread, &thread_key, &as.thread);

	if (rc < 0)
		return rc;
	if (filter_merges_threads(r->filter))
		key.comm = thread_key.name;
	else
		key.comm = intern_text(&to->texts, intern_key(&r->before->texts, from->comm));
	if (key.comm == INTERN_NONE)
		return RUCHY_E_NOMEM;
	as.group = first_seen_add(&to->groups, &key, row->order);
	if (as.group == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	as.leaf = key.stack ? to->tree.nodes[key.stack].frame : COUNTED_NO_LEAF;
	rc = profile_counts_put(to, &as, row->column, row->period,
				r->f->p->columns[row->column].time_base, from->end);
	return rc < 0 ? rc : keep_row(r, row, &as);
}

static int visit_row(void *arg, unsigned worker, const struct spilled_row *row)
{
	struct recount *r = arg;
	const struct counts_map *map = &r->f->p->maps[worker];
	const struct group_key *group = &r->f->p->groups[map->groups[row->group]];

	if (!takes_time(r, row) || !takes_stack(r, group->stack))
		return 0;
	return take_row(r, row, group, map->threads[row->thread]);
}

/* ---- the result instead of what was ---- */

static uint32_t *same_numbers(size_t n)
{
	uint32_t *numbers = profile_array(n, sizeof(*numbers));

	for (uint32_t i = 0; numbers && i < n; i++)
		numbers[i] = i;
	return numbers;
}

/* Rows have our numbers now. */
static int make_map(struct recount *r)
{
	struct counts_map *map = profile_array(1, sizeof(*map));
	struct profile_whole *p = r->f->p;

	if (!map)
		return RUCHY_E_NOMEM;
	for (unsigned i = 0; i < p->n_maps; i++) {
		free(p->maps[i].groups);
		free(p->maps[i].threads);
	}
	free(p->maps);
	p->maps = map;
	p->n_maps = 1;
	map->groups = same_numbers(r->after->groups.keys.n);
	map->threads = same_numbers(r->after->threads.keys.n);
	return map->groups && map->threads ? 0 : RUCHY_E_NOMEM;
}

static int replace(struct recount *r)
{
	struct finish *f = r->f;
	int rc = make_map(r);

	row_spill_free(f->b->rows);
	f->b->rows = r->rows;
	r->rows = NULL;
	profile_counts_free(f->c);
	f->c = r->after;
	r->after = NULL;
	free(f->lists);
	f->lists = r->lists;
	r->lists = NULL;
	f->trimmed = r->symbols;
	r->symbols = NULL;
	return rc;
}

static int count_again(struct finish *f, const struct module_table *modules)
{
	struct recount r = { .f = f, .filter = f->b->filter, .modules = modules, .before = f->c };
	int rc = RUCHY_E_NOMEM;

	r.after = profile_counts_new();
	if (f->b->rows_wanted)
		r.rows = row_spill_new(1);
	if (r.after && (r.rows || !f->b->rows_wanted))
		rc = profile_counts_trace(r.after, f->b->n_columns);
	rc = rc < 0 ? rc : judge_frames(&r);
	rc = rc < 0 ? rc : judge_paths(&r);
	rc = rc < 0 ? rc : row_spill_visit(f->b->rows, visit_row, &r);
	rc = rc < 0 ? rc : replace(&r);
	rc = rc < 0 ? rc : profile_groups_keep(f);
	profile_counts_free(r.after);
	row_spill_free(r.rows);
	intern_fini(&r.names);
	free(r.name_flags);
	free(r.lists);
	free(r.symbols);
	free(r.frames);
	free(r.paths);
	free(r.nodes);
	return rc;
}

/* ---- times ---- */

/* The wanted part of each trace, and how long the parts are together. */
static void cut_times(struct finish *f)
{
	struct profile_builder *b = f->b;
	uint64_t duration = 0;

	for (size_t i = 0; i < b->info.n_traces; i++) {
		struct trace_times *t = &b->times[i];
		uint64_t from, to;

		if (t->first_ns > t->last_ns)
			continue;
		filter_times(b->filter, t->first_ns, t->last_ns, &t->from_ns, &t->to_ns);
		from = t->from_ns > t->first_ns ? t->from_ns : t->first_ns;
		to = t->to_ns < t->last_ns ? t->to_ns : t->last_ns;
		duration += from < to ? to - from : 0;
	}
	b->info.duration_ns = duration;
}

/* ---- what is said of it ---- */

static int list_filters(struct finish *f)
{
	struct profile_whole *p = f->p;
	size_t n = 0;

	while (filter_text(f->b->filter, n))
		n++;
	p->filters = profile_array(n, sizeof(char *));
	if (!p->filters)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		p->filters[i] = profile_builder_text(f->b, filter_text(f->b->filter, i));
		if (!p->filters[i])
			return RUCHY_E_NOMEM;
	}
	p->pub.filters.options = p->filters;
	p->pub.filters.n_options = n;
	return 0;
}

/* Totals and coverage are of the whole recording: where a part is shown they say nothing. */
static void narrow_totals(struct finish *f)
{
	for (size_t i = 0; i < f->b->n_columns; i++)
		f->p->columns[i].has_exact = false;
	for (size_t i = 0; i < f->b->n_counters; i++) {
		struct profile_counter *c = &f->p->counters[i];

		if (!c->available || c->column < 0)
			continue;
		c->coverage = NAN;
		c->coverage_reason = "only a part of the recording is shown";
	}
	if (filter_by_row(f->b->filter))
		f->p->pub.advice_samples = f->p->pub.advice_bytes = 0;
}

static void compare_with_all(struct finish *f)
{
	struct profile_filters *said = &f->p->pub.filters;
	int base = f->p->pub.time_base;

	for (size_t i = 0; i < f->b->n_columns; i++) {
		struct profile_column *c = &f->p->columns[i];
		struct profile_weight all = c->total, kept = f->c->columns[i].total;

		said->narrowed |= kept.samples != all.samples;
		if (base < 0 || base == (int)i) {
			said->all.samples += all.samples;
			said->all.count += all.count;
			said->kept.samples += kept.samples;
			said->kept.count += kept.count;
		}
		c->total = kept;
		c->squares = f->c->columns[i].squares;
	}
	if (said->narrowed)
		narrow_totals(f);
}

int profile_filter_run(struct finish *f, const struct module_table *modules)
{
	int rc = 0;

	if (!f->b->filter)
		return 0;
	if (filter_by_row(f->b->filter)) {
		cut_times(f);
		rc = count_again(f, modules);
	}
	rc = rc < 0 ? rc : list_filters(f);
	if (rc == 0)
		compare_with_all(f);
	return rc;
}
