/* SPDX-License-Identifier: MIT */
/*
 * many N MILLISECONDS - N threads named "first" that spin and mostly sleep, for so long; after a
 * second each of them begins one named "later", which does the same. The more they are, the longer
 * each sleeps: together they keep no CPU busy.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static char first[] = "first", later[] = "later";
static long end_ms;
static useconds_t sleep_us;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

__attribute__((noinline)) static void work(void)
{
	for (volatile unsigned i = 0; i < 200000; i++)
		;
}

static void *spin(void *name)
{
	long next = now_ms() + 1000;
	pthread_t thread;

	prctl(PR_SET_NAME, name);
	while (now_ms() < end_ms) {
		work();
		usleep(sleep_us);
		if (next && name == first && now_ms() > next) {
			pthread_create(&thread, NULL, spin, later);
			pthread_detach(thread);
			next = 0;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10;
	pthread_attr_t attr;
	pthread_t thread;

	sleep_us = (useconds_t)n * 1250;
	end_ms = now_ms() + (argc > 2 ? atol(argv[2]) : 1000);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread, &attr, spin, first))
			return 1;
	pthread_join(thread, NULL);
	return 0;
}
