/* SPDX-License-Identifier: MIT */
/*
 * module_objects.h - the files of the target that a trace brings along, to be opened
 * as if they lay on this machine.
 *
 * A file is known by the build-id of the one that was mapped, its role beside that one,
 * and for split units by its name; without a build-id by the path as mapped. It is put
 * together when it is opened first; whoever opens it checks what it is, as of any other
 * file. What a file may claim to be is bounded by what of it is in the trace.
 * Objects are added by one thread, and opened under the lock of the module table.
 */
#ifndef RUCHY_ANALYZE_MODULE_OBJECTS_H
#define RUCHY_ANALYZE_MODULE_OBJECTS_H

#include "ruchy/trace_object.h"
#include "ruchy/trace_reader.h"

struct module_objects;

/* What of a file in part is in the trace: sorted, neither empty nor touching. */
struct module_kept {
	struct trace_object_range *ranges;
	size_t n, capacity;
};

struct module_objects *module_objects_new(void); /* NULL: no memory */
void module_objects_free(struct module_objects *o);
/* Take an OBJECT chunk (owned from here on, also on failure). RUCHY_E_DAMAGED, RUCHY_E_NOMEM,
 * RUCHY_E_LIMIT. */
int module_objects_add(struct module_objects *o, struct trace_chunk *chunk);
/*
 * Open what `key` names (its role, id, path and, of a split unit, name), whole (or `partial`: with
 * parts left out). A descriptor of the caller's, or -1 where there is none. `ret_path` (malloc'ed;
 * may be NULL): where it was found when it was put into the trace. `ret_kept` (borrowed from `o`;
 * may be NULL): what of it is there, NULL where that is all. `o` NULL: there is none.
 */
int module_objects_open(struct module_objects *o, const struct trace_object *key, bool partial,
			char **ret_path, const struct module_kept **ret_kept);
/* Are all of these bytes there? */
bool module_kept_has(const struct module_kept *k, uint64_t at, uint64_t size);

#endif
