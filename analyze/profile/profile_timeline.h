/* SPDX-License-Identifier: MIT */
/*
 * profile_timeline.h - what each thread counted over time: the samples of every event in
 * buckets of equal length, from the profile's rows. Its size is bounded, whatever the
 * length of the recording and the number of its threads: TIMELINE_BUCKETS at most, and
 * as many of the busiest threads as fit into TIMELINE_CELLS.
 */
#ifndef RUCHY_ANALYZE_PROFILE_TIMELINE_H
#define RUCHY_ANALYZE_PROFILE_TIMELINE_H

#include "analyze/profile/profile.h"

#define TIMELINE_BUCKETS 200
#define TIMELINE_CELLS   (1u << 18) /* threads x buckets x columns */

/* From the bucket of its first sample to that of its last; cells are by bucket, then column. */
struct timeline_thread {
	size_t first, n;                /* buckets; n 0: no samples */
	struct profile_weight *weights; /* owned, n x n_columns */
	profile_squares *squares;       /* owned, the same */
};

struct profile_timeline {
	uint64_t start_ns, bucket_ns; /* the first sample's time, rounded down to a bucket */
	size_t n_buckets;
	struct timeline_thread *threads; /* owned: the first n_threads of the profile's */
	size_t n_threads;
};

/* `p` was made with rows. RUCHY_E_NOMEM, RUCHY_E_SYS. profile_timeline_fini in any case. */
int profile_timeline_init(struct profile_timeline *t, const struct profile *p);
void profile_timeline_fini(struct profile_timeline *t);

#endif
