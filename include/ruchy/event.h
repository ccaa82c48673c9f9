/* SPDX-License-Identifier: MIT */
/*
 * event.h - what a trace says: its events (perf_event_attr and names) and its
 * records, decoded to host order.
 *
 * A `struct event` is a view: pointers in it are borrowed from the record's
 * chunk (and, for a shared stack dump, from the iterator that decoded it) and
 * live until the next record of that iterator. Types, misc bits and sample_type
 * bits are those of perf_event_open(2), <linux/perf_event.h>. Times are
 * nanoseconds of the trace's clock (CLOCK_MONOTONIC in our own traces).
 * One thread decodes one chunk; the tables here are read-only meanwhile.
 */
#ifndef RUCHY_EVENT_H
#define RUCHY_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/bytes.h"
#include "ruchy/error.h"
#include "ruchy/wire.h"

#define EVENT_BUILD_ID_MAX 20

/* An event that was opened: its perf_event_attr as far as we use it, and its name. */
struct event_desc {
	char *name; /* owned: "cpu_clock" */
	enum wire_event_role role;
	uint32_t type, attr_size; /* attr.type; the attr's size as recorded */
	uint64_t config;
	uint64_t sample_type, read_format; /* PERF_SAMPLE_*, PERF_FORMAT_* */
	uint64_t sample_period;            /* or frequency in Hz where `freq` */
	uint64_t regs_user;                /* mask of PERF_REG_* */
	uint32_t stack_user;               /* bytes asked for */
	uint64_t branch_sample_type;       /* PERF_SAMPLE_BRANCH_* */
	uint8_t precise_ip;
	bool freq, inherit, sample_id_all, exclude_kernel, exclude_user;
	uint64_t *ids; /* owned: the kernel's ids, one per CPU (and thread) */
	size_t n_ids;
};

/* The events of a trace, and which record belongs to which. Owned by the trace's meta. */
struct event_table {
	struct event_desc *events; /* owned */
	size_t n_events;
	struct event_id {
		uint64_t id;
		uint32_t event;
	} * by_id; /* owned; a hash table, see event_table.c */
	size_t n_slots, n_ids;
};

/* Parse a raw perf_event_attr (any size >= 64: PERF_ATTR_SIZE_VER0) into `ret`. RUCHY_E_DAMAGED
 * when too short. */
int event_desc_parse(struct event_desc *ret, const uint8_t *attr, size_t size);
/*
 * Append an event; takes copies of name and ids. All sample_type layouts of one table must let the
 * id be found (all equal, or PERF_SAMPLE_IDENTIFIER in all): else RUCHY_E_UNSUPPORTED.
 * RUCHY_E_NOMEM, RUCHY_E_DAMAGED.
 */
int event_table_add(struct event_table *t, const uint8_t *attr, size_t attr_size,
		    enum wire_event_role role, const char *name, const uint64_t *ids, size_t n_ids);
/* The event with this id, or -1. */
int event_table_find(const struct event_table *t, uint64_t id);
void event_table_fini(struct event_table *t);

/* PERF_SAMPLE_REGS_USER: values in the order of the mask's set bits, still little-endian bytes. */
struct sample_regs {
	uint64_t abi; /* PERF_SAMPLE_REGS_ABI_*: 0 none, 1 32-bit, 2 64-bit */
	uint64_t mask;
	const uint8_t *values; /* 8 bytes each */
};

/* Value of register `reg` (PERF_REG_X86_*, PERF_REG_ARM64_*); false where it was not recorded. */
bool sample_regs_get(const struct sample_regs *regs, unsigned reg, uint64_t *ret_value);

/* User stack bytes [sp, sp + size): the first `head_size` at `head`, the rest at `tail`. size 0:
 * none. */
struct sample_stack {
	uint64_t sp;
	uint64_t size;
	const uint8_t *head, *tail;
	uint64_t head_size;
};

/* The 8 bytes at `address` as a little-endian number; false where they are not wholly in the dump.
 */
bool sample_stack_read64(const struct sample_stack *stack, uint64_t address, uint64_t *ret_value);

/* An entry of PERF_SAMPLE_BRANCH_STACK: the addresses of the branch and of where it went. */
struct event_branch {
	uint64_t from, to;
};

/* One value of PERF_SAMPLE_READ or PERF_RECORD_READ. */
struct read_value {
	uint64_t value, id, lost; /* id and lost are 0 where not recorded */
};

struct event_read {
	uint64_t enabled_ns, running_ns; /* 0 where not recorded */
	uint64_t n_values;               /* 0: no READ in this record */
	const uint8_t *values;           /* borrowed; use event_read_value */
	uint64_t format;
};

struct read_value event_read_value(const struct event_read *read, uint64_t i);

struct event_sample {
	uint64_t ip, addr, period; /* period 1 where not recorded and not fixed by the attr */
	struct event_read read;
	uint64_t n_callchain;
	const uint8_t
		*callchain; /* n_callchain u64, PERF_CONTEXT_* marks among them; ruchy_load64 */
	const uint8_t *raw; /* PERF_SAMPLE_RAW: `raw_size` bytes; NULL: none */
	uint32_t raw_size;
	uint64_t n_branches;
	const uint8_t *branches; /* n_branches entries, the latest first; event_branch */
	bool call_stack; /* the branches are calls that have not returned (LBR call stack mode) */
	bool walkable;   /* the event records registers or callchains: without them there is no user
			    part */
	struct sample_regs regs;
	struct sample_stack stack;
};

/* Branch `i`, below n_branches. */
struct event_branch event_branch(const struct event_sample *sample, uint64_t i);

struct event_mmap {
	uint32_t pid, tid;
	uint64_t start, length, pgoff;
	uint32_t maj, min; /* 0 where the build-id is present */
	uint64_t inode;
	uint32_t prot, flags; /* PROT_*; 0 in PERF_RECORD_MMAP: executable unless
				 PERF_RECORD_MISC_MMAP_DATA */
	uint8_t build_id[EVENT_BUILD_ID_MAX];
	uint8_t build_id_size; /* 0: none */
	bool executable;
	const char *path; /* NUL-terminated inside the record */
};

/* A decoded record. `type` and `misc` are the record's own; members of the union that belong to
 * `type` are set. */
struct event {
	uint32_t type; /* PERF_RECORD_* */
	uint16_t misc; /* PERF_RECORD_MISC_* */
	int event;     /* index in the event table, -1 unknown */
	bool has_time, has_tid, has_cpu;
	uint64_t time_ns; /* ordinal of the record's chunk where the recording has no times */
	uint32_t pid, tid, cpu;
	uint64_t id;
	union {
		struct event_sample sample; /* PERF_RECORD_SAMPLE */
		struct event_mmap mmap;     /* PERF_RECORD_MMAP, MMAP2 */
		struct {
			uint32_t pid, tid;
			bool exec; /* PERF_RECORD_MISC_COMM_EXEC */
			const char *name;
		} comm; /* PERF_RECORD_COMM */
		struct {
			uint32_t pid, ppid, tid, ptid;
			uint64_t time_ns;
		} task; /* PERF_RECORD_FORK, EXIT */
		struct {
			uint64_t lost; /* records */
		} lost;                /* PERF_RECORD_LOST, LOST_SAMPLES */
		struct {
			bool out;
			uint32_t next_prev_pid, next_prev_tid; /* SWITCH_CPU_WIDE only */
		} cswitch; /* PERF_RECORD_SWITCH, SWITCH_CPU_WIDE */
		struct {
			uint32_t pid, tid;
			struct event_read read;
		} read; /* PERF_RECORD_READ */
		struct {
			uint64_t address;
			uint32_t length;
			uint16_t ksym_type, flags;
			const char *name;
		} ksymbol; /* PERF_RECORD_KSYMBOL */
	};
};

#endif
