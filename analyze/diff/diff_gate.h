/* SPDX-License-Identifier: MIT */
/*
 * diff_gate.h - conditions under which a build fails: --fail-on RULE.
 *
 *     rule    = measure [ "(" function ")" ] ( ">" | "<" ) change "%" { "&" limit } ;
 *     measure = "self" | "total" | ratio | counter ;
 *     change  = [ "+" | "-" ] number ;
 *     limit   = ( "p" | "q" ) "<" number ;
 *
 * Blanks may stand between any two of these. A function is named as the report
 * prints it; without one, self and total mean each function, a ratio or a counter the
 * whole run. Without a limit, a change must be significant (q < 0.05).
 */
#ifndef RUCHY_ANALYZE_DIFF_GATE_H
#define RUCHY_ANALYZE_DIFF_GATE_H

#include "analyze/diff/diff_compare.h"

struct diff_rule {
	const char *text; /* borrowed */
	char measure[64];
	const char *function; /* in `text`; NULL: none */
	size_t function_size;
	bool above; /* '>', else '<' */
	double percent;
	double p, q; /* limits; INFINITY: none */
};

/* Which rows a rule fired on. */
struct diff_verdict {
	size_t fired;
	const struct diff_table *table;
	const struct diff_row *first; /* of those that fired, the greatest change */
	const char *problem;          /* why the rule could not be judged; static; NULL: it was */
};

/* RUCHY_E_USAGE with what is wrong and where. */
int diff_rule_parse(const char *text, struct diff_rule *ret, struct ruchy_error *err);
/* RUCHY_E_USAGE: the measure is nothing that these traces can have. */
int diff_rule_judge(const struct diff_rule *rule, const struct diff_comparison *c,
		    struct diff_verdict *ret, struct ruchy_error *err);
/* "self of f: 30.10% -> 32.40% (+2.30%, q 0.0001)" into `out`, escaped for a terminal. */
void diff_verdict_say(const struct diff_verdict *v, const struct diff_comparison *c, FILE *out);

#endif
