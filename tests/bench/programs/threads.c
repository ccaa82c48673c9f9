/* SPDX-License-Identifier: MIT */
/*
 * threads - waves of 200 threads at a time, each of which computes for about half a millisecond.
 *
 * Argument: how many waves (10).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define AT_A_TIME 200

static void *compute(void *arg)
{
	uint64_t x = (uintptr_t)arg;

	for (unsigned i = 0; i < 400000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
	return x == 0 ? arg : NULL;
}

int main(int argc, char **argv)
{
	unsigned long waves = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
	pthread_t threads[AT_A_TIME];

	for (unsigned long w = 0; w < waves; w++) {
		for (uintptr_t i = 0; i < AT_A_TIME; i++)
			if (pthread_create(&threads[i], NULL, compute, (void *)i))
				return 1;
		for (unsigned i = 0; i < AT_A_TIME; i++)
			pthread_join(threads[i], NULL);
	}
	return 0;
}
