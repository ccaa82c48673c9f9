/* SPDX-License-Identifier: MIT */
/*
 * signal - work inside a signal handler, above the frame that was interrupted.
 *
 *   main → trap_repeatedly → victim → trap_first → (signal frame)
 *     → on_trap → handler_work                                           100 %
 *
 * The trap is the *first* instruction of trap_first, so a reader that takes the
 * interrupted pc for a return address and looks one byte lower names the wrong
 * function or none. With the second argument "altstack" the handler runs on an
 * alternate stack, and the dump ends with that: the chain stops at the signal
 * frame or at trap_first, and must be marked as truncated.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "work.h"

#define TRAPS          20
#define ALTSTACK_BYTES 16384 /* the kernel's minimum with AVX-512 state is about 3 KiB */

#if defined(__x86_64__)
#define TRAP          "ud2"
#define TRAP_BYTES    2
#define CONTEXT_PC(c) ((c)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
#define TRAP          ".inst 0"
#define TRAP_BYTES    4
#define CONTEXT_PC(c) ((c)->uc_mcontext.pc)
#else
#error "tell this program the trap of your architecture"
#endif

void trap_first(void);
/* what lies just before is a function of its own, and not the one that traps */
__asm__(".text\n"
	".type not_me, @function\n"
	"not_me: .cfi_startproc\n"
	"	nop\n"
	".cfi_endproc\n"
	".size not_me, . - not_me\n"
	".globl trap_first\n"
	".type trap_first, @function\n"
	"trap_first: .cfi_startproc\n"
	"	" TRAP "\n"
	"	ret\n"
	".cfi_endproc\n"
	".size trap_first, . - trap_first\n");

static volatile unsigned units_per_trap;

KNOWN static uint64_t handler_work(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)info;
	CONTEXT_PC(c) += TRAP_BYTES;
	if (handler_work((uint64_t)number, units_per_trap) == 0)
		abort();
}

KNOWN static void victim(void)
{
	trap_first();
	STAY;
}

KNOWN static int trap_repeatedly(void *altstack)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	stack_t stack = { .ss_sp = altstack, .ss_size = ALTSTACK_BYTES };

	if (altstack != NULL) {
		if (sigaltstack(&stack, NULL) != 0)
			return 1;
		action.sa_flags |= SA_ONSTACK;
	}
	sigaction(SIGILL, &action, NULL);
	for (unsigned i = 0; i < TRAPS; i++)
		victim();
	return 0;
}

int main(int argc, char **argv)
{
	void *altstack = NULL;
	int failed;

	if (argc > 2 && strcmp(argv[2], "altstack") == 0) {
		altstack = malloc(ALTSTACK_BYTES);
		if (altstack == NULL)
			return 1;
	}
	units_per_trap = work_units(argc, argv) / TRAPS;
	failed = trap_repeatedly(altstack);
	free(altstack);
	return failed;
}
