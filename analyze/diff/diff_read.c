/* SPDX-License-Identifier: MIT */
/* Folded stacks as a run of a struct diff. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "analyze/diff/diff_name.h"
#include "analyze/diff/diff_runs.h"

#define FIRST_LINE 65536 /* bytes in which it must end */

/* The number at a line's end, whose stack then ends before it. False: there is none. */
static bool take_number(char *line, size_t n, uint64_t *ret)
{
	char *end, *at;

	while (n && strchr(" \t\r\n", line[n - 1]))
		line[--n] = 0;
	at = strrchr(line, ' ');
	if (!at || at == line || at[1] < '0' || at[1] > '9')
		return false;
	errno = 0;
	*ret = strtoull(at + 1, &end, 10);
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (errno || *end)
		return false;
	while (at > line && at[-1] == ' ')
		at--;
	*at = 0;
	return at > line;
}

/* The node of a stack, whose text is taken apart. KEYSET_NONE: no memory. */
static uint32_t take_stack(struct diff *d, char *stack, struct ruchy_buf *text)
{
	uint32_t node = 0;

	for (char *frame; node != KEYSET_NONE && (frame = strsep(&stack, ";"));) {
		uint32_t name;

		diff_name_normalise(text, frame);
		name = text->failed ? INTERN_NONE
				    : intern_text(&d->names, (const char *)text->data);
		node = name == INTERN_NONE ? KEYSET_NONE : diff_runs_node(d, node, name, true);
	}
	return node;
}

static int take_lines(struct diff *d, struct diff_run *run, uint32_t column, FILE *in)
{
	struct diff_total *total = &run->totals[column];
	struct ruchy_buf text = { 0 };
	size_t capacity = 0;
	char *line = NULL;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &capacity, in)) >= 0) {
		struct profile_weight self;
		uint32_t node;
		uint64_t number;
		bool nul = strlen(line) != (size_t)n;

		if (nul || !take_number(line, (size_t)n, &number)) {
			run->refused_lines += nul || *line; /* blank lines are none */
			continue;
		}
		node = take_stack(d, line, &text);
		self = (struct profile_weight){ number, number };
		if (node == KEYSET_NONE)
			rc = RUCHY_E_NOMEM;
		else if (__builtin_add_overflow(total->sampled.count, number,
						&total->sampled.count))
			rc = RUCHY_E_FORMAT;
		else if (number)
			rc = diff_runs_cell(run, node, column, self);
		total->sampled.samples = total->sampled.count;
		run->stacks = run->complete = total->sampled.count;
	}
	ruchy_buf_fini(&text);
	free(line);
	return rc;
}

int diff_add_folded(struct diff *d, enum diff_which which, const char *path, FILE *in,
		    struct ruchy_error *err)
{
	struct diff_run *run = diff_runs_add(d, which);
	uint32_t column = intern_text(&d->columns, "samples");
	int rc;

	if (!run || column == INTERN_NONE)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	if (column >= DIFF_MAX_COLUMNS)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: too many counters", path);
	if (d->time_base < 0)
		d->time_base = (int)column;
	run->totals[column] = (struct diff_total){ .weight_of_sample = 1, .recorded = true };
	rc = take_lines(d, run, column, in);
	if (rc == 0 && ferror(in))
		return ruchy_error_errno(err, "%s", path);
	if (rc == RUCHY_E_NOMEM)
		return ruchy_error_set(err, rc, "%s: out of memory", path);
	if (rc || !run->totals[column].sampled.count)
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: %s", path,
				       rc ? "its numbers add up to more than 64 bits hold"
					  : "no line of it is a stack and a number");
	return 0;
}

bool diff_is_folded(const char *path)
{
	char *line = malloc(FIRST_LINE);
	struct stat st;
	FILE *in = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "re") : NULL;
	uint64_t number;
	bool folded = false;
	size_t n;

	if (line && in && fgets(line, FIRST_LINE, in)) {
		n = strlen(line);
		folded = n && line[n - 1] == '\n';
		for (size_t i = 0; folded && i + 1 < n; i++)
			folded = (unsigned char)line[i] >= 0x20 || line[i] == '\t';
		folded = folded && take_number(line, n, &number);
	}
	if (in)
		fclose(in);
	free(line);
	return folded;
}
