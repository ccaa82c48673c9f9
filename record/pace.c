/* SPDX-License-Identifier: MIT */
#include "record/pace.h"

#define MAX_REST_NS 4000000u
#define MIN_REST_NS 200000u /* less is not worth a timer */
#define CALM_WAKES  32u

struct pace pace_begin(uint64_t rate_hz, uint64_t sample_bytes, uint64_t ring_bytes)
{
	struct pace p = { 0 };
	uint64_t quarter = ring_bytes / 4, per_ms = rate_hz * sample_bytes / 1000;

	if (!per_ms)
		return p;
	p.rest_ns = quarter / per_ms >= MAX_REST_NS / 1000000 ? MAX_REST_NS
							      : quarter * 1000000 / per_ms;
	if (p.rest_ns < MIN_REST_NS)
		p.rest_ns = 0;
	return p;
}

void pace_woke(struct pace *p, uint64_t now_ns, uint64_t execs)
{
	p->calm = execs == p->execs ? p->calm + (p->calm < CALM_WAKES) : 0;
	p->execs = execs;
	p->until_ns = p->calm == CALM_WAKES ? now_ns + p->rest_ns : 0;
}

bool pace_rests(const struct pace *p, uint64_t now_ns)
{
	return now_ns < p->until_ns;
}
