/* SPDX-License-Identifier: MIT */
/*
 * The input is a rule of the gate up to its first line feed, then folded stacks, of which the first
 * half is the base and the whole the new side: parsed, compared and judged.
 */
#include <math.h>
#include <stdlib.h>

#include "analyze/diff/diff_gate.h"

#define MAX_RULE_BYTES 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add(struct diff *d, enum diff_which which, const uint8_t *data, size_t size)
{
	struct ruchy_error err = { 0 };
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	int rc = in ? diff_add_folded(d, which, "folded", in, &err) : RUCHY_E_FORMAT;

	if (in && rc && !*err.text)
		abort();
	if (in)
		fclose(in);
	return rc;
}

/* What stands in a rule is in its text, and its numbers are numbers. */
static void check_rule(const struct diff_rule *rule, const char *text)
{
	if (rule->function &&
	    (rule->function < text || rule->function + rule->function_size > text + strlen(text)))
		abort();
	if (!(rule->p >= 0) || !(rule->q >= 0) || isnan(rule->percent) || !*rule->measure)
		abort();
}

static void judge(struct diff *d, const struct diff_rule *rule)
{
	struct diff_verdict verdict;
	struct diff_comparison c;
	struct ruchy_error err = { 0 };
	FILE *out = fopen("/dev/null", "we");

	if (diff_compare(d, NULL, false, &c, &err))
		abort(); /* two sides with samples can be compared */
	if (out && rule && diff_rule_judge(rule, &c, &verdict, &err) == 0 && verdict.fired)
		diff_verdict_say(&verdict, &c, out);
	if (out)
		fclose(out);
	diff_comparison_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *feed = size ? memchr(data, '\n', size) : NULL;
	size_t n = feed ? (size_t)(feed - data) : 0;
	char text[MAX_RULE_BYTES + 1] = { 0 };
	struct ruchy_error err = { 0 };
	struct diff_rule rule;
	struct diff *d;
	bool parsed;

	if (n)
		memcpy(text, data, n < MAX_RULE_BYTES ? n : MAX_RULE_BYTES);
	parsed = diff_rule_parse(text, &rule, &err) == 0;
	if (parsed)
		check_rule(&rule, text);
	else if (!*err.text)
		abort();
	d = diff_new();
	if (feed && d && add(d, DIFF_BASE, feed + 1, (size - n - 1) / 2) == 0 &&
	    add(d, DIFF_NEW, feed + 1, size - n - 1) == 0 && diff_match(d) == 0)
		judge(d, parsed ? &rule : NULL);
	diff_free(d);
	return 0;
}
