/* SPDX-License-Identifier: MIT */
#include "record/sampling.h"

#include <stdio.h>

#include "ruchy/trace_meta.h"

void sampling_begin(struct sampling *s, struct event_set *events, uint64_t due_ns)
{
	*s = (struct sampling){ .events = events, .due_ns = due_ns };
	if (!due_ns)
		event_set_resume(events);
}

uint64_t sampling_due(const struct sampling *s)
{
	return s->due_ns;
}

bool sampling_begins(struct sampling *s, uint64_t now_ns)
{
	if (!s->due_ns || now_ns < s->due_ns)
		return false;
	s->due_ns = 0;
	event_set_resume(s->events);
	return true;
}

void sampling_pause(struct sampling *s, uint64_t now_ns)
{
	if (s->pause_ns)
		return;
	s->due_ns = 0;
	event_set_pause(s->events);
	s->pause_ns = now_ns;
	s->pauses++;
}

void sampling_resume(struct sampling *s, uint64_t now_ns)
{
	if (s->due_ns)
		s->due_ns = now_ns;
	if (!s->pause_ns)
		return;
	event_set_resume(s->events);
	s->paused_ns += now_ns - s->pause_ns;
	s->pause_ns = 0;
}

void sampling_toggle(struct sampling *s, uint64_t now_ns)
{
	if (s->pause_ns)
		sampling_resume(s, now_ns);
	else
		sampling_pause(s, now_ns);
}

void sampling_describe(const struct sampling *s, uint64_t now_ns, struct ruchy_buf *items)
{
	uint64_t paused_ns = s->paused_ns + (s->pause_ns ? now_ns - s->pause_ns : 0);
	char text[96];

	if (!s->pauses)
		return;
	snprintf(text, sizeof(text), "paused %u times, for %.3f s in all: no samples then",
		 s->pauses, (double)paused_ns / 1e9);
	trace_meta_put_text(items, WIRE_META_FALLBACK, text);
}
