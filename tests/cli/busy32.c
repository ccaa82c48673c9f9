/* SPDX-License-Identifier: MIT */
/* busy32 - a process of 32 bits, without a C library: spins until it is killed. */
void _start(void);

__attribute__((noinline)) static void work(void)
{
	for (volatile unsigned i = 0; i < 10000000; i++)
		;
}

void _start(void)
{
	for (;;)
		work();
}
