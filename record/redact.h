/* SPDX-License-Identifier: MIT */
/*
 * redact.h - a sample without its program's data: each register, and each word of the
 * stack dump, that is no address of the thread's stack or of executable memory becomes 0.
 *
 * Unwinding reads nothing else: return addresses are executable, and what a CFA or a
 * saved stack or frame pointer is computed from lies on the stack. Which words are
 * kept (docs/format.md, "Redacted samples"):
 *   - executable: in a mapping that the process had executable, then or shortly before
 *     (of an aarch64 word without its pointer authentication code);
 *   - stack: from 4 KiB below to 8 MiB above the sample's SP; of a main thread also the
 *     8 MiB below its initial SP, for signal handlers on stacks of their own;
 *   - in registers: SP, the pc, and -1, by which the kernel says that it knows none.
 * Words are the process's own (8 bytes, 4 of a 32-bit one), at multiples of their size;
 * parts of a word at either end of the dump become 0.
 * A function of the record and the tables only. One thread for the tables.
 */
#ifndef RUCHY_RECORD_REDACT_H
#define RUCHY_RECORD_REDACT_H

#include "record/exec_maps.h"
#include "ruchy/arch.h"
#include "ruchy/event.h"

struct redact {
	const struct event_table *events;
	const struct arch *arch;
	uint64_t pac_mask;      /* as the trace's PAC_MASK; 0: none */
	struct exec_maps *maps; /* may read what it lacks */
};

/*
 * Redact `record`, a whole PERF_RECORD_SAMPLE with its own dump (nothing shared). `base` is the
 * process's initial SP, where the sample is of its main thread; 0 or UINT64_MAX: not known.
 * RUCHY_E_DAMAGED: it does not fit its event, and is unchanged.
 */
int redact_sample(const struct redact *r, uint64_t base, uint8_t *record, size_t size);

#endif
