/* SPDX-License-Identifier: MIT */
#include "record/near_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "record/counter_table.h"

#define MAX_NAME 64 /* longer words are near to nothing */
#define N_BEST   3

struct best {
	char names[N_BEST][MAX_NAME];
	unsigned distances[N_BEST];
	size_t n;
};

static char folded(char c)
{
	return (char)(c == '-' ? '_' : tolower((unsigned char)c));
}

/* How many letters are to be added, left out or replaced (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[MAX_NAME];

	for (size_t i = 0; i <= n; i++)
		row[i] = (unsigned)i;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			unsigned same = diagonal + (folded(*a) != folded(b[k - 1]));
			unsigned least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;

			diagonal = row[k];
			row[k] = same < least ? same : least;
		}
	}
	return row[n];
}

static void consider(struct best *best, const char *name, const char *known)
{
	size_t at = best->n, limit = strlen(name) < 6 ? 1 : strlen(name) / 3;
	unsigned d;

	if (strlen(known) >= MAX_NAME)
		return;
	d = distance(name, known);
	if (d > limit)
		return;
	while (at && best->distances[at - 1] > d)
		at--;
	if (at == N_BEST)
		return;
	best->n += best->n < N_BEST;
	for (size_t i = best->n - 1; i > at; i--) {
		best->distances[i] = best->distances[i - 1];
		memcpy(best->names[i], best->names[i - 1], MAX_NAME);
	}
	best->distances[at] = d;
	snprintf(best->names[at], MAX_NAME, "%s", known);
}

bool near_name_find(const char *name, const struct pmu_tree *pmus, char *buf, size_t size)
{
	struct best best = { .n = 0 };
	struct counter_kind kind;
	const struct pmu *pmu;
	size_t used = 0;

	if (strlen(name) >= MAX_NAME)
		return false;
	for (size_t i = 0; counter_table_get(i, &kind); i++) {
		consider(&best, name, kind.name);
		for (size_t a = 0; a < 3 && kind.aliases[a]; a++)
			consider(&best, name, kind.aliases[a]);
	}
	for (size_t p = 0; (pmu = pmu_tree_core(pmus, p)); p++)
		for (size_t i = 0; i < pmu->n_events; i++)
			consider(&best, name, pmu->events[i].name);
	for (size_t i = 0; i < best.n && used < size; i++) {
		const char *before = !i ? "" : i + 1 < best.n ? ", " : " or ";

		used += (size_t)snprintf(buf + used, size - used, "%s%s", before, best.names[i]);
	}
	return best.n;
}
