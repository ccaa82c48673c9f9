/* SPDX-License-Identifier: MIT */
/*
 * trace_object.h - files of the target in a trace (docs/format.md, "Objects"): a file
 * that samples fell into, whole or with holes, or one that holds its debug information.
 *
 * Writing cuts a file into chunks of a few MiB; each says whose part it is, so that
 * damage to one costs its bytes only. Reading yields the header and the pieces of one
 * chunk, all checked; nothing is copied.
 */
#ifndef RUCHY_TRACE_OBJECT_H
#define RUCHY_TRACE_OBJECT_H

#include "ruchy/trace_writer.h"

/* Which file. Texts and bytes are borrowed; texts are not terminated when read. */
struct trace_object {
	enum wire_object_role role;
	bool partial;      /* parts of the file are left out */
	uint64_t size;     /* of the file */
	const uint8_t *id; /* build-id of the file that was mapped, whatever the role */
	size_t id_size;    /* 0: it has none */
	const char *path;  /* of that file, as it was mapped */
	size_t path_size;
	const char *name; /* what the role needs beside it, or where the file was found */
	size_t name_size;
};

struct trace_object_piece {
	uint64_t at; /* in the file */
	const uint8_t *bytes;
	uint64_t size;
};

/* Bytes of a file. */
struct trace_object_range {
	uint64_t at, size;
};

/* A file's bytes: in memory, or where that is NULL behind a descriptor. Borrowed. */
struct trace_object_file {
	const uint8_t *bytes;
	int fd;
	uint64_t size;
	const char *name; /* for messages */
	/* Of a file in part: what of it is there, sorted; NULL: all. */
	const struct trace_object_range *kept;
	size_t n_kept;
};

/*
 * Write a file: all of it, or with `trim` what unwinding and naming functions need; what is there
 * of a file in part, which was trimmed before. `object` need not have `size` and `partial`.
 * RUCHY_E_FORMAT (to be trimmed, and no ELF file), RUCHY_E_LIMIT (a name is too long), and what
 * reading and trace_writer_chunk return.
 */
int trace_object_write(struct trace_writer *w, const struct trace_object *object,
		       const struct trace_object_file *file, bool trim, struct ruchy_error *err);

/* The header of an OBJECT payload, and a cursor on its pieces. RUCHY_E_DAMAGED. */
int trace_object_read(const void *payload, size_t size, struct trace_object *ret,
		      struct ruchy_cursor *ret_pieces);
/* The next piece. 1: `ret` is set; 0: the end; RUCHY_E_DAMAGED: the rest is of no use. */
int trace_object_piece(struct ruchy_cursor *c, const struct trace_object *object,
		       struct trace_object_piece *ret);

#endif
