/* SPDX-License-Identifier: MIT */
#include "record/limits.h"

#include <stddef.h>

const char *limits_reached(const struct limits *l, uint64_t duration_ns, uint64_t samples,
			   uint64_t bytes)
{
	if (l->duration_ns && duration_ns >= l->duration_ns)
		return "--duration";
	if (l->samples && samples >= l->samples)
		return "--max-samples";
	if (l->bytes && bytes >= l->bytes)
		return "--max-size";
	return NULL;
}

uint64_t limits_wake(const struct limits *l, uint64_t begin_ns, uint64_t wake_ns)
{
	uint64_t end = begin_ns + l->duration_ns;

	return l->duration_ns && end < wake_ns ? end : wake_ns;
}
