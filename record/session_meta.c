/* SPDX-License-Identifier: MIT */
#include "record/session_meta.h"

#include <stdlib.h>
#include <string.h>

#include "record/event_describe.h"
#include "record/host.h"
#include "ruchy/trace_meta.h"

static void put_command(char *const *argv, struct ruchy_buf *items)
{
	struct ruchy_buf words = { 0 };

	for (; *argv; argv++)
		ruchy_buf_put(&words, *argv, strlen(*argv) + 1);
	trace_meta_put(items, WIRE_META_COMMAND, words.data, words.size);
	items->failed |= words.failed;
	ruchy_buf_fini(&words);
}

/* The command, or the program that runs already. Where it is everything, none. */
static void put_subject(char *const *argv, const struct subject_request *wanted,
			struct ruchy_buf *items)
{
	char *words[] = { NULL, NULL };

	if (argv) {
		put_command(argv, items);
	} else if (wanted->n_ids && (words[0] = subject_program(wanted->ids[0]))) {
		put_command(words, items);
		free(words[0]);
	}
}

void session_meta_begin(const struct session_config *config, const struct subject_request *wanted,
			const struct event_set *events, const struct fallback_list *fallbacks,
			struct ruchy_buf *items)
{
	host_describe(event_set_cpus(events), items);
	put_subject(config->argv, wanted, items);
	trace_meta_put_text(items, WIRE_META_ASKED, config->asked);
	if (config->redact)
		trace_meta_put_text(items, WIRE_META_STACK_PRIVACY, "redact");
	event_describe(events, items);
	for (size_t i = 0; i < fallbacks->n; i++)
		trace_meta_put_text(items, WIRE_META_FALLBACK, fallbacks->items[i].text);
}

void session_meta_notes(const struct fallback_list *notes, const struct session_observer *observer,
			struct ruchy_buf *items)
{
	for (size_t i = 0; i < notes->n; i++) {
		trace_meta_put_text(items, WIRE_META_FALLBACK, notes->items[i].text);
		if (observer)
			observer->noted(observer->ctx, notes->items[i].text);
	}
}

void session_meta_end(const struct session_result *result, enum wire_end how,
		      const struct drain_stats *stats, struct ruchy_buf *items)
{
	struct trace_meta meta = { .end_status = (uint32_t)result->status,
				   .end_how = how,
				   .end_duration_ns = result->duration_ns,
				   .end_cpu_ns = result->cpu_ns,
				   .end_samples = stats->samples,
				   .end_withheld = stats->withheld };

	trace_meta_put_end(items, &meta);
}
