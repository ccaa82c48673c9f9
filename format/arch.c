/* SPDX-License-Identifier: MIT */
#include "ruchy/arch.h"

#include <string.h>

const struct arch *arch_find(const char *name)
{
#define ARCH_ENTRY(name) &arch_##name,
	static const struct arch *const all[] = { ARCHS(ARCH_ENTRY) };
#undef ARCH_ENTRY

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

unsigned arch_sp_reg(const struct arch *arch)
{
	return arch->perf[arch->sp];
}
