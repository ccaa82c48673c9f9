/* SPDX-License-Identifier: MIT */
/* The feature sections of a perf.data file: strings, build-ids, event names. */
#include "format/perf_feature.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>

#define STRING_MIN_BYTES     4 /* u32 length */
#define BUILD_ID_FIELD_BYTES 24
#define MISC_BUILD_ID_SIZE   (1u << 15) /* the 21st byte of the field is the id's size */
#define RECORD_HEADER_BYTES  8
#define CLOCK_DATA_VERSION   1
#define COMPRESSION_ZSTD     1 /* PERF_COMP_ZSTD */

/* u32 length, then so many bytes: zero-terminated and padded. */
static int get_string(struct ruchy_cursor *c, char **ret)
{
	uint32_t length = ruchy_get32(c);
	const uint8_t *text = ruchy_get_bytes(c, length);

	if (!text)
		return RUCHY_E_DAMAGED;
	*ret = strndup((const char *)text, length);
	return *ret ? 0 : RUCHY_E_NOMEM;
}

static int put_string(struct ruchy_cursor *c, char **slot)
{
	char *text;
	int code = get_string(c, &text);

	if (code)
		return code;
	free(*slot);
	*slot = text;
	return 0;
}

static int parse_hostname(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	(void)f;
	return put_string(c, &meta->hostname);
}

static int parse_osrelease(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	(void)f;
	return put_string(c, &meta->kernel);
}

static int parse_arch(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	(void)f;
	return put_string(c, &meta->arch);
}

static int parse_cpudesc(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	(void)f;
	return put_string(c, &meta->cpu_model);
}

static int parse_version(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	char *version, *text;
	int code = get_string(c, &version);

	(void)f;
	if (code)
		return code;
	code = asprintf(&text, "perf %s", version);
	free(version);
	if (code < 0)
		return RUCHY_E_NOMEM;
	free(meta->recorder);
	meta->recorder = text;
	return 0;
}

/* u32 available, u32 online. The kernel's document has them the other way; its code is right. */
static int parse_nrcpus(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	uint32_t online;

	(void)f;
	ruchy_get32(c);
	online = ruchy_get32(c);
	if (c->bad)
		return RUCHY_E_DAMAGED;
	meta->cpus = online;
	return 0;
}

static void free_words(char **words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
}

/* `words` joined by spaces; NULL: no memory. */
static char *join_words(char *const *words, size_t n)
{
	struct ruchy_buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i)
			ruchy_buf_put(&b, " ", 1);
		ruchy_buf_put(&b, words[i], strlen(words[i]));
	}
	ruchy_buf_put(&b, "", 1);
	if (b.failed) {
		ruchy_buf_fini(&b);
		return NULL;
	}
	return (char *)b.data;
}

static int get_words(struct ruchy_cursor *c, char ***ret, size_t *ret_n)
{
	uint32_t n = ruchy_get32(c), i;
	char **words;

	if (c->bad || n > ruchy_left(c) / STRING_MIN_BYTES)
		return RUCHY_E_DAMAGED;
	words = calloc((size_t)n + 1, sizeof(*words));
	if (!words)
		return RUCHY_E_NOMEM;
	for (i = 0; i < n; i++) {
		int code = get_string(c, &words[i]);

		if (code) {
			free_words(words, i);
			return code;
		}
	}
	*ret = words;
	*ret_n = n;
	return 0;
}

/*
 * perf's own words. All of them are what was asked; the command that ran is what follows "--",
 * where there is one: without it only perf knows which of its options take a value.
 */
static int parse_cmdline(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	char **words, *asked;
	size_t n, skip = 0;
	int code = get_words(c, &words, &n);

	(void)f;
	if (code)
		return code;
	asked = join_words(words, n);
	if (!asked) {
		free_words(words, n);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i + 1 < n && !skip; i++)
		skip = strcmp(words[i], "--") ? 0 : i + 1;
	for (size_t i = 0; i < skip; i++)
		free(words[i]);
	/* with the NULL at the end */
	memmove(words, words + skip, (n - skip + 1) * sizeof(*words));

	free_words(meta->command, meta->n_command);
	free(meta->asked);
	meta->command = words;
	meta->n_command = n - skip;
	meta->asked = asked;
	return 0;
}

/* u32 ids, string name, u64 ids; the attr before them was skipped. */
static int get_event(struct ruchy_cursor *c, struct perf_feature_event *ret)
{
	uint32_t n_ids = ruchy_get32(c);
	int code = get_string(c, &ret->name);
	const uint8_t *ids;

	if (code)
		return code;
	ids = ruchy_get_bytes(c, (uint64_t)n_ids * 8);
	if (!ids)
		return RUCHY_E_DAMAGED;
	if (!n_ids)
		return 0;
	ret->ids = malloc(n_ids * sizeof(*ret->ids));
	if (!ret->ids)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; i < n_ids; i++)
		ret->ids[i] = ruchy_load64(ids + (size_t)i * 8);
	ret->n_ids = n_ids;
	return 0;
}

static int parse_event_desc(struct ruchy_cursor *c, struct trace_meta *meta,
			    struct perf_features *f)
{
	uint32_t n = ruchy_get32(c), attr_bytes = ruchy_get32(c);

	(void)meta;
	if (f->events)
		return 0;
	/* Of each event at least the attr, the number of ids and the name's length are there. */
	if (c->bad || n > ruchy_left(c) / ((uint64_t)attr_bytes + 4 + STRING_MIN_BYTES))
		return RUCHY_E_DAMAGED;
	f->events = calloc((size_t)n + 1, sizeof(*f->events));
	if (!f->events)
		return RUCHY_E_NOMEM;
	while (f->n_events < n) {
		struct perf_feature_event *event = &f->events[f->n_events];
		int code;

		ruchy_get_bytes(c, attr_bytes);
		code = get_event(c, event);
		if (code) {
			free(event->name);
			return code;
		}
		f->n_events++;
	}
	return 0;
}

/*
 * Before Linux 5.11 the field has no size: ids of 20 bytes (SHA-1), 16 (MD5, UUID) and 8 (xxHash)
 * are told apart by the zeros after them.
 */
static uint8_t build_id_size(const uint8_t *field, uint16_t misc)
{
	static const uint8_t zeros[EVENT_BUILD_ID_MAX];
	static const uint8_t sizes[] = { 0, 8, 16 };

	if (misc & MISC_BUILD_ID_SIZE)
		return field[EVENT_BUILD_ID_MAX] < EVENT_BUILD_ID_MAX ? field[EVENT_BUILD_ID_MAX]
								      : EVENT_BUILD_ID_MAX;
	for (size_t i = 0; i < sizeof(sizes); i++)
		if (!memcmp(field + sizes[i], zeros, (size_t)(EVENT_BUILD_ID_MAX - sizes[i])))
			return sizes[i];
	return EVENT_BUILD_ID_MAX;
}

static int add_build_id(struct trace_meta *meta, uint16_t misc, const uint8_t *field,
			const char *path, size_t path_max)
{
	struct meta_build_id *grown, id = { .size = build_id_size(field, misc) };
	unsigned mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;

	if (!id.size || (mode != PERF_RECORD_MISC_USER && mode != PERF_RECORD_MISC_KERNEL))
		return 0; /* nothing, or a guest's */
	memcpy(id.id, field, id.size);
	id.path = strndup(path, path_max);
	if (!id.path)
		return RUCHY_E_NOMEM;
	/* doubled at each power of two */
	if (!(meta->n_build_ids & (meta->n_build_ids - 1))) {
		size_t n = meta->n_build_ids ? meta->n_build_ids * 2 : 1;

		grown = reallocarray(meta->build_ids, n, sizeof(*grown));
		if (!grown) {
			free(id.path);
			return RUCHY_E_NOMEM;
		}
		meta->build_ids = grown;
	}
	meta->build_ids[meta->n_build_ids++] = id;
	if (mode == PERF_RECORD_MISC_KERNEL && !strncmp(id.path, "[kernel.", 8)) {
		memcpy(meta->kernel_build_id, id.id, id.size);
		meta->kernel_build_id_size = id.size;
	}
	return 0;
}

/* Records: header, s32 pid, 24 bytes of build-id, path. */
static int parse_build_ids(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f)
{
	(void)f;
	while (ruchy_left(c)) {
		const uint8_t *field, *path;
		uint16_t misc, size;
		int code;

		ruchy_get32(c);
		misc = ruchy_get16(c);
		size = ruchy_get16(c);
		ruchy_get32(c);
		field = ruchy_get_bytes(c, BUILD_ID_FIELD_BYTES);
		if (!field || size < RECORD_HEADER_BYTES + 4 + BUILD_ID_FIELD_BYTES)
			return RUCHY_E_DAMAGED;
		size = (uint16_t)(size - (RECORD_HEADER_BYTES + 4 + BUILD_ID_FIELD_BYTES));
		path = ruchy_get_bytes(c, size);
		if (!path)
			return RUCHY_E_DAMAGED;
		code = add_build_id(meta, misc, field, (const char *)path, size);
		if (code)
			return code;
	}
	return 0;
}

/* u32 version, u32 clock, u64 wall clock ns, u64 ns of the records' clock, at one moment. */
static int parse_clock_data(struct ruchy_cursor *c, struct trace_meta *meta,
			    struct perf_features *f)
{
	uint32_t version = ruchy_get32(c);
	uint64_t wall_ns, clock_ns;

	(void)f;
	ruchy_get32(c);
	wall_ns = ruchy_get64(c);
	clock_ns = ruchy_get64(c);
	if (c->bad)
		return RUCHY_E_DAMAGED;
	if (version != CLOCK_DATA_VERSION)
		return 0;
	meta->has_clock = true;
	meta->clock_realtime_ns = wall_ns;
	meta->clock_monotonic_ns = clock_ns;
	return 0;
}

/* u32 version, u32 codec, and how well it did. */
static int parse_compressed(struct ruchy_cursor *c, struct trace_meta *meta,
			    struct perf_features *f)
{
	uint32_t codec;

	(void)meta;
	(void)f;
	ruchy_get32(c);
	codec = ruchy_get32(c);
	if (c->bad)
		return RUCHY_E_DAMAGED;
	return codec == COMPRESSION_ZSTD ? 0 : RUCHY_E_UNSUPPORTED;
}

static const struct feature {
	enum perf_feature bit;
	const char *name;
	int (*parse)(struct ruchy_cursor *c, struct trace_meta *meta, struct perf_features *f);
} parsers[] = {
	{ PERF_FEATURE_BUILD_ID, "build-ids", parse_build_ids },
	{ PERF_FEATURE_HOSTNAME, "host name", parse_hostname },
	{ PERF_FEATURE_OSRELEASE, "kernel release", parse_osrelease },
	{ PERF_FEATURE_VERSION, "perf version", parse_version },
	{ PERF_FEATURE_ARCH, "architecture", parse_arch },
	{ PERF_FEATURE_NRCPUS, "number of CPUs", parse_nrcpus },
	{ PERF_FEATURE_CPUDESC, "CPU model", parse_cpudesc },
	{ PERF_FEATURE_CMDLINE, "command line", parse_cmdline },
	{ PERF_FEATURE_EVENT_DESC, "event names", parse_event_desc },
	{ PERF_FEATURE_COMPRESSED, "compression", parse_compressed },
	{ PERF_FEATURE_CLOCK_DATA, "clock", parse_clock_data },
};

int perf_feature_take(uint64_t bit, const uint8_t *data, size_t size, struct trace_meta *meta,
		      struct perf_features *features)
{
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		struct ruchy_cursor c = ruchy_cursor(data, size);

		if (parsers[i].bit == bit)
			return parsers[i].parse(&c, meta, features);
	}
	return 0;
}

/* One feature. Damage is noted, and is no error. */
static int read_feature(const struct perf_file *f, struct perf_section s, const struct feature *how,
			struct trace_meta *meta, struct perf_features *features,
			struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	uint8_t *data;
	int code = perf_file_load(f, s, &data, &why);

	if (!code) {
		code = perf_feature_take(how->bit, data, (size_t)s.size, meta, features);
		free(data);
		if (code == RUCHY_E_NOMEM)
			ruchy_error_set(&why, code, "%s: out of memory", f->name);
		else if (code == RUCHY_E_UNSUPPORTED)
			ruchy_error_set(&why, code, "%s: its %s is not supported", f->name,
					how->name);
	}
	if (code == RUCHY_E_DAMAGED || code == RUCHY_E_LIMIT) {
		perf_file_damage(integrity, 0, "the section at offset %llu (%s) is damaged",
				 (unsigned long long)s.offset, how->name);
		return 0;
	}
	return code ? ruchy_error_set(err, code, "%s", why.text) : 0;
}

int perf_feature_read(const struct perf_file *f, const struct perf_header *h,
		      struct trace_meta *meta, struct perf_features *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct perf_features features = { 0 };

	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		struct perf_section s = h->features[parsers[i].bit];
		int code;

		if (!s.size)
			continue;
		code = read_feature(f, s, &parsers[i], meta, &features, integrity, err);
		if (code) {
			perf_feature_fini(&features);
			return code;
		}
	}
	*ret = features;
	return 0;
}

void perf_feature_fini(struct perf_features *features)
{
	for (size_t i = 0; i < features->n_events; i++) {
		free(features->events[i].name);
		free(features->events[i].ids);
	}
	free(features->events);
	*features = (struct perf_features){ 0 };
}
