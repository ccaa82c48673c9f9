/* SPDX-License-Identifier: MIT */
/*
 * plugin - the library that dlopen.c loads; built twice, as libplugin_a.so and
 * libplugin_b.so, with PLUGIN(name) giving plugin_a_… and plugin_b_….
 * For u units it works 2u itself and u in the program that loaded it.
 */
#include "work.h"

#define GLUE_(letter, name) plugin_##letter##_##name
#define GLUE(letter, name)  GLUE_(letter, name)
#define PLUGIN(name)        GLUE(PLUGIN_LETTER, name)

KNOWN static uint64_t PLUGIN(work)(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

uint64_t PLUGIN(entry)(uint64_t x, unsigned units, uint64_t (*callback)(uint64_t, unsigned));

uint64_t PLUGIN(entry)(uint64_t x, unsigned units, uint64_t (*callback)(uint64_t, unsigned))
{
	x = PLUGIN(work)(x, 2 * units);
	x = callback(x, units);
	STAY;
	return x;
}
