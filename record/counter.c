/* SPDX-License-Identifier: MIT */
/* One name to one counter: modifiers, table, raw, PMU. */
#include "record/counter.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/near_name.h"

#define TYPE_SHIFT 32 /* PERF_PMU_TYPE_SHIFT, Linux 5.13: a PMU's type above the config */

/* ---- modifiers ---- */

struct modifiers {
	bool user, kernel, hv;
	int precise; /* -1: none */
	char text[8];
};

static bool parse_modifiers(const char *text, struct modifiers *ret)
{
	struct modifiers m = { .precise = -1 };
	size_t used = 0;

	for (; *text; text++) {
		m.user |= *text == 'u';
		m.kernel |= *text == 'k';
		m.hv |= *text == 'h';
		if (*text == 'p')
			m.precise = m.precise < 0 ? 1 : m.precise + 1;
		if (!strchr("ukhp", *text) || m.precise > 3)
			return false;
	}
	if (m.user)
		m.text[used++] = 'u';
	if (m.kernel)
		m.text[used++] = 'k';
	if (m.hv)
		m.text[used++] = 'h';
	for (int i = 0; i < m.precise; i++)
		m.text[used++] = 'p';
	m.text[used] = '\0';
	*ret = m;
	return true;
}

static int set_name(struct counter *c, const char *base, const char *separator,
		    const struct modifiers *m, struct ruchy_error *err)
{
	c->where = m->user || m->kernel || m->hv;
	c->exclude_user = c->where && !m->user;
	c->exclude_kernel = c->where && !m->kernel;
	c->exclude_hv = c->where && !m->hv;
	c->precise = m->precise;
	if (asprintf(&c->name, "%s%s%s", base, m->text[0] ? separator : "", m->text) < 0) {
		c->name = NULL;
		return ruchy_error_set(err, RUCHY_E_NOMEM, "counter %s: out of memory", base);
	}
	return 0;
}

/* ---- what the kernel names ---- */

static void add_part(struct counter *c, const struct pmu *pmu, uint32_t type, uint64_t config)
{
	if (c->n_parts < COUNTER_MAX_PARTS)
		c->parts[c->n_parts++] =
			(struct counter_part){ .pmu = pmu, .type = type, .config = { config } };
}

/* The kernel's own number of an event: with big and little cores, each PMU by name. */
static void set_parts(struct counter *c, const struct pmu_tree *pmus, uint32_t type,
		      uint64_t config)
{
	const struct pmu *pmu = pmu_tree_core(pmus, 0);

	if (type == PERF_TYPE_SOFTWARE || !pmu_tree_core(pmus, 1)) {
		add_part(c, NULL, type, config);
		if (type == PERF_TYPE_HARDWARE && pmu)
			c->parts[0].max_precise = pmu->max_precise;
		return;
	}
	for (size_t i = 0; (pmu = pmu_tree_core(pmus, i)) && i < COUNTER_MAX_PARTS; i++) {
		if (type == PERF_TYPE_RAW) {
			add_part(c, pmu, pmu->type, config);
			continue;
		}
		add_part(c, pmu, type, config | (uint64_t)pmu->type << TYPE_SHIFT);
		c->parts[i].extended = true;
		if (type == PERF_TYPE_HARDWARE)
			c->parts[i].max_precise = pmu->max_precise;
	}
}

static int parse_kind(const struct counter_kind *kind, const struct modifiers *m,
		      const struct pmu_tree *pmus, struct counter *c, struct ruchy_error *err)
{
	c->unit = kind->unit;
	c->hardware = kind->type != PERF_TYPE_SOFTWARE;
	c->in_kernel = kind->in_kernel;
	memcpy(c->needs, kind->needs, sizeof(c->needs));
	if (!strcmp(kind->name, "cpu_cycles"))
		c->use = COUNTER_CYCLES;
	if (!strcmp(kind->name, "cpu_clock"))
		c->use = COUNTER_CLOCK;
	set_parts(c, pmus, kind->type, kind->config);
	return set_name(c, kind->name, ":", m, err);
}

/* "r1a2": the event's own bits, in hexadecimal. */
static bool is_raw(const char *word, uint64_t *ret)
{
	size_t digits = word[0] == 'r' ? strspn(word + 1, "0123456789abcdefABCDEF") : 0;

	if (!digits || digits > 16 || word[1 + digits])
		return false;
	*ret = strtoull(word + 1, NULL, 16);
	return true;
}

static int parse_raw(const char *word, uint64_t config, const struct modifiers *m,
		     const struct pmu_tree *pmus, struct counter *c, struct ruchy_error *err)
{
	c->unit = "events";
	c->hardware = true;
	set_parts(c, pmus, PERF_TYPE_RAW, config);
	return set_name(c, word, ":", m, err);
}

/* ---- what a PMU names ---- */

static void add_pmu_part(struct counter *c, const struct pmu *pmu, const struct pmu_config *config)
{
	add_part(c, pmu->has_cpus ? pmu : NULL, pmu->type, 0);
	memcpy(c->parts[c->n_parts - 1].config, config->config, sizeof(config->config));
	c->hardware = pmu->core;
	c->wide = pmu->wide;
	c->unit = config->event && config->event->unit ? config->event->unit : "events";
	c->scale = config->event ? config->event->scale : 1;
}

/* An event that PMUs of the CPUs have, by its bare name; those that lack it have no part. */
static bool parse_bare(const char *word, const struct pmu_tree *pmus, struct counter *c)
{
	const struct pmu *pmu;
	struct pmu_config config;

	for (size_t i = 0; (pmu = pmu_tree_core(pmus, i)); i++)
		if (c->n_parts < COUNTER_MAX_PARTS && pmu_find_event(pmu, word) &&
		    pmu_parse_terms(pmu, pmu_find_event(pmu, word)->name, &config, NULL) == 0)
			add_pmu_part(c, pmu, &config);
	return c->n_parts;
}

/* "pmu/terms/modifiers" */
static int parse_pmu(const char *text, const struct pmu_tree *pmus, struct counter *c,
		     struct ruchy_error *err)
{
	const char *open = strchr(text, '/'), *close = strchr(open + 1, '/');
	const struct pmu *pmu = pmu_tree_find(pmus, text, (size_t)(open - text));
	const char *modifiers = close ? close + 1 + (close[1] == ':') : "";
	struct pmu_config config;
	char terms[COUNTER_MAX_NAME], base[COUNTER_MAX_NAME];
	struct modifiers m;
	int rc;

	if (!close || !parse_modifiers(modifiers, &m))
		return ruchy_error_set(
			err, RUCHY_E_USAGE,
			"counter '%s': expected PMU/TERMS/ and of u, k, h and p to ppp behind it",
			text);
	if (!pmu)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "counter '%s': no PMU '%.*s' below %s (--list shows them)",
				       text, (int)(open - text), text, PMU_DIRECTORY);
	snprintf(terms, sizeof(terms), "%.*s", (int)(close - open - 1), open + 1);
	snprintf(base, sizeof(base), "%.*s", (int)(close - text + 1), text);
	rc = pmu_parse_terms(pmu, terms, &config, err);
	if (rc < 0)
		return rc;
#ifndef PERF_ATTR_SIZE_VER8
	if (config.config[3])
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "counter '%s': config3 needs a build on Linux 6.2 or later",
				       text);
#endif
	add_pmu_part(c, pmu, &config);
	return config.name[0] ? set_name(c, config.name, ":", &m, err)
			      : set_name(c, base, "", &m, err);
}

/* ---- any ---- */

static int unknown(const char *name, const struct pmu_tree *pmus, struct ruchy_error *err)
{
	char near[160];

	if (near_name_find(name, pmus, near, sizeof(near)))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "unknown counter '%s': did you mean %s? (--list shows all)",
				       name, near);
	return ruchy_error_set(err, RUCHY_E_USAGE,
			       "unknown counter '%s': there are cpu_cycles, instructions, "
			       "cache_misses, branch_misses, cpu_clock, page_faults, "
			       "context_switches and more (--list shows all)",
			       name);
}

/* "name" or "name:modifiers" */
static int parse_word(const char *text, const struct pmu_tree *pmus, struct counter *c,
		      struct ruchy_error *err)
{
	char word[COUNTER_MAX_NAME];
	const char *colon = strchr(text, ':');
	struct counter_kind kind;
	struct modifiers m;
	uint64_t config;

	snprintf(word, sizeof(word), "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);
	if (!parse_modifiers(colon ? colon + 1 : "", &m))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "counter '%s': only u, k, h and p to ppp may stand behind "
				       "':' (tracepoints are not supported)",
				       text);
	if (counter_table_find(word, &kind))
		return parse_kind(&kind, &m, pmus, c, err);
	if (parse_bare(word, pmus, c))
		return set_name(c, word, ":", &m, err);
	if (is_raw(word, &config))
		return parse_raw(word, config, &m, pmus, c, err);
	return unknown(word, pmus, err);
}

int counter_parse(const char *name, const struct pmu_tree *pmus, struct counter *ret,
		  struct ruchy_error *err)
{
	struct counter c = { .scale = 1, .precise = -1 };
	int rc;

	if (strlen(name) >= COUNTER_MAX_NAME)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "a counter's name of more than %d characters",
				       COUNTER_MAX_NAME - 1);
	rc = strchr(name, '/') ? parse_pmu(name, pmus, &c, err) : parse_word(name, pmus, &c, err);
	if (!rc)
		*ret = c;
	return rc;
}

void counter_fini(struct counter *counter)
{
	free(counter->name);
	counter->name = NULL;
}

/* Is `name` the base, whatever modifiers are behind it? */
static bool has_base(const char *name, const char *base)
{
	size_t size = strlen(base);

	return !strncmp(name, base, size) && (!name[size] || name[size] == ':');
}

bool counter_needs(const struct counter *counter, const struct counter *other)
{
	if (counter->where != other->where || counter->exclude_user != other->exclude_user ||
	    counter->exclude_kernel != other->exclude_kernel ||
	    counter->exclude_hv != other->exclude_hv)
		return false;
	for (size_t i = 0; i < COUNTER_TABLE_NEEDS && counter->needs[i][0]; i++)
		if (has_base(other->name, counter->needs[i]))
			return true;
	return false;
}
