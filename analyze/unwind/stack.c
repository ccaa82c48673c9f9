/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/stack.h"

static const struct {
	const char *key, *text;
	bool complete;
} ends[STACK_END_COUNT] = {
#define STACK_END_ROW(name, key, text, complete) { key, text, complete },
	STACK_ENDS(STACK_END_ROW)
#undef STACK_END_ROW
};

const char *stack_end_key(enum stack_end end)
{
	return ends[end].key;
}

const char *stack_end_text(enum stack_end end)
{
	return ends[end].text;
}

bool stack_end_is_complete(enum stack_end end)
{
	return ends[end].complete;
}

uint64_t stack_ends_complete(const uint64_t *counts, uint64_t *ret_all)
{
	uint64_t complete = 0;

	*ret_all = 0;
	for (unsigned i = 0; i < STACK_END_COUNT; i++) {
		*ret_all += counts[i];
		complete += ends[i].complete ? counts[i] : 0;
	}
	return complete;
}
