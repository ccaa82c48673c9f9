/* SPDX-License-Identifier: MIT */
/*
 * report_lanes.h - the samples of a profile by lane, for reports that tell one thread after the
 * other: a lane for each thread with its samples of one event, then a lane for each process and
 * other event. Within a lane they are in time order.
 *
 * The rows lie in a temporary file that is mapped, so memory does not grow with the recording.
 */
#ifndef RUCHY_ANALYZE_REPORT_LANES_H
#define RUCHY_ANALYZE_REPORT_LANES_H

#include "analyze/profile/profile.h"

struct lane_row {
	uint64_t time_ns, period;
	uint32_t stack, end; /* as in struct profile_row */
};

struct lane {
	const struct lane_row *rows;
	size_t n;
};

struct report_lanes {
	size_t base;           /* the column that threads' lanes hold */
	uint64_t start_ns;     /* of the first row; 0: there is none */
	uint32_t *process;     /* owned, by thread: the number of its process */
	uint32_t *main_thread; /* owned, by process: its main thread, or the first that is known */
	size_t n_processes;
	struct lane *lanes; /* owned: report_lanes_thread, report_lanes_process */
	size_t n_lanes;
	struct lane_row *rows; /* owned: mapped */
	size_t n_rows;
};

/* All rows of the profile. RUCHY_E_NOMEM, RUCHY_E_SYS (the temporary file), RUCHY_E_LIMIT (2^32
 * rows). To be ended with fini even then. */
int report_lanes_init(struct report_lanes *l, const struct profile *p);
const struct lane *report_lanes_thread(const struct report_lanes *l, size_t thread);
/* Of a column other than the base. */
const struct lane *report_lanes_process(const struct report_lanes *l, const struct profile *p,
					size_t process, size_t column);
void report_lanes_fini(struct report_lanes *l);

/* The same with rows of one's own, `visit` as profile_rows. */
typedef int report_lanes_source(const struct profile *p,
				int (*visit)(void *arg, const struct profile_row *row), void *arg);
int report_lanes_from(struct report_lanes *l, const struct profile *p, report_lanes_source *source);

#endif
