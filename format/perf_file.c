/* SPDX-License-Identifier: MIT */
/* Bounded reads of a perf.data file. */
#include "format/perf_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int perf_file_init(struct perf_file *f, int fd, const char *name, struct ruchy_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return ruchy_error_errno(err, "%s", name);
	*f = (struct perf_file){ .fd = fd, .name = name, .size = (uint64_t)st.st_size };
	return 0;
}

bool perf_file_holds(const struct perf_file *f, struct perf_section s)
{
	return s.offset <= f->size && s.size <= f->size - s.offset;
}

ssize_t perf_file_read(const struct perf_file *f, uint64_t offset, void *buf, size_t size,
		       struct ruchy_error *err)
{
	size_t done = 0;

	if (offset > f->size)
		return 0;
	if (size > f->size - offset)
		size = (size_t)(f->size - offset);
	while (done < size) {
		ssize_t n = pread(f->fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ruchy_error_errno(err, "%s: reading at offset %llu", f->name,
						 (unsigned long long)(offset + done));
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int perf_file_load(const struct perf_file *f, struct perf_section s, uint8_t **ret,
		   struct ruchy_error *err)
{
	uint8_t *data;
	ssize_t n;

	if (!perf_file_holds(f, s))
		return ruchy_error_set(err, RUCHY_E_DAMAGED,
				       "%s: a section of %llu bytes at offset %llu is cut off",
				       f->name, (unsigned long long)s.size,
				       (unsigned long long)s.offset);
	if (s.size > WIRE_MAX_META_BYTES)
		return ruchy_error_set(err, RUCHY_E_LIMIT,
				       "%s: a section of %llu bytes at offset %llu is too large",
				       f->name, (unsigned long long)s.size,
				       (unsigned long long)s.offset);
	data = malloc(s.size ? (size_t)s.size : 1);
	if (!data)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", f->name);
	n = perf_file_read(f, s.offset, data, (size_t)s.size, err);
	if (n >= 0 && (uint64_t)n < s.size)
		n = ruchy_error_set(err, RUCHY_E_DAMAGED, "%s: the file shrank", f->name);
	if (n < 0) {
		free(data);
		return (int)n;
	}
	*ret = data;
	return 0;
}

void perf_file_damage(struct trace_integrity *integrity, uint64_t bytes, const char *fmt, ...)
{
	va_list ap;

	integrity->damaged++;
	integrity->damaged_bytes += bytes;
	if (integrity->first_damage[0])
		return;
	va_start(ap, fmt);
	vsnprintf(integrity->first_damage, sizeof(integrity->first_damage), fmt, ap);
	va_end(ap);
}
