/* SPDX-License-Identifier: MIT */
/*
 * addrspace.h - the executable mappings of a process as an immutable set.
 *
 * A set is the root of a balanced search tree of non-overlapping mappings whose
 * nodes never change: adding a mapping copies the way to it and shares the rest.
 * So every moment of a process's life is one pointer, a fork shares its parent's
 * set by copying that pointer, and look-ups need no lock. NULL is the empty set.
 * Nodes belong to a pool and die with it. The tree's height is bounded by
 * 1.44 log2(n), whatever the input does.
 */
#ifndef RUCHY_ANALYZE_ADDRSPACE_H
#define RUCHY_ANALYZE_ADDRSPACE_H

#include "analyze/process/process.h"

struct addrspace; /* a node, and so the set below it */
struct addrspace_pool;

struct addrspace_pool *addrspace_pool_new(void); /* NULL: no memory */
void addrspace_pool_free(struct addrspace_pool *pool);

/*
 * `set` with [map->start, map->end) replaced by `map`, or emptied where map->module is NULL. What
 * the range cuts keeps its remaining parts. map->start < map->end. 0,
 * RUCHY_E_NOMEM, or RUCHY_E_LIMIT where a recording has more mappings than anybody would record.
 */
int addrspace_replace(struct addrspace_pool *pool, const struct addrspace *set,
		      const struct mapping *map, const struct addrspace **ret_set);
/* The mapping that holds `address`, or NULL; it lives as long as the pool. */
const struct mapping *addrspace_find(const struct addrspace *set, uint64_t address);
/* A number that no other set of the pool has; 0 is the empty set's. */
uint32_t addrspace_id(const struct addrspace *set);

#endif
