/* SPDX-License-Identifier: MIT */
#include "record/pmu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ENTRIES    4096 /* of a directory; the largest known has about a thousand events */
#define MAX_FILE_BYTES 4096

/* ---- files ---- */

/* The first line of a file below `dir`, owned by the caller; NULL: none. */
static char *read_line(int dir, const char *path)
{
	char text[MAX_FILE_BYTES];
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strdup(text);
}

static bool read_number(int dir, const char *path, unsigned long *ret)
{
	char *text = read_line(dir, path), *end = text;
	bool found;

	errno = 0;
	if (text)
		*ret = strtoul(text, &end, 10);
	found = text && end != text && !*end && !errno;
	free(text);
	return found;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Names in the directory `path` below `dir`, sorted; 0 where there is none. */
static size_t list_names(int dir, const char *path, struct dirent ***ret)
{
	int n = scandirat(dir, path, ret, is_shown, by_name);

	if (n < 0)
		return 0;
	for (; n > MAX_ENTRIES; n--)
		free((*ret)[n - 1]);
	return (size_t)n;
}

static void free_names(struct dirent **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	if (n)
		free(names);
}

/* ---- terms and events ---- */

/* A bit's number, of at most two digits, behind `text`; the bytes read, 0: none. */
static size_t parse_bit(const char *text, unsigned *ret)
{
	size_t n = 0;

	for (*ret = 0; n < 2 && text[n] >= '0' && text[n] <= '9'; n++)
		*ret = *ret * 10 + (unsigned)(text[n] - '0');
	return n;
}

/* "config1:0-7,32" into a term. */
static bool parse_format(const char *text, struct pmu_term *term)
{
	unsigned first, last;
	size_t used;

	if (strncmp(text, "config", 6) != 0)
		return false;
	text += 6;
	term->config = *text >= '1' && *text < '0' + PMU_CONFIGS ? (unsigned)(*text++ - '0') : 0;
	for (term->n_ranges = 0; *text == (term->n_ranges ? ',' : ':'); text += used) {
		used = parse_bit(++text, &first);
		if (term->n_ranges == PMU_RANGES || !used)
			return false;
		text += used;
		last = first;
		used = *text == '-' ? parse_bit(text + 1, &last) : 0;
		if (*text == '-' && !used)
			return false;
		text += used != 0;
		if (first > last || last > 63)
			return false;
		term->ranges[term->n_ranges].first = (uint8_t)first;
		term->ranges[term->n_ranges++].last = (uint8_t)last;
	}
	return term->n_ranges && !*text;
}

static int load_terms(int dir, struct pmu *pmu)
{
	struct dirent **names = NULL;
	size_t n = list_names(dir, "format", &names);
	int rc = n && !(pmu->terms = calloc(n, sizeof(*pmu->terms))) ? RUCHY_E_NOMEM : 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct pmu_term *term = &pmu->terms[pmu->n_terms];
		char path[sizeof(names[i]->d_name) + 8], *text;

		snprintf(path, sizeof(path), "format/%s", names[i]->d_name);
		text = read_line(dir, path);
		if (text && parse_format(text, term)) {
			term->name = strdup(names[i]->d_name);
			pmu->n_terms++;
			rc = term->name ? 0 : RUCHY_E_NOMEM;
		}
		free(text);
	}
	free_names(names, n);
	return rc;
}

/* "events/NAME.unit" and the like stand beside the event. */
static bool is_attribute(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".unit") || !strcmp(dot, ".scale") ||
		       !strcmp(dot, ".per-pkg") || !strcmp(dot, ".snapshot"));
}

static void load_unit(int dir, const char *name, struct pmu_event *event)
{
	char path[NAME_MAX + 16], *text;
	double scale;

	snprintf(path, sizeof(path), "events/%s.unit", name);
	event->unit = read_line(dir, path);
	snprintf(path, sizeof(path), "events/%s.scale", name);
	text = read_line(dir, path);
	scale = text ? strtod(text, NULL) : 1;
	event->scale = isfinite(scale) && scale > 0 ? scale : 1;
	free(text);
}

static int load_events(int dir, struct pmu *pmu)
{
	struct dirent **names = NULL;
	size_t n = list_names(dir, "events", &names);
	int rc = n && !(pmu->events = calloc(n, sizeof(*pmu->events))) ? RUCHY_E_NOMEM : 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct pmu_event *event = &pmu->events[pmu->n_events];
		char path[sizeof(names[i]->d_name) + 8];

		snprintf(path, sizeof(path), "events/%s", names[i]->d_name);
		if (is_attribute(names[i]->d_name) || !(event->terms = read_line(dir, path)))
			continue;
		pmu->n_events++;
		load_unit(dir, names[i]->d_name, event);
		event->name = strdup(names[i]->d_name);
		rc = event->name ? 0 : RUCHY_E_NOMEM;
	}
	free_names(names, n);
	return rc;
}

/* ---- a PMU ---- */

/*
 * "cpus" is of the PMUs that belong to some of the CPUs, as on ARM and hybrid x86-64; the other
 * CPUs' PMU is called "cpu". "cpumask" is of those that count for more than a CPU, and names where
 * to ask.
 */
static void load_cpus(int dir, struct pmu *pmu)
{
	char *mask = read_line(dir, "cpumask");

	pmu->cpus_text = read_line(dir, "cpus");
	pmu->has_cpus = pmu->cpus_text && cpu_list_parse(pmu->cpus_text, &pmu->cpus) == 0;
	pmu->core = pmu->has_cpus || !strcmp(pmu->name, "cpu");
	pmu->wide = mask && !pmu->core;
	free(mask);
}

/* Where max_precise is not said there is none: other drivers than x86's accept any precise_ip and
 * ignore it, and the trace would claim what was not done. */
static int load_pmu(int dir, struct pmu *pmu)
{
	unsigned long number;
	int rc;

	if (!read_number(dir, "type", &number) || number > UINT32_MAX)
		return RUCHY_E_FORMAT;
	pmu->type = (uint32_t)number;
	load_cpus(dir, pmu);
	if (read_number(dir, "caps/max_precise", &number))
		pmu->max_precise = number < 3 ? (unsigned)number : 3;
	rc = load_terms(dir, pmu);
	return rc ? rc : load_events(dir, pmu);
}

static void pmu_fini(struct pmu *pmu)
{
	for (size_t i = 0; i < pmu->n_terms; i++)
		free(pmu->terms[i].name);
	for (size_t i = 0; i < pmu->n_events; i++) {
		free(pmu->events[i].name);
		free(pmu->events[i].terms);
		free(pmu->events[i].unit);
	}
	free(pmu->terms);
	free(pmu->events);
	cpu_list_fini(&pmu->cpus);
	free(pmu->cpus_text);
	free(pmu->name);
	*pmu = (struct pmu){ 0 };
}

/* The PMU `name` below `root` becomes the tree's next; what is none is passed over. */
static int add_pmu(int root, const char *name, struct pmu_tree *tree)
{
	struct pmu *pmu = &tree->pmus[tree->n];
	int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (dir < 0)
		return 0;
	pmu->name = strdup(name);
	rc = pmu->name ? load_pmu(dir, pmu) : RUCHY_E_NOMEM;
	close(dir);
	if (!rc)
		tree->n++;
	else
		pmu_fini(pmu);
	return rc == RUCHY_E_FORMAT ? 0 : rc;
}

int pmu_tree_load(const char *directory, struct pmu_tree *ret, struct ruchy_error *err)
{
	struct pmu_tree tree = { 0 };
	struct dirent **names = NULL;
	size_t n = 0;
	int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (root >= 0)
		n = list_names(root, ".", &names);
	if (n && !(tree.pmus = calloc(n, sizeof(*tree.pmus))))
		rc = RUCHY_E_NOMEM;
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_pmu(root, names[i]->d_name, &tree);
	free_names(names, n);
	if (root >= 0)
		close(root);
	if (rc < 0) {
		pmu_tree_fini(&tree);
		return ruchy_error_set(err, rc, "%s: %s", directory, ruchy_error_name(rc));
	}
	*ret = tree;
	return 0;
}

void pmu_tree_fini(struct pmu_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		pmu_fini(&tree->pmus[i]);
	free(tree->pmus);
	*tree = (struct pmu_tree){ 0 };
}

/* ---- look-ups ---- */

const struct pmu *pmu_tree_find(const struct pmu_tree *tree, const char *name, size_t size)
{
	for (size_t i = 0; i < tree->n; i++)
		if (strlen(tree->pmus[i].name) == size && !memcmp(tree->pmus[i].name, name, size))
			return &tree->pmus[i];
	return NULL;
}

const struct pmu *pmu_tree_core(const struct pmu_tree *tree, size_t i)
{
	for (size_t at = 0; at < tree->n; at++)
		if (tree->pmus[at].core && !i--)
			return &tree->pmus[at];
	return NULL;
}

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' && *b == '_') || (*a == '_' && *b == '-')))
			return false;
	return *a == *b;
}

const struct pmu_event *pmu_find_event(const struct pmu *pmu, const char *name)
{
	for (size_t i = 0; i < pmu->n_events; i++)
		if (same_word(pmu->events[i].name, name))
			return &pmu->events[i];
	return NULL;
}
