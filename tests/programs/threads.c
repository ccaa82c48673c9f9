/* SPDX-License-Identifier: MIT */
/*
 * threads - two threads with names of their own, at 2 : 1.
 *
 *   thread "alpha":  (clone3 → start_thread →) alpha_main → alpha_work      2/3
 *   thread "beta":   (clone3 → start_thread →) beta_main → beta_work        1/3
 */
#include <pthread.h>

#include "work.h"

KNOWN static uint64_t alpha_work(uint64_t x)
{
	WORK(x, 2);
	return x;
}

KNOWN static uint64_t beta_work(uint64_t x)
{
	WORK(x, 1);
	return x;
}

KNOWN static void *alpha_main(void *units)
{
	uint64_t x = 1;

	pthread_setname_np(pthread_self(), "alpha");
	for (unsigned left = *(unsigned *)units / 3; left != 0; left--)
		x = alpha_work(x);
	return x == 0 ? units : NULL;
}

KNOWN static void *beta_main(void *units)
{
	uint64_t x = 1;

	pthread_setname_np(pthread_self(), "beta");
	for (unsigned left = *(unsigned *)units / 3; left != 0; left--)
		x = beta_work(x);
	return x == 0 ? units : NULL;
}

int main(int argc, char **argv)
{
	unsigned units = work_units(argc, argv);
	pthread_t alpha, beta;

	if (pthread_create(&alpha, NULL, alpha_main, &units) != 0 ||
	    pthread_create(&beta, NULL, beta_main, &units) != 0)
		return 1;
	pthread_join(alpha, NULL);
	pthread_join(beta, NULL);
	return 0;
}
