/* SPDX-License-Identifier: MIT */
/* busy32 - a process of 32 bits, without a C library: spins until it is killed. */
__attribute__((noinline)) static void work32(void)
{
	for (volatile unsigned i = 0; i < 10000000; i++)
		;
}
__attribute__((noinline)) void outer32(void) { for (;;) { work32(); __asm__ volatile("" ::: "memory"); } }
void _start(void) { outer32(); __asm__ volatile(""); }
