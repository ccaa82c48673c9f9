/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the result of unwinding one sample: physical frames, leaf first,
 * and the reason why the walk ended. What passes from unwind/ to profile/.
 */
#ifndef RUCHY_ANALYZE_STACK_H
#define RUCHY_ANALYZE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/process/module.h"

#define STACK_MAX_FRAMES 2048 /* a longer chain ends with STACK_END_LIMIT */

/* Why a stack ends: name (JSON key), text (for people), complete or broken. One list. */
#define STACK_ENDS(X)                                                                \
	X(ENTRY, "entry", "reached the entry", true)                                 \
	X(JOINED, "joined", "completed from other samples of the thread", true)      \
	X(KERNEL_ONLY, "kernel_only", "no user part", true)                          \
	X(EXEC, "exec", "in exec: the program that called it is gone", true)         \
	X(TRUNCATED, "truncated", "the recorded stack bytes ran out", false)         \
	X(NO_CFI, "no_cfi", "no unwind information and no frame pointer", false)     \
	X(NO_MODULE, "no_module", "module missing or refused", false)                \
	X(NO_MAPPING, "no_mapping", "address in no known mapping", false)            \
	X(BAD_CFA, "bad_cfa", "unwind information leads nowhere", false)             \
	X(NO_REGISTERS, "no_registers", "no registers or stack recorded", false)     \
	X(LIMIT, "limit", "too many frames", false)                                  \
	X(BLOCKED, "blocked", "waits off the CPU, its stack was not sampled", false) \
	X(PREEMPTED, "preempted", "preempted, its stack was not sampled", false)

#define STACK_END_ENUM(name, key, text, complete) STACK_END_##name,
enum stack_end { STACK_ENDS(STACK_END_ENUM) STACK_END_COUNT };
#undef STACK_END_ENUM

const char *stack_end_key(enum stack_end end);
const char *stack_end_text(enum stack_end end);
bool stack_end_is_complete(enum stack_end end);
/* Of `counts` (by reason): how many are complete, and how many there are. */
uint64_t stack_ends_complete(const uint64_t *counts, uint64_t *ret_all);

enum stack_frame_flags {
	STACK_FRAME_KERNEL = 1u << 0,
	STACK_FRAME_RETURN = 1u << 1,   /* `address` is a return address - 1 */
	STACK_FRAME_FALLBACK = 1u << 2, /* found by frame pointer where CFI is missing */
	STACK_FRAME_JOINED = 1u << 3,   /* not in this sample's stack bytes: taken from complete
					   stacks of the same thread */
};

struct stack_frame {
	uint32_t module;  /* id in the module table, MODULE_NONE where no mapping is known */
	uint32_t flags;   /* STACK_FRAME_* */
	uint64_t address; /* in the module's own (link-time) addresses; absolute for kernel and
			     MODULE_NONE */
	uint64_t sp;      /* the stack pointer in this frame, runtime; 0 not known */
};

struct stack {
	struct stack_frame frames[STACK_MAX_FRAMES]; /* leaf first, kernel part before user part */
	size_t n_frames;
	enum stack_end end;
};

#endif
