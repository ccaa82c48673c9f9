/* SPDX-License-Identifier: MIT */
#include "analyze/profile/counter_name.h"

#include <string.h>

/* perf's words for what has a name of ours; the others differ by '-' and '_' only. */
static const struct {
	const char *alias, *base;
} aliases[] = {
	{ "cycles", "cpu_cycles" },
	{ "branches", "branch_instructions" },
	{ "L1_dcache_load_misses", "L1_dcache_misses" },
	{ "L1_dcache_loads", "L1_dcache_references" },
	{ "L1_icache_load_misses", "L1_icache_misses" },
	{ "L1_icache_loads", "L1_icache_references" },
	{ "LLC_load_misses", "LLC_misses" },
	{ "LLC_loads", "LLC_references" },
	{ "dTLB_load_misses", "dTLB_misses" },
	{ "dTLB_loads", "dTLB_references" },
	{ "iTLB_load_misses", "iTLB_misses" },
	{ "iTLB_loads", "iTLB_references" },
};

static unsigned parse_modifiers(const char *text)
{
	unsigned where = 0;

	for (; *text; text++) {
		where |= *text == 'u' ? COUNTER_USER : 0;
		where |= *text == 'k' ? COUNTER_KERNEL : 0;
		where |= *text == 'h' ? COUNTER_HYPERVISOR : 0;
		where |= *text == 'H' ? COUNTER_HOST : 0;
		where |= *text == 'G' ? COUNTER_GUEST : 0;
	}
	return where;
}

/* The part that names the event: "pmu/event/modifiers" or "event:modifiers". */
static size_t find_event(const char *name, const char **ret_event, const char **ret_modifiers)
{
	const char *slash = strchr(name, '/'), *end = slash ? strchr(slash + 1, '/') : NULL;
	const char *colon;

	if (end) {
		*ret_event = slash + 1;
		*ret_modifiers = end + 1;
		return (size_t)(end - slash) - 1;
	}
	/* A tracepoint has a colon, too: what follows the last one is then no modifier. */
	colon = strrchr(name, ':');
	if (colon && strspn(colon + 1, "ukhHGpPDISeW") != strlen(colon + 1))
		colon = NULL;
	*ret_event = name;
	*ret_modifiers = colon ? colon + 1 : "";
	return colon ? (size_t)(colon - name) : strlen(name);
}

struct counter_name counter_name_parse(const char *name)
{
	struct counter_name ret = { { 0 }, 0 };
	const char *event, *modifiers;
	size_t n = find_event(name, &event, &modifiers);

	if (n >= sizeof(ret.base))
		n = sizeof(ret.base) - 1;
	for (size_t i = 0; i < n; i++)
		ret.base[i] = event[i] == '-' ? '_' : event[i];
	ret.where = parse_modifiers(modifiers);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(ret.base, aliases[i].alias)) {
			memset(ret.base, 0, sizeof(ret.base));
			memcpy(ret.base, aliases[i].base, strlen(aliases[i].base));
			break;
		}
	return ret;
}

bool counter_name_is(const char *name, const char *base)
{
	return !strcmp(counter_name_parse(name).base, base);
}

bool counter_name_same(const char *a, const char *b)
{
	struct counter_name x = counter_name_parse(a), y = counter_name_parse(b);

	return x.where == y.where && !strcmp(x.base, y.base);
}

bool counter_name_is_miss(const char *name)
{
	return strstr(counter_name_parse(name).base, "misses") != NULL;
}
