/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/pool.h"
#include "ruchy/error.h"

#define JOBS 10000

struct count {
	unsigned runs[JOBS];            /* by job */
	size_t per_worker[8];           /* by worker, without a lock */
	size_t fails_from, last_number; /* in order of the jobs of one worker */
};

static int count_job(void *arg, size_t job, unsigned worker)
{
	struct count *c = arg;

	c->runs[job]++;
	c->per_worker[worker]++;
	return job >= c->fails_from ? -(int)job : 0;
}

static void test_run_does_every_job_once(void **state)
{
	static const unsigned workers[] = { 1, 2, 8 };

	(void)state;
	for (size_t w = 0; w < 3; w++) {
		struct pool *p = pool_new(workers[w]);
		static struct count c;
		size_t sum = 0;

		assert_non_null(p);
		assert_int_equal(pool_workers(p), workers[w]);
		for (unsigned round = 1; round <= 3; round++) {
			if (round == 1)
				memset(&c, 0, sizeof(c));
			c.fails_from = SIZE_MAX;
			assert_int_equal(pool_run(p, JOBS, count_job, &c), 0);
			for (size_t i = 0; i < JOBS; i++)
				assert_int_equal(c.runs[i], round);
		}
		for (size_t i = 0; i < 8; i++)
			sum += c.per_worker[i];
		assert_int_equal(sum, 3 * JOBS);
		assert_int_equal(pool_run(p, 0, count_job, &c), 0);
		pool_free(p);
	}
	pool_free(NULL);
}

static void test_run_tells_the_first_failure(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 8; workers *= 2) {
		struct pool *p = pool_new(workers);
		static struct count c;

		assert_non_null(p);
		memset(&c, 0, sizeof(c));
		c.fails_from = 5000;
		assert_int_equal(pool_run(p, JOBS, count_job, &c), -5000);
		for (size_t i = 0; i <= 5000; i++)
			assert_int_equal(c.runs[i], 1);
		/* A failed loop does not spoil the next one. */
		c.fails_from = SIZE_MAX;
		assert_int_equal(pool_run(p, 100, count_job, &c), 0);
		pool_free(p);
	}
}

static int in_order(void *arg, size_t job, unsigned worker)
{
	struct count *c = arg;

	assert_int_equal(worker, 0);
	assert_int_equal(job, c->last_number++);
	return 0;
}

static void test_run_of_one_worker_keeps_the_order(void **state)
{
	static struct count c;
	struct pool *p = pool_new(1);

	(void)state;
	assert_non_null(p);
	assert_int_equal(pool_run(p, JOBS, in_order, &c), 0);
	assert_int_equal(c.last_number, JOBS);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_does_every_job_once),
		cmocka_unit_test(test_run_tells_the_first_failure),
		cmocka_unit_test(test_run_of_one_worker_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
