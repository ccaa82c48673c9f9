/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_calls.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/keyset.h"

/* Of a node: its parent and what it is. No padding. */
struct calls_key {
	uint32_t parent, kind, what;
};

struct making {
	struct report_calls *c;
	const struct profile *p;
	size_t column;
	struct keyset keys;
	const uint8_t *marks; /* by function; NULL: the whole tree */
	uint32_t *of;         /* owned, by node of the profile: ours, UINT32_MAX: none */
};

/* ---- nodes ---- */

static void add(struct profile_weight *to, const struct profile_weight *from)
{
	to->samples += from->samples;
	to->count += from->count;
}

static bool make_room(struct report_calls *c)
{
	size_t max = c->max_nodes ? 2 * c->max_nodes : 256;
	struct report_calls_node *bigger;

	if (c->n_nodes < c->max_nodes)
		return true;
	bigger = realloc(c->nodes, max * sizeof(*bigger));
	if (!bigger)
		return false;
	c->nodes = bigger;
	c->max_nodes = max;
	return true;
}

static int make_root(struct making *m, const char *name)
{
	if (!make_room(m->c))
		return RUCHY_E_NOMEM;
	m->c->nodes[0] = (struct report_calls_node){ .name = name, .kind = PROFILE_NODE_ROOT };
	m->c->n_nodes = 1;
	return 0;
}

/* Names of threads and ends are texts of the profile: one text is one name. */
static uint32_t what_of(const struct profile *p, const struct profile_node *n)
{
	if (n->kind == PROFILE_NODE_FUNCTION)
		return n->function << 1 | n->inlined;
	for (uint32_t i = 0; i < p->n_threads; i++)
		if (!strcmp(p->threads[i].name, n->name))
			return i;
	return (uint32_t)(n - p->nodes);
}

/* Ours for `node` below `parent`; UINT32_MAX: no memory. */
static uint32_t child(struct making *m, uint32_t parent, const struct profile_node *node)
{
	struct calls_key key = { parent, (uint32_t)node->kind, what_of(m->p, node) };
	uint32_t number = keyset_add(&m->keys, &key);

	if (number == KEYSET_NONE || number + 1 < m->c->n_nodes)
		return number == KEYSET_NONE ? UINT32_MAX : number + 1;
	if (!make_room(m->c))
		return UINT32_MAX;
	m->c->nodes[m->c->n_nodes] = (struct report_calls_node){ .name = node->name,
								 .kind = node->kind,
								 .kernel = node->kernel,
								 .inlined = node->inlined,
								 .parent = parent };
	return (uint32_t)m->c->n_nodes++;
}

static void add_weights(const struct making *m, uint32_t to, const struct profile_node *from)
{
	add(&m->c->nodes[to].self, &from->self[m->column]);
	add(&m->c->nodes[to].total, &from->total[m->column]);
}

/* ---- downwards ---- */

/* Ours for a node of the profile that is below the root or a marked function, or is one. */
static int take_down(struct making *m, uint32_t at)
{
	const struct profile_node *node = &m->p->nodes[at];
	uint32_t above = m->of[node->parent];

	m->of[at] = UINT32_MAX;
	if (!node->total[m->column].samples)
		return 0;
	if (above == UINT32_MAX) { /* no marked function above: perhaps it is the outermost */
		if (node->kind == PROFILE_NODE_FUNCTION && m->marks[node->function]) {
			m->of[at] = 0;
			add_weights(m, 0, node);
		}
		return 0;
	}
	m->of[at] = child(m, above, node);
	if (m->of[at] == UINT32_MAX)
		return RUCHY_E_NOMEM;
	add_weights(m, m->of[at], node);
	return 0;
}

static int make_down(struct making *m)
{
	int rc = 0;

	m->of[0] = m->marks ? UINT32_MAX : 0;
	if (!m->marks && m->p->n_nodes)
		add_weights(m, 0, &m->p->nodes[0]);
	for (uint32_t i = 1; rc == 0 && i < m->p->n_nodes; i++)
		rc = take_down(m, i);
	return rc;
}

/* ---- upwards ---- */

/* The way from an outermost marked node to its thread. */
static int climb(struct making *m, uint32_t from)
{
	const struct profile_node *nodes = m->p->nodes;
	const struct profile_weight *weight = &nodes[from].total[m->column];
	uint32_t to = 0;

	add(&m->c->nodes[0].total, weight);
	add(&m->c->nodes[0].self, &nodes[from].self[m->column]);
	for (uint32_t at = nodes[from].parent; at; at = nodes[at].parent) {
		to = child(m, to, &nodes[at]);
		if (to == UINT32_MAX)
			return RUCHY_E_NOMEM;
		add(&m->c->nodes[to].total, weight);
	}
	return 0;
}

static int make_up(struct making *m)
{
	const struct profile_node *nodes = m->p->nodes;
	int rc = 0;

	m->of[0] = 0;
	for (uint32_t i = 1; rc == 0 && i < m->p->n_nodes; i++) {
		bool marked = nodes[i].kind == PROFILE_NODE_FUNCTION && m->marks[nodes[i].function];

		m->of[i] = marked || m->of[nodes[i].parent]; /* is one above, or it? */
		if (marked && !m->of[nodes[i].parent] && nodes[i].total[m->column].samples)
			rc = climb(m, i);
	}
	return rc;
}

/* ---- order ---- */

struct sorted {
	uint32_t node;
	const struct report_calls_node *at;
};

static int compare(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int names;

	if (x->at->parent != y->at->parent)
		return x->at->parent < y->at->parent ? -1 : 1;
	if (x->at->total.count != y->at->total.count)
		return x->at->total.count > y->at->total.count ? -1 : 1;
	names = strcmp(x->at->name, y->at->name);
	return names ? names : (x->node > y->node) - (x->node < y->node);
}

static int link_nodes(struct report_calls *c)
{
	struct sorted *sorted = calloc(c->n_nodes, sizeof(*sorted));

	if (!sorted)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 1; i < c->n_nodes; i++)
		sorted[i - 1] = (struct sorted){ i, &c->nodes[i] };
	qsort(sorted, c->n_nodes - 1, sizeof(*sorted), compare);
	for (size_t i = c->n_nodes - 1; i-- > 0;) {
		struct report_calls_node *node = &c->nodes[sorted[i].node];

		node->next_sibling = c->nodes[node->parent].first_child;
		c->nodes[node->parent].first_child = sorted[i].node;
	}
	free(sorted);
	return 0;
}

/* ---- all of it ---- */

static int make(struct making *m, const char *root, int (*fill)(struct making *m))
{
	int rc = make_root(m, root);

	keyset_init(&m->keys, sizeof(struct calls_key));
	m->of = calloc(m->p->n_nodes + 1, sizeof(*m->of));
	if (!m->of)
		rc = RUCHY_E_NOMEM;
	rc = rc < 0 ? rc : fill(m);
	rc = rc < 0 ? rc : link_nodes(m->c);
	keyset_fini(&m->keys);
	free(m->of);
	return rc;
}

int report_calls_tree(struct report_calls *c, const struct profile *p, size_t column)
{
	struct making m = { .c = c, .p = p, .column = column };

	*c = (struct report_calls){ 0 };
	return make(&m, "all", make_down);
}

int report_calls_around(struct report_calls *c, const struct profile *p, size_t column,
			const char *name, bool callers, struct ruchy_error *err)
{
	struct making m = { .c = c, .p = p, .column = column };
	uint8_t *marks;
	int rc;

	*c = (struct report_calls){ 0 };
	rc = report_calls_find(p, callers ? "--callers" : "--callees", name, &marks, &c->n_matched,
			       err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p->n_functions && c->n_matched == 1; i++)
		if (marks[i])
			name = p->functions[i].name;
	m.marks = marks;
	rc = make(&m, name, callers ? make_up : make_down);
	free(marks);
	return rc;
}

void report_calls_fini(struct report_calls *c)
{
	free(c->nodes);
	*c = (struct report_calls){ 0 };
}

/* ---- functions by name ---- */

static size_t mark_names(const struct profile *p, const char *name, uint8_t *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_functions; i++) {
		marks[i] = !strcmp(p->functions[i].name, name);
		n += marks[i];
	}
	return n;
}

static size_t mark_matches(const struct profile *p, const regex_t *regex, uint8_t *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_functions; i++) {
		marks[i] = !regexec(regex, p->functions[i].name, 0, NULL, 0);
		n += marks[i];
	}
	return n;
}

int report_calls_find(const struct profile *p, const char *flag, const char *name,
		      uint8_t **ret_marks, size_t *ret_n, struct ruchy_error *err)
{
	uint8_t *marks = calloc(p->n_functions + 1, 1);
	regex_t regex;
	int bad;

	if (!marks)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", flag);
	*ret_n = mark_names(p, name, marks);
	bad = *ret_n ? 0 : regcomp(&regex, name, REG_EXTENDED | REG_NOSUB);
	if (!*ret_n && !bad) {
		*ret_n = mark_matches(p, &regex, marks);
		regfree(&regex);
	}
	if (*ret_n) {
		*ret_marks = marks;
		return 0;
	}
	free(marks);
	if (bad == REG_ESPACE)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", flag);
	return ruchy_error_set(err, RUCHY_E_USAGE, "%s: no function is named so, or matches: '%s'",
			       flag, name);
}
