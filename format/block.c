/* SPDX-License-Identifier: MIT */
#include "format/block.h"

#include <stdlib.h>
#include <sys/mman.h>

struct block *block_alloc(size_t size)
{
	struct block *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct block){ .data = malloc(size), .size = size, .users = 1 };
	if (!b->data) {
		free(b);
		return NULL;
	}
	return b;
}

struct block *block_map(int fd, uint64_t offset, size_t size)
{
	struct block *b = malloc(sizeof(*b));
	void *data;

	if (!b)
		return NULL;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, (off_t)offset);
	if (data == MAP_FAILED) {
		free(b);
		return NULL;
	}
	*b = (struct block){ .data = data, .size = size, .users = 1, .mapped = true };
	return b;
}

struct block *block_hold(struct block *b)
{
	__atomic_add_fetch(&b->users, 1, __ATOMIC_RELAXED);
	return b;
}

void block_release(struct block *b)
{
	/* Whatever the other users did with the bytes came before: pairs with their release. */
	if (!b || __atomic_sub_fetch(&b->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (b->mapped)
		munmap(b->data, b->size);
	else
		free(b->data);
	free(b);
}
