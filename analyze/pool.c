/* SPDX-License-Identifier: MIT */
#include "analyze/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

struct worker {
	struct pool *pool;
	pthread_t thread;
	unsigned number;
};

struct pool {
	struct worker *workers; /* owned; the first is the caller */
	unsigned n_workers;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t begun, done;
	pool_job *job;
	void *arg;
	size_t n_jobs, next;
	unsigned busy; /* threads that have not seen this loop's end */
	unsigned loop; /* number of the current loop */
	bool quit;
	int error;
	size_t error_job;
};

/* Take the next job's number; false when there are no more. */
static bool take(struct pool *p, size_t *ret_job)
{
	bool ok;

	pthread_mutex_lock(&p->lock);
	ok = p->next < p->n_jobs && !p->error;
	if (ok)
		*ret_job = p->next++;
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static void fail(struct pool *p, size_t job, int error)
{
	pthread_mutex_lock(&p->lock);
	if (!p->error || job < p->error_job) {
		p->error = error;
		p->error_job = job;
	}
	pthread_mutex_unlock(&p->lock);
}

static void work(struct pool *p, unsigned number)
{
	size_t job;

	while (take(p, &job)) {
		int rc = p->job(p->arg, job, number);

		if (rc < 0)
			fail(p, job, rc);
	}
}

static void *thread_main(void *arg)
{
	const struct worker *w = arg;
	struct pool *p = w->pool;
	unsigned seen = 0;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->loop == seen && !p->quit)
			pthread_cond_wait(&p->begun, &p->lock);
		if (p->quit)
			break;
		seen = p->loop;
		pthread_mutex_unlock(&p->lock);
		work(p, w->number);
		pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned allowed_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

struct pool *pool_new(unsigned workers)
{
	struct pool *p = calloc(1, sizeof(*p));
	unsigned n = workers ? workers : allowed_cpus();

	if (!p)
		return NULL;
	n = n > POOL_MAX_WORKERS ? POOL_MAX_WORKERS : n;
	p->workers = calloc(n, sizeof(*p->workers));
	if (!p->workers) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->begun, NULL);
	pthread_cond_init(&p->done, NULL);
	for (p->n_workers = 1; p->n_workers < n; p->n_workers++) {
		struct worker *w = &p->workers[p->n_workers];

		*w = (struct worker){ .pool = p, .number = p->n_workers };
		if (pthread_create(&w->thread, NULL, thread_main, w))
			break;
	}
	return p;
}

unsigned pool_workers(const struct pool *p)
{
	return p->n_workers;
}

int pool_run(struct pool *p, size_t n, pool_job *job, void *arg)
{
	pthread_mutex_lock(&p->lock);
	p->job = job;
	p->arg = arg;
	p->n_jobs = n;
	p->next = 0;
	p->error = 0;
	p->busy = p->n_workers - 1;
	p->loop++;
	pthread_cond_broadcast(&p->begun);
	pthread_mutex_unlock(&p->lock);

	work(p, 0);

	pthread_mutex_lock(&p->lock);
	while (p->busy)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return p->error;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->begun);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 1; i < p->n_workers; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->begun);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
}
