/* SPDX-License-Identifier: MIT */
/*
 * speedscope's own format (www.speedscope.app/file-format-schema.json): one evented profile for
 * each event that was sampled, which walks the call tree once, callers opened before and closed
 * after their callees. It is as large as the tree is, however deep. Left to right is the order of
 * names, not time.
 *
 * Frames: the profile's functions by their index; then a frame for each node that is none (threads'
 * names, where stacks break). `file` is the module.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/report/json_stream.h"
#include "analyze/report/report.h"

struct speedscope {
	const struct profile *p;
	FILE *out;
	struct json_stream json;
	uint32_t *frames; /* owned: of each node */
};

static void put_frame(struct speedscope *w, const char *name, const char *file, bool first)
{
	fputs(first ? "\n{\"name\":" : ",\n{\"name\":", w->out);
	json_stream_text(&w->json, name);
	if (file) {
		fputs(",\"file\":", w->out);
		json_stream_text(&w->json, file);
	}
	fputc('}', w->out);
}

static void put_frames(struct speedscope *w)
{
	const struct profile *p = w->p;
	size_t n = p->n_functions;

	for (size_t i = 0; i < n; i++)
		put_frame(w, p->functions[i].name, p->functions[i].module, i == 0);
	for (uint32_t i = 1; i < p->n_nodes; i++) {
		if (p->nodes[i].kind == PROFILE_NODE_FUNCTION) {
			w->frames[i] = p->nodes[i].function;
			continue;
		}
		w->frames[i] = (uint32_t)n;
		put_frame(w, p->nodes[i].name, NULL, n == 0);
		n++;
	}
}

static void put_event(struct speedscope *w, char type, uint32_t node, uint64_t at, bool first)
{
	fprintf(w->out, "%s{\"type\":\"%c\",\"frame\":%" PRIu32 ",\"at\":%" PRIu64 "}",
		first ? "\n" : ",\n", type, w->frames[node], at);
}

/* The first node at or after `id` among its siblings that weighs something in `column`; 0: none. */
static uint32_t next_heavy(const struct profile *p, uint32_t id, size_t column)
{
	while (id && !p->nodes[id].total[column].count)
		id = p->nodes[id].next_sibling;
	return id;
}

static uint64_t put_events(struct speedscope *w, size_t column)
{
	const struct profile_node *nodes = w->p->nodes;
	uint32_t id = next_heavy(w->p, nodes[0].first_child, column);
	uint64_t at = 0;
	bool first = true;

	while (id) {
		uint32_t next;

		put_event(w, 'O', id, at, first);
		first = false;
		at += nodes[id].self[column].count;
		next = next_heavy(w->p, nodes[id].first_child, column);
		while (!next && id) {
			put_event(w, 'C', id, at, false);
			next = next_heavy(w->p, nodes[id].next_sibling, column);
			id = nodes[id].parent;
		}
		id = next;
	}
	return at;
}

static void put_profile(struct speedscope *w, size_t column)
{
	const struct profile_column *c = &w->p->columns[column];
	uint64_t end;

	fputs(column ? ",\n{\"type\":\"evented\",\"name\":" : "{\"type\":\"evented\",\"name\":",
	      w->out);
	json_stream_text(&w->json, c->name);
	fprintf(w->out, ",\"unit\":\"%s\",\"startValue\":0,\"events\":[",
		c->nanoseconds ? "nanoseconds" : "none");
	end = put_events(w, column);
	fprintf(w->out, "],\"endValue\":%" PRIu64 "}", end);
}

static void put_document(struct speedscope *w)
{
	const struct profile *p = w->p;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"exporter\":"
	      "\"ruchy-analyze " RUCHY_VERSION "\",\n\"name\":",
	      w->out);
	json_stream_text(&w->json, p->info.command ? p->info.command : p->info.trace);
	if (p->time_base >= 0)
		fprintf(w->out, ",\n\"activeProfileIndex\":%d", p->time_base);
	fputs(",\n\"shared\":{\"frames\":[", w->out);
	put_frames(w);
	fputs("]},\n\"profiles\":[", w->out);
	for (size_t i = 0; i < p->n_columns; i++)
		put_profile(w, i);
	fputs("]}\n", w->out);
}

static int write_speedscope(const struct profile *p, const struct report_options *options,
			    FILE *out, struct ruchy_error *err)
{
	struct speedscope w = { .p = p, .out = out, .json = { .out = out } };

	(void)options;
	w.frames = calloc(p->n_nodes + 1, sizeof(*w.frames));
	if (w.frames)
		put_document(&w);
	w.json.failed |= !w.frames;
	free(w.frames);
	json_stream_fini(&w.json);
	return w.json.failed ? ruchy_error_set(err, RUCHY_E_NOMEM, "speedscope: no memory") : 0;
}

const struct report_ops report_speedscope = { .name = "speedscope", .write = write_speedscope };
