/* SPDX-License-Identifier: MIT */
#include "analyze/process/jitdump.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/bytes.h"
#include "ruchy/error.h"

#define MAGIC          0x4A695444u
#define HEADER_BYTES   40
#define PREFIX_BYTES   16
#define ARCH_TIMESTAMP 1u /* header flag: times are of the CPU's cycle counter */

#define MAX_RECORD_BYTES (16u << 20)
#define MAX_MOVABLE      (1u << 22) /* codes that a JIT_CODE_MOVE may refer to */

enum record_id { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO };

/* Where the code of an index lies in the dump. */
struct movable {
	uint64_t index, offset, size;
};

struct jitdump {
	struct jitdump_sink sink;
	uint64_t at;              /* offset in the dump of pending's first byte */
	struct ruchy_buf pending; /* the beginning of a record */
	struct ruchy_buf lines;   /* the body of the debug record that waits for its code */
	struct movable *movable;  /* owned; sorted by index, which compilers count up */
	size_t n_movable;
	bool has_header, has_time;
	const char *problem;
};

struct jitdump *jitdump_new(const struct jitdump_sink *sink)
{
	struct jitdump *j = calloc(1, sizeof(*j));

	if (j)
		j->sink = *sink;
	return j;
}

void jitdump_free(struct jitdump *j)
{
	if (!j)
		return;
	ruchy_buf_fini(&j->pending);
	ruchy_buf_fini(&j->lines);
	free(j->movable);
	free(j);
}

const char *jitdump_problem(const struct jitdump *j)
{
	return j->problem;
}

static int give_up(struct jitdump *j, const char *problem)
{
	j->problem = problem;
	ruchy_buf_clear(&j->pending);
	return 0;
}

/* ---- codes by index ---- */

/* The number of codes whose index is at or below `index`. */
static size_t movable_upto(const struct jitdump *j, uint64_t index)
{
	size_t lo = 0, hi = j->n_movable;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (j->movable[mid].index <= index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Remember a code in the order of indices; one that does not count up can't be moved later. */
static int remember(struct jitdump *j, const struct movable *m)
{
	size_t n = j->n_movable;

	if (n == MAX_MOVABLE || (n && j->movable[n - 1].index >= m->index))
		return 0;
	if (!(n & (n - 1))) {
		struct movable *bigger = realloc(j->movable, (n ? 2 * n : 1) * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		j->movable = bigger;
	}
	j->movable[j->n_movable++] = *m;
	return 0;
}

/* ---- records ---- */

/* A text that ends inside the cursor; NULL (and bad): it does not. */
static const char *take_text(struct ruchy_cursor *c)
{
	const uint8_t *end = c->bad ? NULL : memchr(c->at, 0, ruchy_left(c));

	if (!end) {
		c->bad = true;
		return NULL;
	}
	return (const char *)ruchy_get_bytes(c, (uint64_t)(end - c->at) + 1);
}

/* The lines that came before their code, if they are of the code at `address`. */
static int give_lines(struct jitdump *j, uint64_t address, const struct jitdump_code *code)
{
	struct ruchy_cursor c = ruchy_cursor(j->lines.data, j->lines.size);
	uint64_t n;
	const char *file = NULL;
	int rc = 0;

	if (!j->lines.size || ruchy_get64(&c) != address)
		return 0;
	n = ruchy_get64(&c);
	for (uint64_t i = 0; !rc && i < n; i++) {
		uint64_t at = ruchy_get64(&c);
		struct jitdump_line line = { .line = ruchy_get32(&c) };
		const char *name;

		ruchy_get32(&c); /* discriminator */
		name = take_text(&c);
		if (c.bad)
			break;
		/* A single 0xff stands for the same file again. */
		if (strcmp(name, "\xff") != 0)
			file = name;
		line.file = file;
		if (!file || at < address || at - address >= code->size)
			continue;
		line.offset = code->offset + (at - address);
		rc = j->sink.line(j->sink.arg, &line);
	}
	ruchy_buf_clear(&j->lines);
	return rc;
}

static int take_load(struct jitdump *j, uint64_t time_ns, const uint8_t *record, size_t size)
{
	struct ruchy_cursor c = ruchy_cursor(record + PREFIX_BYTES, size - PREFIX_BYTES);
	struct jitdump_code code = { .time_ns = time_ns };
	uint64_t address, index;
	int rc;

	ruchy_get64(&c); /* pid and tid: in the process's own namespace, no use to us */
	code.start = ruchy_get64(&c);
	address = ruchy_get64(&c);
	code.size = ruchy_get64(&c);
	index = ruchy_get64(&c);
	code.name = take_text(&c);
	if (c.bad || code.size > ruchy_left(&c) || !code.size ||
	    code.start + code.size < code.start)
		return give_up(j, "a code record makes no sense");
	code.offset = j->at + (uint64_t)(c.end - record) - code.size;
	rc = j->sink.code(j->sink.arg, &code);
	if (!rc)
		rc = remember(j, &(struct movable){ index, code.offset, code.size });
	return rc ? rc : give_lines(j, address, &code);
}

static int take_move(struct jitdump *j, uint64_t time_ns, const uint8_t *record, size_t size)
{
	struct ruchy_cursor c = ruchy_cursor(record + PREFIX_BYTES, size - PREFIX_BYTES);
	struct jitdump_code code = { .time_ns = time_ns };
	uint64_t index;
	size_t n;

	ruchy_get64(&c); /* pid and tid */
	ruchy_get64(&c); /* vma: of the old place */
	ruchy_get64(&c); /* old address */
	code.start = ruchy_get64(&c);
	code.size = ruchy_get64(&c);
	index = ruchy_get64(&c);
	n = movable_upto(j, index);
	if (c.bad || !code.size || code.start + code.size < code.start)
		return give_up(j, "a move record makes no sense");
	if (!n || j->movable[n - 1].index != index || code.size > j->movable[n - 1].size)
		return 0; /* of code that we never saw */
	code.offset = j->movable[n - 1].offset;
	return j->sink.code(j->sink.arg, &code);
}

static int take_record(struct jitdump *j, const uint8_t *record, size_t size)
{
	uint64_t time_ns = j->has_time ? ruchy_load64(record + 8) : 0;

	switch (ruchy_load32(record)) {
	case CODE_LOAD:
		return take_load(j, time_ns, record, size);
	case CODE_MOVE:
		return take_move(j, time_ns, record, size);
	case CODE_DEBUG_INFO:
		ruchy_buf_clear(&j->lines);
		ruchy_buf_put(&j->lines, record + PREFIX_BYTES, size - PREFIX_BYTES);
		return j->lines.failed ? RUCHY_E_NOMEM : 0;
	default:
		return 0; /* closing, unwinding, and what later versions add */
	}
}

/* The size of what begins here, header or record; 0: not enough bytes to tell. */
static uint64_t size_at(struct jitdump *j, const uint8_t *at, size_t left)
{
	size_t least = j->has_header ? PREFIX_BYTES : HEADER_BYTES;
	uint64_t size;

	if (left < least)
		return 0;
	size = ruchy_load32(at + (j->has_header ? 4 : 8));
	if (!j->has_header && ruchy_load32(at) != MAGIC)
		give_up(j, "it is not a jitdump of this byte order");
	else if (size < least || size > MAX_RECORD_BYTES)
		give_up(j, "a record's size makes no sense");
	return size;
}

static void take_header(struct jitdump *j, const uint8_t *header)
{
	j->has_header = true;
	j->has_time = !(ruchy_load64(header + 32) & ARCH_TIMESTAMP);
}

/* Take all whole records of pending; the beginning of the next one stays. */
static int take_pending(struct jitdump *j)
{
	size_t done = 0;
	int rc = 0;

	while (!rc && !j->problem) {
		const uint8_t *at = j->pending.data + done;
		size_t left = j->pending.size - done;
		uint64_t size = size_at(j, at, left);

		if (j->problem || !size || size > left)
			break;
		if (j->has_header)
			rc = take_record(j, at, (size_t)size);
		else
			take_header(j, at);
		j->at += size;
		done += (size_t)size;
	}
	if (!j->problem && done) {
		memmove(j->pending.data, j->pending.data + done, j->pending.size - done);
		j->pending.size -= done;
	}
	return rc;
}

int jitdump_add(struct jitdump *j, uint64_t offset, const uint8_t *bytes, size_t size)
{
	if (j->problem)
		return 0;
	if (offset != j->at + j->pending.size)
		return give_up(j, "a part of it is missing");
	ruchy_buf_put(&j->pending, bytes, size);
	return j->pending.failed ? RUCHY_E_NOMEM : take_pending(j);
}
