/* SPDX-License-Identifier: MIT */
/* The terms of one event: "event=0x3c,umask=0x0,name=x" to config .. config3. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/pmu.h"

#define MAX_WORD 256 /* a term with its value */

static int unknown_term(const struct pmu *pmu, const char *word, struct ruchy_error *err)
{
	char known[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < pmu->n_terms && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, ", %s",
					 pmu->terms[i].name);
	return ruchy_error_set(err, RUCHY_E_USAGE,
			       "PMU %s has no term or event '%s': there are name, config%s",
			       pmu->name, word, known);
}

static const struct pmu_term *find_term(const struct pmu *pmu, const char *name)
{
	for (size_t i = 0; i < pmu->n_terms; i++)
		if (!strcmp(pmu->terms[i].name, name))
			return &pmu->terms[i];
	return NULL;
}

/* The value's bits, lowest first, go to the term's bits of the config. */
static bool put_bits(const struct pmu_term *term, uint64_t value, struct pmu_config *ret)
{
	for (size_t i = 0; i < term->n_ranges; i++) {
		unsigned n = term->ranges[i].last - term->ranges[i].first + 1u;
		uint64_t mask = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
		uint64_t *config = &ret->config[term->config];

		*config &= ~(mask << term->ranges[i].first);
		*config |= (value & mask) << term->ranges[i].first;
		value = n < 64 ? value >> n : 0;
	}
	return !value;
}

static int put_number(const struct pmu *pmu, const char *name, const char *text,
		      struct pmu_config *ret, struct ruchy_error *err)
{
	const struct pmu_term *term = find_term(pmu, name);
	unsigned long long value = 1; /* a term alone is a flag */
	char *end = NULL;

	errno = 0;
	if (text)
		value = strtoull(text, &end, 0);
	if (text && (end == text || *end || errno || *text == '-'))
		return ruchy_error_set(err, RUCHY_E_USAGE, "PMU %s: '%s=%s' is not a number",
				       pmu->name, name, text);
	if (term)
		return put_bits(term, value, ret)
			       ? 0
			       : ruchy_error_set(err, RUCHY_E_USAGE,
						 "PMU %s: %s=%s is more than its bits hold",
						 pmu->name, name, text);
	if (!strncmp(name, "config", 6) && text) {
		unsigned number = name[6] && !name[7] ? (unsigned)(name[6] - '0') : 0;

		if (!name[6] || (number >= 1 && number < PMU_CONFIGS)) {
			ret->config[number] = value;
			return 0;
		}
	}
	return unknown_term(pmu, name, err);
}

static int parse_word(const struct pmu *pmu, char *word, bool nested, struct pmu_config *ret,
		      struct ruchy_error *err);

/* `nested`: these are an event's own terms, which name no event. */
static int parse_words(const struct pmu *pmu, const char *terms, bool nested,
		       struct pmu_config *ret, struct ruchy_error *err)
{
	char word[MAX_WORD];
	int rc = 0;

	while (!rc && *terms) {
		size_t size = strcspn(terms, ",");

		if (!size || size >= sizeof(word))
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "PMU %s: an empty or endless term in '%s'",
					       pmu->name, terms);
		memcpy(word, terms, size);
		word[size] = '\0';
		rc = parse_word(pmu, word, nested, ret, err);
		terms += size + (terms[size] == ',');
	}
	return rc;
}

static int parse_word(const struct pmu *pmu, char *word, bool nested, struct pmu_config *ret,
		      struct ruchy_error *err)
{
	char *value = strchr(word, '=');
	const struct pmu_event *event;

	if (value)
		*value++ = '\0';
	if (value && !strcmp(word, "name")) {
		if (!*value || strlen(value) >= sizeof(ret->name))
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "PMU %s: name= takes 1 to %zu characters", pmu->name,
					       sizeof(ret->name) - 1);
		strcpy(ret->name, value);
		return 0;
	}
	event = value || nested || find_term(pmu, word) ? NULL : pmu_find_event(pmu, word);
	if (!event)
		return put_number(pmu, word, value, ret, err);
	ret->event = event;
	return parse_words(pmu, event->terms, true, ret, err);
}

int pmu_parse_terms(const struct pmu *pmu, const char *terms, struct pmu_config *ret,
		    struct ruchy_error *err)
{
	struct pmu_config config = { 0 };
	int rc = *terms ? parse_words(pmu, terms, false, &config, err)
			: ruchy_error_set(err, RUCHY_E_USAGE,
					  "PMU %s: no event between '/' and '/'", pmu->name);

	if (!rc)
		*ret = config;
	return rc;
}
