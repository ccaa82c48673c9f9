/* SPDX-License-Identifier: MIT */
#include "analyze/process/addrspace.h"

#include <stdlib.h>

#define NODES_PER_BLOCK 512
/* All versions of all processes; a recording of a million mappings needs a tenth of it. Records
 * that repeat compress to nearly nothing, the versions that they make do not. */
#define MAX_BLOCKS (1u << 16)

/* A persistent AVL tree by join and split (Blelloch et al., "Just Join"). */
struct addrspace {
	const struct addrspace *left, *right;
	struct mapping map;
	int height;
	uint32_t id; /* of the set; no other of the pool has it; not 0 */
};

struct block {
	struct block *next;
	struct addrspace nodes[NODES_PER_BLOCK];
};

struct addrspace_pool {
	struct block *blocks; /* owned; the newest first */
	size_t n_blocks;
	size_t used; /* nodes of blocks[0] */
	bool failed; /* an allocation failed since the flag was cleared */
};

struct addrspace_pool *addrspace_pool_new(void)
{
	return calloc(1, sizeof(struct addrspace_pool));
}

void addrspace_pool_free(struct addrspace_pool *pool)
{
	if (!pool)
		return;
	while (pool->blocks) {
		struct block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
	free(pool);
}

static int height(const struct addrspace *t)
{
	return t ? t->height : 0;
}

/* A node over two trees whose heights differ by at most 1. After a failed allocation the result is
 * NULL and the pool says so: the caller at the top drops the whole tree. */
static const struct addrspace *node(struct addrspace_pool *pool, const struct addrspace *l,
				    const struct mapping *map, const struct addrspace *r)
{
	struct addrspace *n;

	if (!pool->blocks || pool->used == NODES_PER_BLOCK) {
		struct block *b = pool->n_blocks < MAX_BLOCKS ? malloc(sizeof(*b)) : NULL;

		if (!b) {
			pool->failed = true;
			return NULL;
		}
		b->next = pool->blocks;
		pool->blocks = b;
		pool->n_blocks++;
		pool->used = 0;
	}
	n = &pool->blocks->nodes[pool->used++];
	n->left = l;
	n->right = r;
	n->map = *map;
	n->id = (uint32_t)((pool->n_blocks - 1) * NODES_PER_BLOCK + pool->used);
	n->height = 1 + (height(l) > height(r) ? height(l) : height(r));
	return n;
}

/* A node over two trees whose heights differ by at most 2: one or two rotations. */
static const struct addrspace *balance(struct addrspace_pool *pool, const struct addrspace *l,
				       const struct mapping *map, const struct addrspace *r)
{
	if (height(l) > height(r) + 1) {
		const struct addrspace *m = l->right;

		if (height(l->left) >= height(m))
			return node(pool, l->left, &l->map, node(pool, m, map, r));
		return node(pool, node(pool, l->left, &l->map, m->left), &m->map,
			    node(pool, m->right, map, r));
	}
	if (height(r) > height(l) + 1) {
		const struct addrspace *m = r->left;

		if (height(r->right) >= height(m))
			return node(pool, node(pool, l, map, m), &r->map, r->right);
		return node(pool, node(pool, l, map, m->left), &m->map,
			    node(pool, m->right, &r->map, r->right));
	}
	return node(pool, l, map, r);
}

/* All of `l`, `map`, all of `r`, in this order. Recursion is as deep as the heights differ. */
static const struct addrspace *join(struct addrspace_pool *pool, const struct addrspace *l,
				    const struct mapping *map, const struct addrspace *r)
{
	if (pool->failed)
		return NULL;
	if (height(l) > height(r) + 1)
		return balance(pool, l->left, &l->map, join(pool, l->right, map, r));
	if (height(r) > height(l) + 1)
		return balance(pool, join(pool, l, map, r->left), &r->map, r->right);
	return node(pool, l, map, r);
}

/* Mappings that start below `key`, and the others. */
static void split(struct addrspace_pool *pool, const struct addrspace *t, uint64_t key,
		  const struct addrspace **ret_below, const struct addrspace **ret_above)
{
	const struct addrspace *below, *above;

	if (!t || pool->failed) {
		*ret_below = *ret_above = NULL;
	} else if (t->map.start < key) {
		split(pool, t->right, key, &below, &above);
		*ret_below = join(pool, t->left, &t->map, below);
		*ret_above = above;
	} else {
		split(pool, t->left, key, &below, &above);
		*ret_below = below;
		*ret_above = join(pool, above, &t->map, t->right);
	}
}

/* Take the last mapping out of a tree that is not empty. */
static const struct addrspace *take_last(struct addrspace_pool *pool, const struct addrspace *t,
					 struct mapping *ret_last)
{
	if (t->right)
		return join(pool, t->left, &t->map, take_last(pool, t->right, ret_last));
	*ret_last = t->map;
	return t->left;
}

static const struct mapping *last(const struct addrspace *t)
{
	while (t && t->right)
		t = t->right;
	return t ? &t->map : NULL;
}

/* Is this very mapping in the set already? Recorders tell of many twice. */
static bool is_there(const struct addrspace *set, const struct mapping *map)
{
	const struct mapping *known = addrspace_find(set, map->start);

	return known && known->start == map->start && known->end == map->end &&
	       known->file_offset == map->file_offset && known->module == map->module;
}

int addrspace_replace(struct addrspace_pool *pool, const struct addrspace *set,
		      const struct mapping *map, const struct addrspace **ret_set)
{
	const struct addrspace *below, *covered, *above, *rest;
	const struct mapping *end;
	struct mapping head = { 0 }, tail = { 0 };

	if (is_there(set, map)) {
		*ret_set = set;
		return 0;
	}
	pool->failed = false;
	split(pool, set, map->start, &below, &rest);
	split(pool, rest, map->end, &covered, &above);
	/* The last mapping that starts before our end may reach beyond it ... */
	end = covered ? last(covered) : last(below);
	if (end && end->end > map->end) {
		tail = *end;
		tail.file_offset += map->end - tail.start;
		tail.start = map->end;
	}
	/* ... and the last one that starts before our start may reach into us. */
	end = last(below);
	if (end && end->end > map->start) {
		below = take_last(pool, below, &head);
		head.end = map->start;
		below = join(pool, below, &head, NULL);
	}
	if (tail.module)
		above = join(pool, NULL, &tail, above);
	if (map->module) {
		rest = join(pool, below, map, above);
	} else if (below) {
		below = take_last(pool, below, &head);
		rest = pool->failed ? NULL : join(pool, below, &head, above);
	} else {
		rest = above;
	}
	if (pool->failed)
		return pool->n_blocks < MAX_BLOCKS ? RUCHY_E_NOMEM : RUCHY_E_LIMIT;
	*ret_set = rest;
	return 0;
}

const struct mapping *addrspace_find(const struct addrspace *set, uint64_t address)
{
	while (set) {
		if (address < set->map.start)
			set = set->left;
		else if (address >= set->map.end)
			set = set->right;
		else
			return &set->map;
	}
	return NULL;
}

uint32_t addrspace_id(const struct addrspace *set)
{
	return set ? set->id : 0;
}
