/* SPDX-License-Identifier: MIT */
/*
 * profile_join.h - completes stacks that were cut at their dump's end with the
 * callers that complete stacks of the same thread have; private to profile/.
 *
 * A cut stack ends with a frame F, whose pc and stack pointer are known and whose
 * caller is not. Complete stacks of the thread that hold a frame with the same pc
 * and stack pointer say who the caller can be. (pc, sp) alone is ambiguous: after
 * `f1(); f2();`, which both call g and have frames of one size, g is at the same
 * place below either. So F is joined only if
 *  - all samples of the thread that hold F at that place have one and the same
 *    chain of callers from there,
 *  - the same is true of every frame of that chain, and
 *  - at least JOIN_MIN_SAMPLES of them hold the frame that F called, too, at the
 *    place where the cut stack has it.
 * Stacks are joined from the base of the stack down, and what was joined helps the
 * deeper ones. docs/unwinding.md has the measured truth of it.
 *
 * What is kept are paths: the user frames of a stack without its leaf, outermost
 * first, each with its stack pointer, as a tree. It grows with unique paths, and a
 * path that was there before costs a comparison a frame. No result depends on the
 * order of samples or on who saw which. One thread.
 */
#ifndef RUCHY_ANALYZE_PROFILE_JOIN_H
#define RUCHY_ANALYZE_PROFILE_JOIN_H

#include "analyze/profile/stack_tree.h"

#define JOIN_MIN_SAMPLES 2
#define JOIN_MAX_STEPS   (1u << 25) /* RUCHY_E_LIMIT beyond */

struct profile_join {
	struct keyset roots; /* of struct join_root: whose stack it is */
	struct keyset cuts;  /* of struct join_cut */
	/* Paths as a tree; owned, parents stand before children. Most steps are the only child of
	 * theirs: only what hangs on roots and cuts, and what has older siblings, is looked up. */
	struct join_node {
		struct join_step {
			uint32_t parent, frame;
			uint64_t sp;
		} key;
		uint64_t samples; /* whose path ends there */
		uint32_t first;   /* 1 + the step's first child, 0: none */
	} * steps;
	size_t n_steps, max_steps;
	struct keyset siblings;  /* of struct join_step: those that are nobody's first child */
	uint32_t *sibling_steps; /* owned, by number in `siblings` */
	size_t max_siblings;
	uint32_t trace; /* number of the current trace */
	struct join_paths {
		/* The last path below a root or cut, outermost first: the next one has much of it
		 * in common. */
		struct join_path {
			struct join_last {
				uint64_t sp;
				uint32_t node, step;
			} * at; /* owned */
			size_t n, max;
		} * at; /* owned, by number */
		size_t n;
	} root_paths, cut_paths;
	uint32_t last_thread, last_root; /* of the current trace; last_root KEYSET_NONE: none yet */
};

/* Keys: no padding. */
struct join_root {
	uint32_t thread, trace;
};

/* A frame, by its number in the stack tree, at a place of a stack. */
struct join_place {
	uint32_t root, frame;
	uint64_t sp;
};

/* Where a cut stack ends: its outermost frame, and the one which that called. */
struct join_cut {
	struct join_place outer, inner;
};

#define JOIN_TOP  (1u << 31) /* the parent is a root's number, ... */
#define JOIN_HUNG (1u << 30) /* ... or with this a cut's: the path hangs in the air */

/* A trace begins: its threads are others. */
void profile_join_trace(struct profile_join *j);
void profile_join_init(struct profile_join *j);
void profile_join_fini(struct profile_join *j);
/*
 * See a stack of `thread`, the last that was added to `tree`; `counts`: as evidence, once for a
 * sample that counts in several columns. `ret_cut` is 0, or of a cut stack
 * that may be joined 1 + the number of its cut. RUCHY_E_NOMEM, RUCHY_E_LIMIT.
 */
int profile_join_see(struct profile_join *j, const struct stack_tree *tree, uint32_t thread,
		     const struct stack *stack, bool counts, uint32_t *ret_cut);
/* The number of a step; KEYSET_NONE: it was not seen. */
uint32_t profile_join_step(const struct profile_join *j, const struct join_step *key);

/* ---- merging: roots first, then cuts, when their frames have numbers, then steps ---- */

/* The number of a cut of `from` (as profile_join_see gives it) in `to`; UINT32_MAX: no memory.
 * `threads` and `frames` are the numbers of `from` in `to`. */
uint32_t profile_join_merge_cut(struct profile_join *to, const struct profile_join *from,
				uint32_t cut, const uint32_t *threads, const uint32_t *frames);
/* All paths of `from`. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int profile_join_merge(struct profile_join *to, const struct profile_join *from,
		       const uint32_t *threads, const uint32_t *frames);

/* ---- when all samples were seen ---- */

/* What became of a cut. */
struct join_result {
	uint32_t node; /* of the joined outer chain in the stack tree, F's callers; 0: not joined */
	uint32_t depth;    /* of `node`: its frames */
	uint64_t distance; /* from F to the base of its thread's stack, in bytes; 0: not known */
};

/* An owned array by cut, of `j->cuts.n` (NULL if there is none); callers go into `tree`, as frames
 * with STACK_FRAME_JOINED. `join`: else only the distances. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int profile_join_run(struct profile_join *j, struct stack_tree *tree, bool join,
		     struct join_result **ret);

#endif
