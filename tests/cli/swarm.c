/* SPDX-License-Identifier: MIT */
/*
 * swarm threads N MILLISECONDS - N threads at a time, each named "t-" and its number, which live
 * until all were there, and spin for so much CPU time each before and after. swarm forks N
 * MILLISECONDS PERIOD_US - N processes, one after PERIOD_US each, named "p-" and its number, which
 * spin for so long.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t all;
static int64_t spin_ns;

__attribute__((noinline)) static void spin(void)
{
	struct timespec t;
	int64_t end = 0, now;

	do {
		for (volatile unsigned i = 0; i < 20000; i++)
			;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
		now = t.tv_sec * 1000000000ll + t.tv_nsec;
		if (!end)
			end = now + spin_ns;
	} while (now < end);
}

static void *thread(void *number)
{
	char name[16];

	snprintf(name, sizeof(name), "t-%d", (int)(intptr_t)number);
	prctl(PR_SET_NAME, name);
	spin();
	pthread_barrier_wait(&all);
	spin();
	return NULL;
}

static int threads(int n)
{
	pthread_t *ids = calloc((size_t)n, sizeof(*ids));
	pthread_attr_t attr;

	pthread_barrier_init(&all, NULL, (unsigned)n);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (int i = 0; i < n; i++)
		if (pthread_create(&ids[i], &attr, thread, (void *)(intptr_t)i)) {
			fprintf(stderr, "swarm: thread %d cannot be made\n", i);
			return 1;
		}
	for (int i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	return 0;
}

static int forks(int n, int period_us)
{
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p-%d", i);
		if (fork() == 0) {
			prctl(PR_SET_NAME, name);
			spin();
			_exit(0);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		next.tv_nsec += period_us * 1000;
		while (next.tv_nsec >= 1000000000)
			next.tv_nsec -= 1000000000, next.tv_sec++;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	spin_ns = atoll(argv[3]) * 1000000;
	return !strcmp(argv[1], "threads") ? threads(atoi(argv[2]))
					   : forks(atoi(argv[2]), argc > 4 ? atoi(argv[4]) : 2000);
}
