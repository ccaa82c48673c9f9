/* SPDX-License-Identifier: MIT */
#include "analyze/info.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "analyze/report/escape.h"
#include "ruchy/trace_object.h"

/* What the chunks hold. */
struct counts {
	uint64_t records, samples, lost, throttled, damaged;
	uint64_t with_regs, with_stack; /* samples that hold registers, bytes of a stack */
	uint64_t object_bytes;          /* of files of the target, as stored */
	uint64_t first_ns, last_ns;     /* of the chunks of samples */
	uint64_t round_ns;              /* the last round mark's: nothing older is missing */
};

/* ---- the parts of the page ---- */

static void put_text(FILE *out, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(out, "%-14s ", label);
	escape_put(out, ESCAPE_TEXT, text);
	fputc('\n', out);
}

static void put_command(FILE *out, const struct trace_meta *m)
{
	if (!m->n_command)
		return;
	fprintf(out, "%-14s", "command");
	for (size_t i = 0; i < m->n_command; i++) {
		fputc(' ', out);
		escape_put(out, ESCAPE_TEXT, m->command[i]);
	}
	fputc('\n', out);
}

static void put_when(FILE *out, const struct trace_meta *m)
{
	time_t seconds = (time_t)(m->clock_realtime_ns / 1000000000u);
	char text[64];
	struct tm tm;

	if (!m->has_clock || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		return;
	put_text(out, "recorded", text);
}

static void put_host(FILE *out, const struct trace_meta *m)
{
	put_text(out, "format", m->format);
	put_text(out, "recorder", m->recorder);
	put_command(out, m);
	put_when(out, m);
	put_text(out, "host", m->hostname);
	put_text(out, "kernel", m->kernel);
	put_text(out, "arch", m->arch);
	put_text(out, "cpu", m->cpu_model);
	if (m->cpus)
		fprintf(out, "%-14s %" PRIu64 "\n", "cpus", m->cpus);
	if (m->page_size)
		fprintf(out, "%-14s %" PRIu64 " bytes\n", "page size", m->page_size);
	if (m->pac_mask)
		fprintf(out, "%-14s %#" PRIx64 "\n", "pac mask", m->pac_mask);
	put_text(out, "asked", m->asked);
	put_text(out, "unwound by", m->unwound);
	if (m->stack_privacy && !strcmp(m->stack_privacy, "redact"))
		put_text(
			out, "stack privacy",
			"redact: words and registers that are no addresses of stack or code are 0");
	else
		put_text(out, "stack privacy", m->stack_privacy);
	for (size_t i = 0; i < m->n_fallbacks; i++)
		put_text(out, "fallback", m->fallbacks[i]);
}

static const char *role_name(enum wire_event_role role)
{
	static const char *const names[] = { "time base", "counter", "sideband", "off-CPU" };

	return names[role];
}

/* What takes the samples: the hardware itself, or the kernel's clock or code. */
static const char *sampled_by(const struct event_desc *e)
{
	if (e->type != PERF_TYPE_SOFTWARE)
		return e->type == PERF_TYPE_TRACEPOINT || e->type == PERF_TYPE_BREAKPOINT
			       ? "the kernel"
			       : "the PMU's interrupts";
	return e->config == PERF_COUNT_SW_CPU_CLOCK || e->config == PERF_COUNT_SW_TASK_CLOCK
		       ? "a timer"
		       : "the kernel";
}

/* How a counter was opened, as far as the recording says. */
static void put_how(FILE *out, const struct meta_counter *c)
{
	if (c->mode) {
		fputs(", ", out);
		escape_put(out, ESCAPE_TEXT, c->mode);
	}
	if (c->pmus) {
		fputs(", sum of ", out);
		escape_put(out, ESCAPE_TEXT, c->pmus);
	}
	if (c->scale != 1)
		fprintf(out, ", times %g", c->scale);
	if (c->unit) {
		fputs(", in ", out);
		escape_put(out, ESCAPE_TEXT, c->unit);
	}
}

static void put_events(FILE *out, const struct trace_meta *m)
{
	for (size_t i = 0; i < m->events.n_events; i++) {
		const struct event_desc *e = &m->events.events[i];

		fprintf(out, "event %-8zu ", i);
		escape_put(out, ESCAPE_TEXT, e->name);
		fprintf(out, ": %s, type %" PRIu32 " config 0x%" PRIx64, role_name(e->role),
			e->type, e->config);
		if (e->role != WIRE_ROLE_SIDEBAND && e->sample_period)
			fprintf(out, ", %s %" PRIu64 "%s by %s", e->freq ? "at" : "every",
				e->sample_period, e->freq ? " Hz" : " counts", sampled_by(e));
		else if (e->role != WIRE_ROLE_SIDEBAND)
			fputs(", not sampled", out);
		fprintf(out, ", sample_type 0x%" PRIx64, e->sample_type);
		if (e->stack_user)
			fprintf(out, ", stack %" PRIu32 " bytes", e->stack_user);
		if (e->precise_ip)
			fprintf(out, ", precise_ip %u", e->precise_ip);
		if (e->exclude_kernel)
			fputs(", user only", out);
		if (!e->inherit)
			fputs(", not inherited", out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < m->n_counters; i++) {
		const struct meta_counter *c = &m->counters[i];

		fprintf(out, "counter        ");
		escape_put(out, ESCAPE_TEXT, c->name);
		fprintf(out, ": %s", c->requested ? "asked for" : "added");
		if (c->event >= 0)
			fprintf(out, ", event %d", c->event);
		else
			fputs(", unavailable: ", out);
		if (c->event < 0)
			escape_put(out, ESCAPE_TEXT, c->reason ? c->reason : "no reason recorded");
		if (c->fallback >= 0)
			fprintf(out, " (event %d stands in)", c->fallback);
		if (c->event >= 0)
			put_how(out, c);
		fputc('\n', out);
	}
	if (m->has_recording)
		put_text(out, "mode", m->recording);
}

static void put_totals(FILE *out, const struct trace_meta *m)
{
	for (size_t i = 0; i < m->n_totals; i++) {
		const struct meta_total *t = &m->totals[i];

		fprintf(out,
			"total          event %" PRIu32 ": count %" PRIu64 ", enabled %" PRIu64
			" ns, running %" PRIu64 " ns",
			t->event, t->count, t->enabled_ns, t->running_ns);
		if (t->has_lost)
			fprintf(out, ", lost %" PRIu64, t->lost);
		fputc('\n', out);
	}
	for (size_t i = 0; i < m->n_losses; i++) {
		const struct meta_loss *l = &m->losses[i];

		fprintf(out,
			"loss           event %" PRIu32 " on cpu %" PRIu32 ": %" PRIu64
			" between %" PRIu64 " and %" PRIu64 " ns\n",
			l->event, l->cpu, l->lost, l->from_ns, l->to_ns);
	}
}

static void put_cut_off(FILE *out, const struct counts *c)
{
	fputs("end            not recorded: the recording was cut off", out);
	if (c->last_ns)
		fprintf(out,
			"; its last sample is of %.3f s after the first, and all up to %.3f s are "
			"there",
			(double)(c->last_ns - c->first_ns) / 1e9,
			c->round_ns > c->first_ns ? (double)(c->round_ns - c->first_ns) / 1e9 : 0);
	fputc('\n', out);
}

static void put_end(FILE *out, const struct trace_meta *m, const struct counts *c)
{
	static const char *const how[] = { "with its command", "when the recorder was stopped",
					   "because recording failed",
					   "where another trace goes on" };
	int status = (int)m->end_status;

	if (!m->has_end) {
		put_cut_off(out, c);
		return;
	}
	if (m->end_how > WIRE_END_GOES_ON) {
		fprintf(out, "end            in a way not known, %.3f s after the first sample\n",
			(double)m->end_duration_ns / 1e9);
		return;
	}
	fprintf(out, "end            %s", how[m->end_how]);
	if (m->end_status == WIRE_STATUS_RUNNING)
		fputs(", while the command ran on", out);
	else if (WIFEXITED(status))
		fprintf(out, ", exit status %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		fprintf(out, ", killed by signal %d", WTERMSIG(status));
	fprintf(out, ", after %.3f s", (double)m->end_duration_ns / 1e9);
	if (m->end_duration_ns)
		fprintf(out, ", recorder CPU %.2f %%",
			100.0 * (double)m->end_cpu_ns / (double)m->end_duration_ns);
	fputc('\n', out);
	if (m->end_withheld)
		fprintf(out,
			"withheld       %" PRIu64
			" stack dumps that might have held the environment\n",
			m->end_withheld);
}

/* ---- chunks and records ---- */

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case WIRE_CHUNK_META:
		return "meta";
	case WIRE_CHUNK_SIDEBAND:
		return "sideband";
	case WIRE_CHUNK_SAMPLES:
		return "samples";
	case WIRE_CHUNK_KALLSYMS:
		return "kallsyms";
	case WIRE_CHUNK_PERF_MAP:
		return "perf-map";
	case WIRE_CHUNK_JITDUMP:
		return "jitdump";
	case WIRE_CHUNK_OBJECT:
		return "object";
	default:
		return "unknown";
	}
}

/* CRC-32 of a whole stack dump, taken from its two pieces. */
static uint32_t stack_crc(const struct sample_stack *s)
{
	uint32_t crc = ruchy_crc32(0, s->head, s->head_size);

	return s->head_size < s->size ? ruchy_crc32(crc, s->tail, s->size - s->head_size) : crc;
}

static void put_record(FILE *out, const struct event *e, size_t size)
{
	fprintf(out, "  record %" PRIu32 " misc=%u size=%zu", e->type, e->misc, size);
	if (e->has_time)
		fprintf(out, " time=%" PRIu64, e->time_ns);
	if (e->has_tid)
		fprintf(out, " pid=%" PRIu32 " tid=%" PRIu32, e->pid, e->tid);
	if (e->type == PERF_RECORD_SAMPLE) {
		const struct sample_stack *s = &e->sample.stack;

		fprintf(out, " ip=%" PRIx64 " period=%" PRIu64, e->sample.ip, e->sample.period);
		if (s->size)
			fprintf(out, " stack=%" PRIx64 "+%" PRIu64 " crc=%08" PRIx32, s->sp,
				s->size, stack_crc(s));
	}
	fputc('\n', out);
}

static int take_records(struct record_iter *it, const struct trace_chunk *chunk, bool list,
			FILE *out, struct counts *counts)
{
	struct event e;
	int rc;

	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e)) != 0) {
		if (rc == RUCHY_E_NOMEM)
			return rc;
		counts->records++;
		if (rc < 0) {
			counts->damaged++;
			if (list)
				fprintf(out, "  damaged record at byte %zu\n",
					record_iter_offset(it));
			continue;
		}
		counts->samples += e.type == PERF_RECORD_SAMPLE;
		if (e.type == PERF_RECORD_SAMPLE) {
			counts->with_regs += e.sample.regs.abi != 0;
			counts->with_stack += e.sample.stack.size != 0;
		}
		counts->throttled += e.type == PERF_RECORD_THROTTLE;
		if (e.type == PERF_RECORD_LOST || e.type == PERF_RECORD_LOST_SAMPLES)
			counts->lost += e.lost.lost;
		if (list)
			put_record(out, &e, record_iter_size(it));
	}
	return 0;
}

/* META items by tag and length; the payload was checked when the reader parsed it. */
static void list_items(const struct trace_chunk *chunk, FILE *out)
{
	struct ruchy_cursor c = ruchy_cursor(chunk->data, chunk->size);

	while (ruchy_left(&c) && !c.bad) {
		uint32_t tag = ruchy_get32(&c), length = ruchy_get32(&c);

		ruchy_get_bytes(&c, length);
		ruchy_get_bytes(&c, -(uint64_t)length & 7);
		if (!c.bad)
			fprintf(out, "  item %" PRIu32 " length=%" PRIu32 "\n", tag, length);
	}
}

/* Whose part it is, and the pieces. */
static void take_object(const struct trace_chunk *chunk, bool list, FILE *out,
			struct counts *counts)
{
	struct trace_object_piece p;
	struct ruchy_cursor pieces;
	struct trace_object o;
	int rc = trace_object_read(chunk->data, chunk->size, &o, &pieces);

	counts->object_bytes += chunk->stored_bytes;
	if (rc == 0 && list)
		fprintf(out,
			"  object role=%u flags=%u size=%" PRIu64 " id=%08" PRIx32
			" path=%08" PRIx32 " name=%08" PRIx32 "\n",
			o.role, o.partial ? WIRE_OBJECT_PARTIAL : 0, o.size,
			ruchy_crc32(0, o.id, o.id_size), ruchy_crc32(0, o.path, o.path_size),
			ruchy_crc32(0, o.name, o.name_size));
	while (rc == 0 && (rc = trace_object_piece(&pieces, &o, &p)) > 0) {
		if (list)
			fprintf(out,
				"  piece offset=%" PRIu64 " size=%" PRIu64 " crc=%08" PRIx32 "\n",
				p.at, p.size, ruchy_crc32(0, p.bytes, p.size));
		rc = 0;
	}
	if (rc < 0 && list)
		fputs("  damaged object\n", out);
	counts->damaged += rc < 0;
}

static int take_chunk(struct record_iter *it, const struct trace_chunk *chunk, bool list, FILE *out,
		      struct counts *counts)
{
	fprintf(out,
		"chunk %" PRIu64 " %s offset=%" PRIu64 " stored=%" PRIu64 " raw=%zu ring=%" PRIu32
		" records=%" PRIu32 " first=%" PRIu64 " last=%" PRIu64 "\n",
		chunk->sequence, kind_name(chunk->kind), chunk->offset, chunk->stored_bytes,
		chunk->size, chunk->ring, chunk->records, chunk->first_time, chunk->last_time);
	if (chunk->kind == WIRE_CHUNK_SAMPLES && chunk->last_time) {
		if (!counts->first_ns || chunk->first_time < counts->first_ns)
			counts->first_ns = chunk->first_time;
		if (chunk->last_time > counts->last_ns)
			counts->last_ns = chunk->last_time;
	}
	if (chunk->kind == WIRE_CHUNK_SIDEBAND || chunk->kind == WIRE_CHUNK_SAMPLES)
		return take_records(it, chunk, list, out, counts);
	if (chunk->kind == WIRE_CHUNK_META && list)
		list_items(chunk, out);
	if (chunk->kind == WIRE_CHUNK_OBJECT)
		take_object(chunk, list, out, counts);
	return 0;
}

static int take_items(struct trace_reader *r, struct record_iter *it, bool list, FILE *out,
		      struct counts *counts, struct ruchy_error *err)
{
	struct trace_item item;
	int rc;

	do {
		rc = trace_reader_next(r, &item, err);
		if (rc < 0)
			return rc;
		if (item.type == TRACE_ITEM_CHUNK) {
			rc = take_chunk(it, item.chunk, list, out, counts);
			trace_chunk_free(item.chunk);
			if (rc < 0)
				return ruchy_error_set(err, rc, "records: %s",
						       ruchy_error_name(rc));
		} else if (item.type == TRACE_ITEM_ROUND) {
			fprintf(out, "round %" PRIu64 "\n", item.round_time);
			counts->round_ns = item.round_time;
		}
	} while (item.type != TRACE_ITEM_END);
	return 0;
}

static bool put_integrity(FILE *out, const struct trace_integrity *i, const struct counts *c,
			  const struct trace_meta *m)
{
	bool sound = !i->damaged && !i->missing_chunks && !i->truncated && !i->index_wrong &&
		     !c->damaged && m->has_end;

	fprintf(out,
		"\nrecords        %" PRIu64 ", of them %" PRIu64 " samples, %" PRIu64
		" lost, %" PRIu64 " throttles\n",
		c->records, c->samples, c->lost, c->throttled);
	fprintf(out,
		"size           %" PRIu64 " bytes, %" PRIu64 " unpacked, %" PRIu64
		" chunks, %" PRIu64 " rounds\n",
		i->bytes, i->raw_bytes, i->chunks, i->rounds);
	if (c->samples && !c->with_regs && !c->with_stack)
		fputs("memory         no sample holds stack bytes or registers\n", out);
	else if (c->samples)
		fprintf(out,
			"memory         %" PRIu64 " samples hold stack bytes, %" PRIu64
			" registers\n",
			c->with_stack, c->with_regs);
	if (c->object_bytes)
		fprintf(out, "files          %" PRIu64 " bytes are files of the target\n",
			c->object_bytes);
	fprintf(out, "integrity      %s", sound ? "whole" : "not whole");
	if (i->truncated)
		fputs(", cut off inside a frame", out);
	if (i->index_wrong)
		fputs(", the index does not agree with the chunks", out);
	if (i->damaged)
		fprintf(out, ", %" PRIu64 " damaged places (%" PRIu64 " bytes; first at %s)",
			i->damaged, i->damaged_bytes, i->first_damage);
	if (i->missing_chunks)
		fprintf(out, ", %" PRIu64 " chunks missing", i->missing_chunks);
	if (c->damaged)
		fprintf(out, ", %" PRIu64 " damaged records", c->damaged);
	if (!m->has_end)
		fputs(", the recording did not end properly", out);
	fputc('\n', out);
	return sound;
}

int info_print(const char *path, const struct info_options *options, FILE *out, bool *ret_sound,
	       struct ruchy_error *err)
{
	const struct trace_meta *meta;
	struct counts counts = { 0 };
	struct trace_reader *r;
	struct record_iter *it;
	int rc = trace_reader_open(path, &r, err);

	if (rc < 0)
		return rc;
	meta = trace_reader_meta(r);
	it = record_iter_new(meta);
	if (!it) {
		trace_reader_free(r);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	}
	put_text(out, "trace", path);
	rc = take_items(r, it, options->records, out, &counts, err);
	fputc('\n', out);
	put_host(out, meta);
	put_events(out, meta);
	put_totals(out, meta);
	put_end(out, meta, &counts);
	*ret_sound = put_integrity(out, trace_reader_integrity(r), &counts, meta) && rc == 0;
	record_iter_free(it);
	trace_reader_free(r);
	return rc;
}
