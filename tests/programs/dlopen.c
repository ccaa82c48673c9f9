/* SPDX-License-Identifier: MIT */
/*
 * dlopen - two libraries loaded and unloaded in turn, usually at one address.
 *
 *   main → visit → plugin_a_entry → plugin_a_work                        1/3
 *   main → visit → plugin_b_entry → plugin_b_work                        1/3
 *   main → visit → plugin_{a,b}_entry → host_callback (in the program)   1/3
 *
 * libplugin_a.so and libplugin_b.so lie beside the program. They have the same
 * layout under different names: a reader whose address space does not follow
 * the time of the samples charges the one for the other.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

#define ROUNDS 8

typedef uint64_t plugin_entry(uint64_t x, unsigned units, uint64_t (*callback)(uint64_t, unsigned));

KNOWN static uint64_t host_callback(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

static const char *beside(char *buf, size_t size, const char *name)
{
	ssize_t length = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (length <= 0)
		return name;
	buf[length] = '\0';
	slash = strrchr(buf, '/');
	snprintf(slash + 1, size - (size_t)(slash + 1 - buf), "%s", name);
	return buf;
}

KNOWN static uint64_t visit(uint64_t x, const char *library, const char *entry, unsigned units)
{
	char path[PATH_MAX];
	void *handle = dlopen(beside(path, sizeof(path), library), RTLD_NOW);
	plugin_entry *f;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&f = dlsym(handle, entry);
	if (f == NULL)
		exit(1);
	x = f(x, units, host_callback);
	dlclose(handle);
	return x;
}

int main(int argc, char **argv)
{
	unsigned units = work_units(argc, argv) / (ROUNDS * 6);
	uint64_t x = 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		x = visit(x, "libplugin_a.so", "plugin_a_entry", units);
		x = visit(x, "libplugin_b.so", "plugin_b_entry", units);
	}
	return x == 0;
}
