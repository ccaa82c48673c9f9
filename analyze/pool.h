/* SPDX-License-Identifier: MIT */
/*
 * pool.h - a fixed number of threads that share out numbered, independent jobs.
 *
 * pool_run is a parallel loop: it returns when all jobs are done, and everything
 * that they wrote is visible then. The caller works too, as worker 0, so a pool
 * of one has no threads, takes no locks and runs the jobs in order. Between two
 * calls nothing runs: what is written then needs no lock.
 * One thread owns a pool; jobs must not call pool_run.
 */
#ifndef RUCHY_ANALYZE_POOL_H
#define RUCHY_ANALYZE_POOL_H

#include <stddef.h>

#define POOL_MAX_WORKERS 256

struct pool;

/* `worker` (0 to pool_workers - 1) is the same for no two jobs that run at once: the number of
 * per-worker state. Results < 0 are errors; jobs begun later may be left out then. */
typedef int pool_job(void *arg, size_t job, unsigned worker);

/* `workers` 0: one for each CPU that we may run on. Threads that cannot be started are done
 * without. NULL: no memory. */
struct pool *pool_new(unsigned workers);
unsigned pool_workers(const struct pool *p);
/* Run jobs 0 to n - 1. 0, or the error of the failed job with the least number. */
int pool_run(struct pool *p, size_t n, pool_job *job, void *arg);
void pool_free(struct pool *p);

#endif
