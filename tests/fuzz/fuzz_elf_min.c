/* SPDX-License-Identifier: MIT */
/* Any bytes as an ELF file that is trimmed into a trace, and as the payload of an object. */
#include "analyze/process/module_objects.h"
#include "format/elf_min.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trim(const uint8_t *data, size_t size)
{
	const struct trace_object_file file = {
		.bytes = data, .fd = -1, .size = size, .name = "input"
	};
	struct elf_min m;

	if (elf_min_plan(&file, &m, NULL) < 0)
		return;
	for (size_t i = 0; i < m.n; i++)
		if (!m.ranges[i].size || m.ranges[i].at > size ||
		    m.ranges[i].size > size - m.ranges[i].at ||
		    (i && m.ranges[i - 1].at + m.ranges[i - 1].size >= m.ranges[i].at))
			abort();
	elf_min_fini(&m);
}

static void read_object(const uint8_t *data, size_t size)
{
	struct module_objects *objects = module_objects_new();
	struct trace_chunk *chunk = calloc(1, sizeof(*chunk));
	struct ruchy_cursor pieces;
	struct trace_object key;
	int fd;

	if (!objects || !chunk)
		abort();
	chunk->data = malloc(size + 1);
	memcpy(chunk->data, data, size);
	chunk->size = chunk->stored_bytes = size;
	module_objects_add(objects, chunk);
	if (trace_object_read(data, size, &key, &pieces) == 0) {
		fd = module_objects_open(objects, &key, key.partial, NULL, NULL);
		if (fd >= 0)
			close(fd);
	}
	module_objects_free(objects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trim(data, size);
	read_object(data, size);
	return 0;
}
