/* SPDX-License-Identifier: MIT */
#include "format/compact.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "format/sample_layout.h"
#include "ruchy/error.h"

#define WORD           8u
#define MASK_BITS      64u
#define BATCH          15u /* words whose lengths one load gives, also from half a byte on */
#define PREFIX_BYTES   8u
#define MAX_WORDS      8191u      /* of a record, whose size is 16 bits */
#define MAX_BASE_WORDS (1u << 17) /* of all bases of a chunk: a MiB */
#define MAX_BASES      4096u      /* of a writer */
#define N_BUCKETS      (2 * MAX_BASES)
/* Of word 0: type and misc. The size above them follows from the number of words. */
#define WORD0_BITS UINT64_C(0x0000ffffffffffff)
#define SIZE_SHIFT 48

/* What records are held against: the words of the last one of the same kind and thread. */
struct base {
	uint32_t at;     /* of its words, in compact.words: head_words + 1 */
	uint32_t n_head; /* words of the head */
	uint32_t tid;    /* a writer's key, with n_head and event */
	int event;
};

struct compact {
	uint64_t *words;    /* MAX_BASE_WORDS */
	struct base *bases; /* bases[0] is none */
	size_t n_bases, max_bases, n_words;
	uint16_t *buckets; /* of a writer: base numbers, 0: free */
	struct ruchy_buf control, lengths, data;
	bool odd; /* half of the last byte of `lengths` is free */
};

struct compact *compact_new(void)
{
	struct compact *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->words = malloc(MAX_BASE_WORDS * sizeof(*c->words));
	c->max_bases = 64;
	c->bases = malloc(c->max_bases * sizeof(*c->bases));
	if (!c->words || !c->bases) {
		compact_free(c);
		return NULL;
	}
	return c;
}

void compact_free(struct compact *c)
{
	if (!c)
		return;
	ruchy_buf_fini(&c->control);
	ruchy_buf_fini(&c->lengths);
	ruchy_buf_fini(&c->data);
	free(c->buckets);
	free(c->bases);
	free(c->words);
	free(c);
}

static void forget_bases(struct compact *c)
{
	c->n_bases = 1;
	c->n_words = 0;
}

/* A base of zeros. NULL: no memory, or there is no room for its words. */
static struct base *add_base(struct compact *c, uint32_t n_head)
{
	struct base *b;

	if (n_head + 1 > MAX_BASE_WORDS - c->n_words)
		return NULL;
	if (c->n_bases == c->max_bases) {
		b = realloc(c->bases, 2 * c->max_bases * sizeof(*b));
		if (!b)
			return NULL;
		c->bases = b;
		c->max_bases *= 2;
	}
	b = &c->bases[c->n_bases++];
	*b = (struct base){ .at = (uint32_t)c->n_words, .n_head = n_head };
	memset(c->words + b->at, 0, (n_head + 1) * sizeof(*c->words));
	c->n_words += n_head + 1;
	return b;
}

/* How many words of a record of `n` stand in the base: the head, and the last one. */
static uint32_t words_held(const struct base *b, uint32_t n)
{
	return b->n_head + (n > b->n_head);
}

/* ---- putting ---- */

static void put_number(struct ruchy_buf *out, uint32_t v)
{
	uint8_t byte;

	for (; v >= 0x80; v >>= 7) {
		byte = (uint8_t)(v | 0x80);
		ruchy_buf_put(out, &byte, 1);
	}
	byte = (uint8_t)v;
	ruchy_buf_put(out, &byte, 1);
}

static unsigned bytes_of(uint64_t v)
{
	return v ? (71 - (unsigned)__builtin_clzll(v)) / 8 : 0;
}

static void put_word(struct compact *c, uint64_t v)
{
	unsigned n = bytes_of(v);
	uint8_t *at;

	if (c->odd) {
		c->lengths.data[c->lengths.size - 1] |= (uint8_t)(n << 4);
	} else {
		at = ruchy_buf_grow(&c->lengths, 1);
		if (!at)
			return;
		*at = (uint8_t)n;
	}
	c->odd = !c->odd;
	at = ruchy_buf_grow(&c->data, WORD);
	if (!at)
		return;
	ruchy_store64(at, v);
	c->data.size -= WORD - n;
}

static void put_mask(struct ruchy_buf *out, uint64_t mask)
{
	uint8_t bytes[1 + WORD] = { 0 };
	size_t n = 1;

	for (unsigned i = 0; i < WORD; i++, mask >>= 8) {
		if (!(mask & 0xff))
			continue;
		bytes[0] |= (uint8_t)(1u << i);
		bytes[n++] = (uint8_t)mask;
	}
	ruchy_buf_put(out, bytes, n);
}

/* The words of a base that change: they become the record's. */
static void put_changes(struct compact *c, const struct base *b, const uint8_t *record, uint32_t n)
{
	uint64_t *base = c->words + b->at, changed[MASK_BITS], mask, v;
	uint32_t held = words_held(b, n);

	for (uint32_t first = 0; first < held; first += MASK_BITS) {
		uint32_t k = 0;

		mask = 0;
		for (uint32_t i = first; i < held && i < first + MASK_BITS; i++) {
			v = ruchy_load64(record + (i < b->n_head ? i : n - 1) * (size_t)WORD);
			if (i == 0)
				v &= WORD0_BITS;
			else if (i == b->n_head - 1)
				v -= (uint64_t)n * WORD;
			if (v == base[i])
				continue;
			mask |= (uint64_t)1 << (i - first);
			changed[k++] = base[i] = v;
		}
		put_mask(&c->control, mask);
		for (uint32_t i = 0; i < k; i++)
			put_word(c, changed[i]);
	}
}

/* The base of these records, made at first sight; NULL: there is no room for one. */
static struct base *base_for(struct compact *c, int event, uint32_t tid, uint32_t n_head,
			     bool *ret_new)
{
	uint32_t h = (tid * 31u + (uint32_t)event * 7u + n_head) * 0x9e3779b1u;
	size_t i = h >> 16 & (N_BUCKETS - 1);
	struct base *b;

	*ret_new = false;
	for (; c->buckets[i]; i = (i + 1) & (N_BUCKETS - 1)) {
		b = &c->bases[c->buckets[i]];
		if (b->tid == tid && b->event == event && b->n_head == n_head)
			return b;
	}
	if (c->n_bases == MAX_BASES)
		return NULL;
	b = add_base(c, n_head);
	if (!b)
		return NULL;
	b->tid = tid;
	b->event = event;
	c->buckets[i] = (uint16_t)(b - c->bases);
	*ret_new = true;
	return b;
}

/* How many words of it a base may hold; 0: it is no sample that we understand. */
static uint32_t head_of(const struct event_table *t, const uint8_t *record, size_t size, int *event,
			uint32_t *tid)
{
	struct sample_layout l;
	size_t head;

	if (ruchy_load32(record) != PERF_RECORD_SAMPLE)
		return 0;
	*event = sample_layout_event(t, record, size);
	if (*event < 0 || sample_layout(&t->events[*event], record, size, &l) < 0)
		return 0;
	*tid = l.event.tid;
	head = l.has_stack ? l.stack_size_at + WORD : size;
	return head % WORD ? 0 : (uint32_t)(head / WORD);
}

static void put_record(struct compact *c, const struct event_table *t, const uint8_t *record,
		       uint32_t n)
{
	int event = -1;
	uint32_t tid = 0, n_head = head_of(t, record, (size_t)n * WORD, &event, &tid), i = 0,
		 end = n;
	bool is_new = false;
	struct base *b = n_head > 1 ? base_for(c, event, tid, n_head, &is_new) : NULL;

	put_number(&c->control, b ? (uint32_t)(b - c->bases) : 0);
	if (is_new)
		put_number(&c->control, n_head);
	put_number(&c->control, b ? n - b->n_head : n);
	if (b) {
		put_changes(c, b, record, n);
		i = b->n_head;
		end -= n > b->n_head;
	}
	for (; i < end; i++)
		put_word(c, ruchy_load64(record + (size_t)i * WORD));
}

static int put_records(struct compact *c, const struct event_table *t, const uint8_t *records,
		       size_t size)
{
	for (size_t at = 0, n; at < size; at += n) {
		n = size - at >= WORD ? ruchy_load16(records + at + 6) : 0;
		if (!n || n % WORD || n > size - at)
			return RUCHY_E_UNSUPPORTED;
		put_record(c, t, records + at, (uint32_t)(n / WORD));
	}
	return c->control.failed || c->lengths.failed || c->data.failed ? RUCHY_E_NOMEM : 0;
}

int compact_put(struct compact *c, const struct event_table *t, const uint8_t *records, size_t size,
		struct ruchy_buf *out)
{
	int rc;

	if (!c->buckets)
		c->buckets = malloc(N_BUCKETS * sizeof(*c->buckets));
	if (!c->buckets)
		return RUCHY_E_NOMEM;
	memset(c->buckets, 0, N_BUCKETS * sizeof(*c->buckets));
	forget_bases(c);
	ruchy_buf_clear(&c->control);
	ruchy_buf_clear(&c->lengths);
	ruchy_buf_clear(&c->data);
	c->odd = false;
	rc = put_records(c, t, records, size);
	if (rc < 0)
		return rc;
	ruchy_buf_put32(out, (uint32_t)c->control.size);
	ruchy_buf_put32(out, (uint32_t)c->lengths.size);
	ruchy_buf_put(out, c->control.data, c->control.size);
	ruchy_buf_put(out, c->lengths.data, c->lengths.size);
	ruchy_buf_put(out, c->data.data, c->data.size);
	return out->failed ? RUCHY_E_NOMEM : 0;
}

/* ---- expanding ---- */

/* The three streams. `data` may run over its end by what one mask tells of. */
struct streams {
	struct ruchy_cursor control;
	const uint8_t *lengths; /* two to a byte */
	uint64_t length, n_lengths;
	const uint8_t *data, *data_end;
	bool bad;
};

static struct streams open_streams(const uint8_t *p, size_t size)
{
	struct ruchy_cursor c = ruchy_cursor(p, size);
	uint32_t n_control = ruchy_get32(&c), n_lengths = ruchy_get32(&c);
	const uint8_t *control = ruchy_get_bytes(&c, n_control);
	const uint8_t *lengths = ruchy_get_bytes(&c, n_lengths);

	return (struct streams){ .control = ruchy_cursor(control, control ? n_control : 0),
				 .lengths = lengths,
				 .n_lengths = 2 * (uint64_t)n_lengths,
				 .data = c.at,
				 .data_end = c.end,
				 .bad = c.bad };
}

static uint32_t get_byte(struct streams *s)
{
	if (s->control.at == s->control.end) {
		s->bad = true;
		return 0;
	}
	return *s->control.at++;
}

static uint32_t get_number(struct streams *s)
{
	uint32_t v = 0, byte;

	for (unsigned shift = 0; shift < 21; shift += 7) {
		byte = get_byte(s);
		v |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	s->bad = true;
	return 0;
}

static uint64_t get_mask(struct streams *s)
{
	uint64_t mask = 0;

	for (uint32_t which = get_byte(s); which; which &= which - 1)
		mask |= (uint64_t)get_byte(s) << 8 * (unsigned)__builtin_ctz(which);
	return mask;
}

/* Words on their way: a copy of what the streams hold, that stores of bytes cannot reach and so
 * stays in registers. */
struct batch {
	const uint8_t *data;
	uint64_t lengths; /* the next one lowest */
};

/* Of the next `n` words, at most BATCH, that may_take has let pass. */
static inline struct batch take_batch(struct streams *s, uint32_t n)
{
	struct batch b = { s->data, ruchy_load64(s->lengths + (s->length >> 1)) };

	b.lengths >>= 4 * (s->length & 1);
	s->length += n;
	return b;
}

/* The next word. Its length is checked at the end: see lengths_hold. */
static inline uint64_t get_word(struct batch *b)
{
	static const uint64_t low[16] = {
		0,          0xff,         0xffff,         0xffffff,
		0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
		UINT64_MAX
	};
	unsigned n = b->lengths & 15;
	uint64_t v = ruchy_load64(b->data) & low[n];

	b->lengths >>= 4;
	b->data += n;
	return v;
}

/* Are there lengths for `n` words more, at most MASK_BITS, and were the words before these within
 * the data? Then that many can be read without a check: they overrun it by less than the slack. */
static bool may_take(struct streams *s, uint64_t n)
{
	s->bad |= n > s->n_lengths - s->length || s->data > s->data_end;
	return !s->bad;
}

/* The words that the mask tells of. */
static void get_masked(struct streams *s, uint64_t *to, uint64_t mask, uint32_t n)
{
	for (uint32_t in_batch; n; n -= in_batch) {
		struct batch b;

		in_batch = n < BATCH ? n : BATCH;
		b = take_batch(s, in_batch);
		for (uint32_t i = 0; i < in_batch; i++, mask &= mask - 1)
			to[__builtin_ctzll(mask)] = get_word(&b);
		s->data = b.data;
	}
}

/* Bring the base up to the record. */
static void get_changes(struct streams *s, uint64_t *base, uint32_t held)
{
	for (uint32_t first = 0; first < held; first += MASK_BITS) {
		uint64_t mask = get_mask(s);
		uint32_t n = ruchy_count_bits(mask);

		if (held - first < MASK_BITS && mask >> (held - first)) {
			s->bad = true;
			return;
		}
		if (!may_take(s, n))
			return;
		get_masked(s, base + first, mask, n);
	}
}

/* The base that the next record names; NULL: none, or what is there is bad. */
static const struct base *get_base(struct compact *c, struct streams *s)
{
	uint32_t i = get_number(s), n_head;
	const struct base *b;

	if (i < c->n_bases)
		return i ? &c->bases[i] : NULL;
	n_head = get_number(s);
	b = i == c->n_bases && n_head > 1 && n_head <= MAX_WORDS ? add_base(c, n_head) : NULL;
	s->bad |= !b;
	return b;
}

/* The head of a record of `n` words, and its last one. */
static void get_head(struct compact *c, struct streams *s, const struct base *b, uint32_t n,
		     uint8_t *to)
{
	uint64_t *base = c->words + b->at;
	uint32_t last = b->n_head - 1;

	get_changes(s, base, words_held(b, n));
	for (uint32_t i = 0; i < b->n_head; i++)
		ruchy_store64(to + (size_t)i * WORD, base[i]);
	ruchy_store64(to, (base[0] & WORD0_BITS) | (uint64_t)n * WORD << SIZE_SHIFT);
	ruchy_store64(to + (size_t)last * WORD, base[last] + (uint64_t)n * WORD);
	if (n > b->n_head)
		ruchy_store64(to + (size_t)(n - 1) * WORD, base[b->n_head]);
}

static void get_words(struct streams *s, uint8_t *to, uint32_t n)
{
	for (uint32_t in_batch; n; n -= in_batch) {
		struct batch b;

		in_batch = n < BATCH ? n : BATCH;
		if (!may_take(s, in_batch))
			return;
		b = take_batch(s, in_batch);
		for (uint32_t i = 0; i < in_batch; i++, to += WORD)
			ruchy_store64(to, get_word(&b));
		s->data = b.data;
	}
}

/* One record into the `left` bytes at `to`; returns its size. */
static size_t get_record(struct compact *c, struct streams *s, uint8_t *to, size_t left)
{
	const struct base *b = get_base(c, s);
	uint32_t n_head = b ? b->n_head : 0, n = get_number(s) + n_head;

	s->bad |= !n || n > MAX_WORDS || n > left / WORD;
	if (s->bad)
		return 0;
	if (b)
		get_head(c, s, b, n, to);
	get_words(s, to + (size_t)n_head * WORD, n - n_head - (b && n > n_head));
	return (size_t)n * WORD;
}

/* Is none of the first `n` lengths longer than a word? */
static bool lengths_hold(const uint8_t *lengths, uint64_t n)
{
	const uint64_t top_bits = UINT64_C(0x8888888888888888);
	uint64_t too_long = 0, v;

	for (; n >= 2 * WORD; n -= 2 * WORD, lengths += WORD) {
		v = ruchy_load64(lengths);
		too_long |= v & (v << 1 | v << 2 | v << 3) & top_bits;
	}
	for (; n; n -= n > 1 ? 2 : 1, lengths++)
		too_long |= (*lengths & 15) > WORD || (n > 1 && *lengths >> 4 > WORD);
	return !too_long;
}

int compact_expand(struct compact *c, const uint8_t *data, size_t size, uint8_t *raw,
		   size_t raw_size)
{
	struct streams s = open_streams(data, size);
	size_t at = 0;

	forget_bases(c);
	while (!s.bad && at < raw_size)
		at += get_record(c, &s, raw + at, raw_size - at);
	s.bad |= s.data != s.data_end || s.control.at != s.control.end ||
		 s.n_lengths - s.length > 1 || !lengths_hold(s.lengths, s.length);
	return s.bad ? RUCHY_E_DAMAGED : 0;
}
