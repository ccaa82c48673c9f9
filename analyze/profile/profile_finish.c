/* SPDX-License-Identifier: MIT */
/*
 * From counts to a profile, once all samples are in: name the unique frames, make
 * functions of them, lay the logical call tree, sum up, sort.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/profile_builder.h"

/* The profile and what it owns. `pub` comes first: a pointer to one is a pointer to the other. */
struct profile_whole {
	struct profile pub;
	struct intern texts;
	struct row_spill *rows;
	struct profile_column *columns;
	struct profile_counter *counters;
	struct profile_function *functions;
	struct profile_frame *frames;
	struct profile_symbol *symbols; /* of all frames */
	struct profile_stack *stacks;
	struct profile_node *nodes;
	struct profile_thread *threads;
	struct profile_weight *function_weights, *node_weights, *thread_weights;
	uint32_t *thread_of_row; /* row's thread number -> index in threads */
	const char **fallbacks, **warnings;
};

/* Scratch of one finish. */
struct finish {
	struct profile_builder *b;
	struct profile_whole *p;
	struct symbol_list *lists;      /* by frame number */
	struct intern functions, nodes; /* keys below */
	uint32_t *stamps;               /* by function: group that counted it last + 1 */
	uint32_t *chain;                /* logical frames of one group, outermost first */
	size_t max_chain;
	uint32_t *seen; /* columns that one group has samples in */
	size_t n_seen;
};

struct function_key {
	uint32_t module, name;
};

struct node_key {
	uint32_t parent, kind, what; /* what: function << 1 | inlined, comm's text, or end */
};

void profile_free(struct profile *pub)
{
	struct profile_whole *p = (struct profile_whole *)pub;

	if (!p)
		return;
	intern_fini(&p->texts);
	row_spill_free(p->rows);
	free(p->columns);
	free(p->counters);
	free(p->functions);
	free(p->frames);
	free(p->symbols);
	free(p->stacks);
	free(p->nodes);
	free(p->threads);
	free(p->function_weights);
	free(p->node_weights);
	free(p->thread_weights);
	free(p->thread_of_row);
	free(p->fallbacks);
	free(p->warnings);
	free(p);
}

/* calloc that gives a pointer for 0 elements too. */
static void *array(size_t n, size_t width)
{
	return calloc(n ? n : 1, width);
}

static const struct frame_key *frame_key(const struct profile_builder *b, uint32_t number)
{
	return (const void *)intern_key(&b->frames, number);
}

static const struct group_key *group_key(const struct profile_builder *b, uint32_t number)
{
	return (const void *)intern_key(&b->groups, number);
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
static int name_frames(struct finish *f, struct symbolizer *symbolizer)
{
	size_t n = f->b->frames.n;
	struct sorted_frame *sorted = array(n, sizeof(*sorted));
	struct stack_frame *frames = array(n, sizeof(*frames));
	struct symbol_list *lists = array(n, sizeof(*lists));
	int rc = RUCHY_E_NOMEM;

	f->lists = array(n, sizeof(*f->lists));
	if (!sorted || !frames || !lists || !f->lists)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		const struct frame_key *k = frame_key(f->b, i);

		sorted[i] = (struct sorted_frame){ { k->module, k->flags, k->address }, i };
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
	const struct frame_key *k = frame_key(f->b, number);
	const struct symbol_list *list = &f->lists[number];
	const char *module = module_name(modules, k);
	struct profile_frame *frame = &f->p->frames[number];

	*frame = (struct profile_frame){ .address = k->address,
					 .module = profile_builder_text(f->b, module),
					 .module_path = profile_builder_text(
						 f->b, module_path(modules, k)),
					 .flags = k->flags,
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

static int make_frames(struct finish *f, const struct module_table *modules)
{
	struct profile_whole *p = f->p;
	size_t n = f->b->frames.n, n_symbols = 0, at = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		n_symbols += f->lists[i].n_symbols;
	p->frames = array(n, sizeof(*p->frames));
	p->symbols = array(n_symbols, sizeof(*p->symbols));
	p->functions = array(n_symbols, sizeof(*p->functions));
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
	size_t n = f->b->stacks.n;

	f->p->stacks = array(n + 1, sizeof(*f->p->stacks));
	if (!f->p->stacks)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct stack_key *k = (const void *)intern_key(&f->b->stacks, i);

		f->p->stacks[i + 1] = (struct profile_stack){ k->parent, k->frame };
	}
	return 0;
}

/* ---- the logical call tree ---- */

/* `function << 1 | inlined` of every logical frame of a stack, outermost first, into f->chain. */
static int unfold(struct finish *f, uint32_t stack, size_t *ret_n)
{
	size_t n = 0, at;

	for (uint32_t s = stack; s; s = f->p->stacks[s].parent)
		n += f->p->frames[f->p->stacks[s].frame].n_symbols;
	if (n > f->max_chain) {
		uint32_t *bigger = realloc(f->chain, n * 2 * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		f->chain = bigger;
		f->max_chain = n * 2;
	}
	at = n;
	for (uint32_t s = stack; s; s = f->p->stacks[s].parent) {
		const struct profile_frame *frame = &f->p->frames[f->p->stacks[s].frame];

		for (size_t i = 0; i < frame->n_symbols; i++)
			f->chain[--at] =
				frame->symbols[i].function << 1 | frame->symbols[i].inlined;
	}
	*ret_n = n;
	return 0;
}

static uint32_t child(struct finish *f, uint32_t parent, enum profile_node_kind kind, uint32_t what)
{
	struct node_key key = { parent, kind, what };
	uint32_t number = intern(&f->nodes, &key, sizeof(key));

	return number == INTERN_NONE ? number : number + 1; /* 0 is the root */
}

/* Note the columns that a group has samples in: few of those that there are. */
static void see_columns(struct finish *f, uint32_t group)
{
	f->n_seen = 0;
	for (uint32_t c = 0; c < f->b->n_columns; c++) {
		const struct weight_array *w = &f->b->columns[c].groups;

		if (group < w->n && w->at[group].samples)
			f->seen[f->n_seen++] = c;
	}
}

/* Add a group's weights to a function's. */
static void add_weights(const struct finish *f, uint32_t group, struct profile_weight *to)
{
	for (size_t i = 0; i < f->n_seen; i++) {
		const struct profile_weight *w = &f->b->columns[f->seen[i]].groups.at[group];

		to[f->seen[i]].samples += w->samples;
		to[f->seen[i]].count += w->count;
	}
}

/* The node of a group's leaf, its way made; every function on the way gets the group's weights as
 * total. */
static uint32_t place_group(struct finish *f, uint32_t group)
{
	const struct group_key *key = group_key(f->b, group);
	uint32_t node = child(f, 0, PROFILE_NODE_COMM, key->comm);
	size_t n;

	if (unfold(f, key->stack, &n) < 0)
		return INTERN_NONE;
	if (node != INTERN_NONE && !stack_end_is_complete((enum stack_end)key->end))
		node = child(f, node, PROFILE_NODE_BROKEN, key->end);
	for (size_t i = 0; i < n && node != INTERN_NONE; i++) {
		uint32_t function = f->chain[i] >> 1;

		node = child(f, node, PROFILE_NODE_FUNCTION, f->chain[i]);
		if (f->stamps[function] == group + 1)
			continue;
		f->stamps[function] = group + 1;
		add_weights(f, group, f->p->functions[function].total);
	}
	if (node != INTERN_NONE && n)
		add_weights(f, group, f->p->functions[f->chain[n - 1] >> 1].self);
	return node;
}

/* "[broken: why]"; NULL: no memory. */
static const char *broken_name(struct profile_builder *b, enum stack_end end)
{
	char text[128];

	snprintf(text, sizeof(text), "[broken: %s]", stack_end_text(end));
	return profile_builder_text(b, text);
}

static void describe_node(struct finish *f, struct profile_node *node, const struct node_key *key)
{
	node->kind = (enum profile_node_kind)key->kind;
	node->parent = key->parent;
	switch (node->kind) {
	case PROFILE_NODE_COMM:
		node->name = intern_key(&f->b->texts, key->what);
		break;
	case PROFILE_NODE_BROKEN:
		node->name = broken_name(f->b, (enum stack_end)key->what);
		break;
	default:
		node->function = key->what >> 1;
		node->inlined = key->what & 1;
		node->name = f->p->functions[node->function].name;
		node->kernel = f->p->functions[node->function].kernel;
		break;
	}
}

/* Nodes from their keys, self weights from the groups, totals from the children. */
static int make_nodes(struct finish *f, const uint32_t *leaf_of_group, size_t n_columns)
{
	struct profile_whole *p = f->p;
	size_t n = f->nodes.n + 1;

	p->nodes = array(n, sizeof(*p->nodes));
	p->node_weights = array(2 * n * n_columns, sizeof(*p->node_weights));
	if (!p->nodes || !p->node_weights)
		return RUCHY_E_NOMEM;
	p->nodes[0].name = "all";
	for (size_t i = 0; i < n; i++) {
		p->nodes[i].self = p->node_weights + 2 * i * n_columns;
		p->nodes[i].total = p->nodes[i].self + n_columns;
		if (i)
			describe_node(f, &p->nodes[i],
				      (const void *)intern_key(&f->nodes, (uint32_t)i - 1));
		if (!p->nodes[i].name)
			return RUCHY_E_NOMEM;
	}
	for (uint32_t g = 0; g < f->b->groups.n; g++)
		for (size_t c = 0; c < n_columns; c++) {
			const struct weight_array *w = &f->b->columns[c].groups;
			struct profile_weight *self = &p->nodes[leaf_of_group[g]].self[c];

			if (g < w->n) {
				self->samples += w->at[g].samples;
				self->count += w->at[g].count;
			}
		}
	for (size_t i = n; i-- > 0;) { /* children have greater numbers than their parent */
		struct profile_node *node = &p->nodes[i], *parent = &p->nodes[node->parent];

		for (size_t c = 0; c < n_columns; c++) {
			node->total[c].samples += node->self[c].samples;
			node->total[c].count += node->self[c].count;
			if (i) {
				parent->total[c].samples += node->total[c].samples;
				parent->total[c].count += node->total[c].count;
			}
		}
		if (i) {
			node->next_sibling = parent->first_child;
			parent->first_child = (uint32_t)i;
		}
	}
	return 0;
}

static int make_tree(struct finish *f)
{
	size_t n_columns = f->b->n_columns, n_functions = f->functions.n;
	struct profile_whole *p = f->p;
	uint32_t *leaves = array(f->b->groups.n, sizeof(*leaves));
	int rc = RUCHY_E_NOMEM;

	if (profile_builder_too_many(f->b, n_functions)) {
		rc = RUCHY_E_LIMIT;
		goto out;
	}
	p->function_weights = array(2 * n_functions * n_columns, sizeof(*p->function_weights));
	f->stamps = array(n_functions, sizeof(*f->stamps));
	f->seen = array(n_columns, sizeof(*f->seen));
	if (!leaves || !p->function_weights || !f->stamps || !f->seen)
		goto out;
	for (size_t i = 0; i < n_functions; i++) {
		p->functions[i].self = p->function_weights + 2 * i * n_columns;
		p->functions[i].total = p->functions[i].self + n_columns;
	}
	for (uint32_t g = 0; g < f->b->groups.n; g++) {
		see_columns(f, g);
		leaves[g] = place_group(f, g);
		if (leaves[g] == INTERN_NONE)
			goto out;
		if (profile_builder_too_many(f->b, f->nodes.n)) {
			rc = RUCHY_E_LIMIT;
			goto out;
		}
	}
	rc = make_nodes(f, leaves, n_columns);
out:
	free(leaves);
	return rc;
}

/* ---- columns, counters, threads ---- */

/* Column whose weights order functions and threads: the time base, else the first. */
static size_t sort_column(const struct profile *p)
{
	return p->time_base >= 0 ? (size_t)p->time_base : 0;
}

static int make_columns(struct finish *f)
{
	struct profile_whole *p = f->p;
	size_t n = f->b->n_columns;

	p->columns = array(n, sizeof(*p->columns));
	if (!p->columns)
		return RUCHY_E_NOMEM;
	p->pub.time_base = -1;
	for (size_t i = 0; i < n; i++) {
		p->columns[i] = f->b->columns[i].pub;
		if (p->columns[i].time_base && p->pub.time_base < 0)
			p->pub.time_base = (int)i;
	}
	p->counters = f->b->counters;
	f->b->counters = NULL;
	return 0;
}

/* How much of the task's time an event was on the PMU: its running time / the task's own clock. */
static void measure_coverage(struct profile_whole *p, size_t n_counters)
{
	double clock = NAN;

	for (size_t i = 0; i < p->pub.n_columns; i++)
		if (p->columns[i].nanoseconds && p->columns[i].has_exact &&
		    p->columns[i].exact_count)
			clock = (double)p->columns[i].exact_count;
	for (size_t i = 0; i < n_counters; i++) {
		struct profile_counter *c = &p->counters[i];

		if (c->available && p->columns[c->column].has_exact) {
			c->coverage = (double)p->columns[c->column].running_ns / clock;
			if (c->coverage > 1)
				c->coverage = 1;
		}
	}
}

struct sorted_thread {
	struct profile_thread thread;
	uint32_t number;
	uint64_t weight;
};

static int compare_threads(const void *a, const void *b)
{
	const struct sorted_thread *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void describe_thread(struct finish *f, struct sorted_thread *t, uint32_t number,
			    struct profile_weight *weights, size_t n_columns)
{
	const struct thread_key *key = (const void *)intern_key(&f->b->threads, number);

	t->number = number;
	t->thread = (struct profile_thread){ .pid = key->pid,
					     .tid = key->tid,
					     .name = intern_key(&f->b->texts, key->name),
					     .weights = weights };
	for (size_t c = 0; c < n_columns; c++)
		if (number < f->b->columns[c].threads.n)
			weights[c] = f->b->columns[c].threads.at[number];
	if (number < f->b->n_thread_ends)
		memcpy(t->thread.ends, f->b->thread_ends[number].ends, sizeof(t->thread.ends));
	t->weight = n_columns ? weights[sort_column(&f->p->pub)].count : 0;
}

static int make_threads(struct finish *f)
{
	size_t n = f->b->threads.n, n_columns = f->b->n_columns;
	struct sorted_thread *sorted = array(n, sizeof(*sorted));
	struct profile_whole *p = f->p;
	int rc = RUCHY_E_NOMEM;

	if (profile_builder_too_many(f->b, n)) {
		rc = RUCHY_E_LIMIT;
		goto out;
	}
	p->threads = array(n, sizeof(*p->threads));
	p->thread_weights = array(n * n_columns, sizeof(*p->thread_weights));
	p->thread_of_row = array(n, sizeof(*p->thread_of_row));
	if (!sorted || !p->threads || !p->thread_weights || !p->thread_of_row)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		describe_thread(f, &sorted[i], i, p->thread_weights + i * n_columns, n_columns);
	qsort(sorted, n, sizeof(*sorted), compare_threads);
	for (uint32_t i = 0; i < n; i++) {
		p->threads[i] = sorted[i].thread;
		p->thread_of_row[sorted[i].number] = i;
	}
	rc = 0;
out:
	free(sorted);
	return rc;
}

/* ---- functions, sorted ---- */

struct sorted_function {
	struct profile_function function;
	uint32_t number;
	uint64_t self, total;
};

static int compare_functions(const void *a, const void *b)
{
	const struct sorted_function *x = a, *y = b;
	int names;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	names = strcmp(x->function.name, y->function.name);
	return names ? names : strcmp(x->function.module, y->function.module);
}

/* Sort the functions and renumber those who speak of them. */
static int sort_functions(struct finish *f)
{
	size_t n = f->functions.n, column = sort_column(&f->p->pub), n_symbols = 0;
	struct sorted_function *sorted = array(n, sizeof(*sorted));
	uint32_t *renumber = array(n, sizeof(*renumber));
	struct profile_whole *p = f->p;
	int rc = RUCHY_E_NOMEM;

	if (!sorted || !renumber)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		sorted[i] = (struct sorted_function){ .function = p->functions[i], .number = i };
		if (f->b->n_columns) {
			sorted[i].self = p->functions[i].self[column].count;
			sorted[i].total = p->functions[i].total[column].count;
		}
	}
	qsort(sorted, n, sizeof(*sorted), compare_functions);
	for (uint32_t i = 0; i < n; i++) {
		p->functions[i] = sorted[i].function;
		renumber[sorted[i].number] = i;
	}
	for (size_t i = 0; i < f->b->frames.n; i++)
		n_symbols += p->frames[i].n_symbols;
	for (size_t i = 0; i < n_symbols; i++)
		p->symbols[i].function = renumber[p->symbols[i].function];
	for (size_t i = 1; i <= f->nodes.n; i++)
		if (p->nodes[i].kind == PROFILE_NODE_FUNCTION)
			p->nodes[i].function = renumber[p->nodes[i].function];
	rc = 0;
out:
	free(sorted);
	free(renumber);
	return rc;
}

/* ---- all of it ---- */

static void publish(struct finish *f)
{
	struct profile_whole *p = f->p;
	struct profile_builder *b = f->b;

	p->pub.columns = p->columns;
	p->pub.n_columns = b->n_columns;
	p->pub.counters = p->counters;
	p->pub.n_counters = b->n_counters;
	p->pub.functions = p->functions;
	p->pub.n_functions = f->functions.n;
	p->pub.frames = p->frames;
	p->pub.n_frames = b->frames.n;
	p->pub.stacks = p->stacks;
	p->pub.n_stacks = b->stacks.n + 1;
	p->pub.nodes = p->nodes;
	p->pub.n_nodes = f->nodes.n + 1;
	p->pub.threads = p->threads;
	p->pub.n_threads = b->threads.n;
	memcpy(p->pub.ends, b->ends, sizeof(p->pub.ends));
	p->pub.info = b->info;
	p->fallbacks = b->fallbacks.at;
	p->warnings = b->warnings.at;
	p->pub.info.fallbacks = p->fallbacks;
	p->pub.info.n_fallbacks = b->fallbacks.n;
	p->pub.info.warnings = p->warnings;
	p->pub.info.n_warnings = b->warnings.n;
	b->fallbacks.at = b->warnings.at = NULL;
	p->rows = b->rows;
	b->rows = NULL;
	p->texts = b->texts; /* every text above lives there */
	b->texts = (struct intern){ 0 };
}

int profile_builder_finish(struct profile_builder *b, struct symbolizer *symbolizer,
			   const struct module_table *modules, struct profile **ret)
{
	struct finish f = { .b = b, .p = calloc(1, sizeof(*f.p)) };
	int rc = f.p ? make_columns(&f) : RUCHY_E_NOMEM;

	rc = rc < 0 ? rc : name_frames(&f, symbolizer);
	rc = rc < 0 ? rc : make_frames(&f, modules);
	rc = rc < 0 ? rc : make_stacks(&f);
	rc = rc < 0 ? rc : make_tree(&f);
	rc = rc < 0 ? rc : make_threads(&f);
	rc = rc < 0 ? rc : sort_functions(&f);
	if (rc == 0) {
		publish(&f);
		measure_coverage(f.p, b->n_counters);
		rc = profile_explain_metrics(&f.p->pub, &f.p->texts);
	}
	if (rc == 0) {
		*ret = &f.p->pub;
		profile_builder_free(b);
	} else {
		profile_free(&f.p->pub);
	}
	free(f.lists);
	free(f.stamps);
	free(f.chain);
	free(f.seen);
	intern_fini(&f.functions);
	intern_fini(&f.nodes);
	return rc;
}

struct row_visit {
	const struct profile_whole *p;
	int (*visit)(void *arg, const struct profile_row *row);
	void *arg;
};

static int visit_row(void *arg, const struct profile_row *row)
{
	const struct row_visit *v = arg;
	struct profile_row renumbered = *row;

	renumbered.thread = v->p->thread_of_row[row->thread];
	return v->visit(v->arg, &renumbered);
}

int profile_rows(const struct profile *pub, int (*visit)(void *arg, const struct profile_row *row),
		 void *arg)
{
	const struct profile_whole *p = (const struct profile_whole *)pub;
	struct row_visit v = { p, visit, arg };

	return p->rows ? row_spill_visit(p->rows, visit_row, &v) : 0;
}
