/* SPDX-License-Identifier: MIT */
/*
 * dwarf_exercise.h - bytes as the debug sections of a file: its units are listed and
 * indexed, and every unit is asked for addresses all over its code.
 *
 * The input is the sections' sizes (32 bits each, in the order of enum
 * dwarf_section), then the sections; made_dwarf.py makes one of an ELF file. A size
 * beyond the end is cut, so any bytes are an input.
 */
#ifndef RUCHY_TESTS_DWARF_EXERCISE_H
#define RUCHY_TESTS_DWARF_EXERCISE_H

#include <stdlib.h>

#include "analyze/symbolize/dwarf_index.h"
#include "analyze/symbolize/dwarf_job.h"
#include "ruchy/error.h"

#define EXERCISE_ADDRESSES 128        /* asked of a unit */
#define EXERCISE_STEPS     (1u << 20) /* budget of a unit */

static inline void dwarf_exercise_open(struct dwarf_file *f, const uint8_t *data, size_t size)
{
	struct ruchy_cursor sizes = ruchy_cursor(data, size);
	size_t at = 4 * DWARF_N_SECTIONS < size ? 4 * DWARF_N_SECTIONS : size;

	*f = (struct dwarf_file){ 0 };
	for (unsigned i = 0; i < DWARF_N_SECTIONS; i++) {
		size_t wanted = ruchy_get32(&sizes);

		if (wanted > size - at)
			wanted = size - at;
		f->sections[i] = (struct dwarf_bytes){ data + at, wanted };
		at += wanted;
	}
}

static inline int dwarf_exercise_by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ends and middles of the unit's ranges, or the first bytes where it has none. Sorted. */
static inline size_t dwarf_exercise_addresses(const struct dwarf_index *x, uint32_t unit,
					      uint64_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n && n + 8 < EXERCISE_ADDRESSES; i++) {
		uint64_t low = x->ranges[i].low, size = x->ranges[i].high - low;

		if (x->ranges[i].unit != unit)
			continue;
		for (uint64_t k = 0; k < 8; k++)
			ret[n++] = low + (k == 7 ? size - 1 : size / 8 * k);
	}
	while (n < 8) {
		ret[n] = 0x1000 + n;
		n++;
	}
	qsort(ret, n, sizeof(*ret), dwarf_exercise_by_value);
	return n;
}

/* What came out holds together; the number of frames in it. */
static inline size_t dwarf_exercise_check(const struct dwarf_job *j)
{
	size_t frames = 0;

	for (size_t i = 0; i < j->n; i++) {
		const struct dwarf_chain *chain = &j->chains[i];

		if (!chain->n || chain->first + chain->n > j->n_calls)
			abort();
		for (uint32_t k = 0; k < chain->n; k++) {
			const struct dwarf_call *c = &j->calls[chain->first + k];

			if ((c->name != DWARF_JOB_NONE && c->name >= j->n_texts) ||
			    (c->path != DWARF_JOB_NONE && c->path >= j->n_texts))
				abort();
			frames += c->name != DWARF_JOB_NONE;
		}
	}
	for (size_t i = 0; i < j->n_texts; i++)
		if (strlen(j->texts[i].text) > 1u << 30)
			abort();
	return frames;
}

/* Returns the number of named frames. */
static inline size_t dwarf_exercise_units(const struct dwarf_file *f, const struct dwarf_index *x)
{
	struct dwarf_abbrev_cache *abbrevs = dwarf_abbrev_cache_new();
	size_t frames = 0;

	for (uint32_t i = 0; abbrevs && i < f->n_units && i < 64; i++) {
		static const bool nameless[EXERCISE_ADDRESSES] = { true, true, true, true };
		uint64_t addresses[EXERCISE_ADDRESSES];
		struct dwarf_job j = { .unit = &f->units[i],
				       .lines = &f->units[i],
				       .addresses = addresses,
				       .nameless = nameless,
				       .n = dwarf_exercise_addresses(x, i, addresses),
				       .inlines = true };

		if (dwarf_job_run(&j, abbrevs, EXERCISE_STEPS) == 0)
			frames += dwarf_exercise_check(&j);
		dwarf_job_fini(&j);
	}
	dwarf_abbrev_cache_free(abbrevs);
	return frames;
}

static inline size_t dwarf_exercise(const uint8_t *data, size_t size)
{
	struct dwarf_file f;
	struct dwarf_index x;
	uint32_t unit;
	size_t frames = 0;

	dwarf_exercise_open(&f, data, size);
	f.alt = &f; /* its own supplementary file: any reference leads somewhere */
	if (dwarf_file_units(&f))
		abort();
	if (!dwarf_index_init(&x, &f) && !dwarf_index_add_silent(&x)) {
		dwarf_index_find(&x, 0x1234, &unit);
		frames = dwarf_exercise_units(&f, &x);
	}
	dwarf_index_fini(&x);
	dwarf_file_fini(&f);
	return frames;
}

#endif
