/* SPDX-License-Identifier: MIT */
/*
 * waits - where threads spend their time when they do not compute.
 *
 *   main  → sleeps          nanosleep
 *         → waits_for_lock  a mutex that the peer holds
 *         → reads_pipe      a pipe that the peer writes to, late
 *         → computes
 *   peer  → holds           keeps the mutex, asleep; then is as late with the byte
 *
 * Rounds of all four. At the end it prints what its own clocks say of each of main's
 * functions, and of main: its name, nanoseconds of CLOCK_MONOTONIC within it, nanoseconds
 * of CLOCK_THREAD_CPUTIME_ID. Arguments: rounds, milliseconds of each wait.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define N_WAYS 5

struct way {
	const char *name;
	uint64_t wall_ns, cpu_ns;
};

static struct {
	pthread_mutex_t lock;
	int go[2], held[2], data[2];
	unsigned rounds, ms;
	struct way ways[N_WAYS];
} run = { .lock = PTHREAD_MUTEX_INITIALIZER,
	  .ways = { { "sleeps", 0, 0 },
		    { "waits_for_lock", 0, 0 },
		    { "reads_pipe", 0, 0 },
		    { "computes", 0, 0 },
		    { "main", 0, 0 } } };

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pause_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static void send_byte(const int *ends)
{
	if (write(ends[1], "x", 1) != 1)
		_exit(3);
}

static void take_byte(const int *ends)
{
	char byte;

	if (read(ends[0], &byte, 1) != 1)
		_exit(3);
}

KNOWN static void sleeps(void)
{
	pause_ms(run.ms);
	STAY;
}

KNOWN static void waits_for_lock(void)
{
	pthread_mutex_lock(&run.lock);
	pthread_mutex_unlock(&run.lock);
	STAY;
}

KNOWN static void reads_pipe(void)
{
	take_byte(run.data);
	STAY;
}

KNOWN static void computes(void)
{
	uint64_t x = 1;

	WORK(x, run.ms);
	STAY;
}

/* Main asks for the lock once it is held. */
KNOWN static void holds(void)
{
	pthread_mutex_lock(&run.lock);
	send_byte(run.held);
	pause_ms(run.ms);
	pthread_mutex_unlock(&run.lock);
	pause_ms(run.ms);
	send_byte(run.data);
	STAY;
}

static void *peer(void *arg)
{
	pthread_setname_np(pthread_self(), "peer");
	for (unsigned i = 0; i < run.rounds; i++) {
		take_byte(run.go);
		holds();
	}
	return arg;
}

static void measure(struct way *way, void (*function)(void))
{
	/* The CPU clock takes a system call, at whose end the thread may have to wait: outside. */
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), wall = clock_ns(CLOCK_MONOTONIC);

	function();
	way->wall_ns += clock_ns(CLOCK_MONOTONIC) - wall;
	way->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static void run_all(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, peer, NULL) != 0)
		_exit(2);
	for (unsigned i = 0; i < run.rounds; i++) {
		measure(&run.ways[0], sleeps);
		send_byte(run.go);
		take_byte(run.held);
		measure(&run.ways[1], waits_for_lock);
		measure(&run.ways[2], reads_pipe);
		measure(&run.ways[3], computes);
	}
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	run.rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
	run.ms = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
	if (pipe(run.go) < 0 || pipe(run.held) < 0 || pipe(run.data) < 0)
		return 2;
	measure(&run.ways[N_WAYS - 1], run_all);
	for (unsigned i = 0; i < N_WAYS; i++)
		printf("%s %" PRIu64 " %" PRIu64 "\n", run.ways[i].name, run.ways[i].wall_ns,
		       run.ways[i].cpu_ns);
	return 0;
}
