/* SPDX-License-Identifier: MIT */
#include "analyze/filter.h"

#include <fnmatch.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/bytes.h"

#define MAX_SECONDS 1e9 /* beyond any recording; in ns it fits 64 bits */

/* One end of a time span. */
struct edge {
	bool open, percent;
	double value; /* seconds, or percent */
};

struct regexes {
	regex_t *at; /* owned, and each */
	size_t n;
};

struct filter {
	struct filter_request request;
	struct regexes focus, ignore;
	struct edge from, to;
	char **texts; /* owned, and each */
	size_t n_texts;
};

/* ---- times ---- */

/* A number with a unit: seconds without one. False: it is none. */
static bool parse_edge(const char *text, size_t length, struct edge *ret)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 } };
	char copy[64], *end;

	*ret = (struct edge){ .open = length == 0 };
	if (ret->open)
		return true;
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = 0;
	ret->value = strtod(copy, &end);
	if (end == copy || !isfinite(ret->value) || ret->value < 0)
		return false;
	ret->percent = !strcmp(end, "%");
	if (ret->percent)
		return ret->value <= 100;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].name)) {
			ret->value *= units[i].seconds;
			return ret->value <= MAX_SECONDS;
		}
	return false;
}

static int parse_time(struct filter *f, struct ruchy_error *err)
{
	const char *text = f->request.time, *dots = text ? strstr(text, "..") : NULL;

	f->from.open = f->to.open = true;
	if (!text)
		return 0;
	if (!dots || !parse_edge(text, (size_t)(dots - text), &f->from) ||
	    !parse_edge(dots + 2, strlen(dots + 2), &f->to) || (f->from.open && f->to.open))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--time takes A..B, seconds from the start (or ms, us, %%), "
				       "either end may be left out, not '%s'",
				       text);
	if (!f->from.open && !f->to.open && f->from.percent == f->to.percent &&
	    f->from.value >= f->to.value)
		return ruchy_error_set(err, RUCHY_E_USAGE, "--time %s: it ends where it begins",
				       text);
	return 0;
}

/* `length` is of the whole span: 100 % is behind its last sample. */
static uint64_t place_of(const struct edge *e, uint64_t first, uint64_t length)
{
	double ns = e->percent ? e->value / 100 * (double)length : e->value * 1e9;
	uint64_t offset = ns >= 0x1p63 ? UINT64_MAX : (uint64_t)ceil(ns);

	if (e->percent && offset > length)
		offset = length;
	return first > UINT64_MAX - offset ? UINT64_MAX : first + offset;
}

void filter_times(const struct filter *f, uint64_t first, uint64_t last, uint64_t *from,
		  uint64_t *to)
{
	uint64_t length = last - first < UINT64_MAX ? last - first + 1 : UINT64_MAX;

	*from = f->from.open ? 0 : place_of(&f->from, first, length);
	*to = f->to.open ? UINT64_MAX : place_of(&f->to, first, length);
}

/* ---- patterns ---- */

static int check_names(const struct filter_names *names, const char *flag, struct ruchy_error *err)
{
	for (size_t i = 0; i < names->n; i++)
		if (strlen(names->at[i]) > FILTER_MAX_PATTERN)
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "%s: a pattern has at most %d bytes", flag,
					       FILTER_MAX_PATTERN);
	return 0;
}

static int compile(struct regexes *r, const struct filter_names *from, const char *flag,
		   struct ruchy_error *err)
{
	r->at = calloc(from->n + 1, sizeof(*r->at));
	if (!r->at)
		return RUCHY_E_NOMEM;
	for (; r->n < from->n; r->n++) {
		int bad = regcomp(&r->at[r->n], from->at[r->n], REG_EXTENDED | REG_NOSUB);
		char why[128];

		if (!bad)
			continue;
		if (bad == REG_ESPACE)
			return RUCHY_E_NOMEM;
		regerror(bad, NULL, why, sizeof(why));
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s '%s': %s", flag, from->at[r->n],
				       why);
	}
	return 0;
}

static void regexes_fini(struct regexes *r)
{
	for (size_t i = 0; i < r->n; i++)
		regfree(&r->at[i]);
	free(r->at);
}

static bool any_regex(const struct regexes *r, const char *text)
{
	for (size_t i = 0; i < r->n; i++)
		if (!regexec(&r->at[i], text, 0, NULL, 0))
			return true;
	return false;
}

static bool is_number(const char *text, uint32_t number)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoull(text, &end, 10);
	return !*end && n == number;
}

/* Names may hold what is special in patterns: "[kernel]". */
static bool is_name(const char *pattern, const char *name)
{
	return !strcmp(pattern, name) || !fnmatch(pattern, name, 0);
}

/* ---- texts ---- */

static int add_text(struct filter *f, const char *flag, const char *value)
{
	struct ruchy_buf text = { 0 };

	ruchy_buf_put(&text, flag, strlen(flag));
	if (value) {
		ruchy_buf_put(&text, " ", 1);
		ruchy_buf_put(&text, value, strlen(value));
	}
	ruchy_buf_put(&text, "", 1);
	if (text.failed) {
		ruchy_buf_fini(&text);
		return RUCHY_E_NOMEM;
	}
	f->texts[f->n_texts++] = (char *)text.data;
	return 0;
}

static int add_names(struct filter *f, const char *flag, const struct filter_names *names)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->n; i++)
		rc = add_text(f, flag, names->at[i]);
	return rc;
}

static int make_texts(struct filter *f)
{
	const struct filter_request *r = &f->request;
	size_t n = r->threads.n + r->processes.n + r->comms.n + r->modules.n + r->focus.n +
		   r->ignore.n + 4;
	int rc;

	f->texts = calloc(n, sizeof(char *));
	if (!f->texts)
		return RUCHY_E_NOMEM;
	rc = add_names(f, "--thread", &r->threads);
	rc = rc < 0 ? rc : add_names(f, "--process", &r->processes);
	rc = rc < 0 ? rc : add_names(f, "--comm", &r->comms);
	rc = rc < 0 ? rc : add_names(f, "--module", &r->modules);
	rc = rc == 0 && r->time ? add_text(f, "--time", r->time) : rc;
	rc = rc < 0 ? rc : add_names(f, "--focus", &r->focus);
	rc = rc < 0 ? rc : add_names(f, "--ignore", &r->ignore);
	rc = rc == 0 && r->no_kernel ? add_text(f, "--no-kernel", NULL) : rc;
	rc = rc == 0 && r->merge_threads ? add_text(f, "--merge-threads", NULL) : rc;
	return rc == 0 && r->trim_std ? add_text(f, "--trim-std", NULL) : rc;
}

/* ---- life cycle ---- */

static bool asks_nothing(const struct filter_request *r)
{
	return !r->threads.n && !r->processes.n && !r->comms.n && !r->modules.n && !r->focus.n &&
	       !r->ignore.n && !r->time && !r->no_kernel && !r->merge_threads && !r->trim_std;
}

static int fill(struct filter *f, struct ruchy_error *err)
{
	const struct filter_request *r = &f->request;
	int rc = parse_time(f, err);

	rc = rc < 0 ? rc : check_names(&r->threads, "--thread", err);
	rc = rc < 0 ? rc : check_names(&r->processes, "--process", err);
	rc = rc < 0 ? rc : check_names(&r->comms, "--comm", err);
	rc = rc < 0 ? rc : check_names(&r->modules, "--module", err);
	rc = rc < 0 ? rc : check_names(&r->focus, "--focus", err);
	rc = rc < 0 ? rc : check_names(&r->ignore, "--ignore", err);
	rc = rc < 0 ? rc : compile(&f->focus, &r->focus, "--focus", err);
	rc = rc < 0 ? rc : compile(&f->ignore, &r->ignore, "--ignore", err);
	return rc < 0 ? rc : make_texts(f);
}

int filter_new(const struct filter_request *request, struct filter **ret, struct ruchy_error *err)
{
	struct filter *f;
	int rc;

	*ret = NULL;
	if (asks_nothing(request))
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "filters: out of memory");
	f->request = *request;
	rc = fill(f, err);
	if (rc < 0) {
		filter_free(f);
		if (rc == RUCHY_E_NOMEM)
			ruchy_error_set(err, rc, "filters: out of memory");
		return rc;
	}
	*ret = f;
	return 0;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	regexes_fini(&f->focus);
	regexes_fini(&f->ignore);
	for (size_t i = 0; i < f->n_texts; i++)
		free(f->texts[i]);
	free(f->texts);
	free(f);
}

/* ---- questions ---- */

bool filter_by_thread(const struct filter *f)
{
	return f && (f->request.threads.n || f->request.processes.n || f->request.comms.n);
}

/* No name is asked for, or one of them is it. `number` 0: these names are no numbers. */
static bool takes(const struct filter_names *names, uint32_t number, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if ((number && is_number(names->at[i], number)) || is_name(names->at[i], name))
			return true;
	return !names->n;
}

bool filter_takes_thread(const struct filter *f, uint32_t pid, uint32_t tid, const char *comm,
			 const char *process)
{
	return takes(&f->request.threads, tid, comm) &&
	       takes(&f->request.processes, pid, process) && takes(&f->request.comms, 0, comm);
}

bool filter_by_row(const struct filter *f)
{
	const struct filter_request *r = f ? &f->request : NULL;

	return f && (r->modules.n || r->focus.n || r->ignore.n || r->time || r->no_kernel ||
		     r->merge_threads || r->trim_std);
}

bool filter_by_module(const struct filter *f)
{
	return f->request.modules.n;
}

bool filter_takes_module(const struct filter *f, const char *name, const char *path)
{
	return takes(&f->request.modules, 0, name) || takes(&f->request.modules, 0, path);
}

bool filter_by_focus(const struct filter *f)
{
	return f->focus.n;
}

bool filter_focuses(const struct filter *f, const char *function)
{
	return !f->focus.n || any_regex(&f->focus, function);
}

bool filter_ignores(const struct filter *f, const char *function)
{
	return any_regex(&f->ignore, function);
}

bool filter_hides_kernel(const struct filter *f)
{
	return f->request.no_kernel;
}

bool filter_merges_threads(const struct filter *f)
{
	return f && f->request.merge_threads;
}

bool filter_trims_std(const struct filter *f)
{
	return f->request.trim_std;
}

const char *filter_text(const struct filter *f, size_t at)
{
	return f && at < f->n_texts ? f->texts[at] : NULL;
}
