/* SPDX-License-Identifier: MIT */
/*
 * html_stacks.h - the unique stacks of samples as one tree of logical frames, for the page:
 * thread name, then why the stack is broken (if it is), then a node for each function, inlined
 * call and source line, outermost first.
 *
 * Node 0 is the root; parents have smaller numbers than their children. Numbers follow the order
 * of first sight, so rows in time order give the same tree at every run. Each (physical stack,
 * thread name, end) is unfolded once, whatever the number of its samples. One thread; borrows the
 * profile.
 */
#ifndef RUCHY_ANALYZE_HTML_STACKS_H
#define RUCHY_ANALYZE_HTML_STACKS_H

#include "analyze/profile/intern.h"
#include "analyze/profile/keyset.h"
#include "analyze/profile/profile.h"

#define HTML_NO_FILE UINT32_MAX

/* A function at a line, and whether it was inlined there. No padding: a key. */
struct html_symbol {
	uint32_t function, file, line, inlined; /* file: a number in `files`, or HTML_NO_FILE */
};

/* A name that is no function: a thread's (`end` STACK_END_COUNT), or why stacks are broken. */
struct html_label {
	uint32_t name, end; /* name: a number in `names` */
};

/* `what`: a symbol's number, or ~ a label's. */
struct html_node {
	uint32_t parent, what;
};

struct html_stacks {
	const struct profile *p;
	struct intern files, names;
	struct keyset symbols, labels, nodes; /* of the structs above; nodes from 1 */
	struct keyset known;                  /* (physical stack, node it stands on) */
	uint32_t *known_nodes;                /* owned: the node of each */
	size_t max_known;
	uint32_t *way; /* owned: physical stacks on the way to a known one */
	size_t max_way;
};

void html_stacks_init(struct html_stacks *s, const struct profile *p);
/* The node of a row's leaf. RUCHY_E_NOMEM. */
int html_stacks_node(struct html_stacks *s, const struct profile_row *row, uint32_t *ret);
size_t html_stacks_count(const struct html_stacks *s); /* with the root */
/* Of a node that is not the root. */
const struct html_node *html_stacks_at(const struct html_stacks *s, uint32_t node);
const struct html_symbol *html_stacks_symbol(const struct html_stacks *s, uint32_t number);
/* The label's text. */
const char *html_stacks_label(const struct html_stacks *s, uint32_t number, bool *ret_broken);
void html_stacks_fini(struct html_stacks *s);

#endif
