/* SPDX-License-Identifier: MIT */
/*
 * golden - a program of a few KiB without a C library, whose binary can be kept
 * beside the traces that were recorded of it (tests/golden/).
 *
 *   _start → golden_main → golden_descend × 5 → golden_leaf          100 % of the work
 *
 * `golden [UNITS]`; the entry has the CFI of an outermost frame, as crt1.o has
 * (return address undefined). x86-64 and aarch64.
 */
#include <stdint.h>

#include "work.h"

#define DEPTH 5

#if defined(__x86_64__)
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start: .cfi_startproc\n"
	".cfi_undefined rip\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call golden_main\n"
	"	mov %eax, %edi\n"
	"	mov $231, %eax\n" /* exit_group */
	"	syscall\n"
	"	hlt\n"
	".cfi_endproc\n"
	".size _start, . - _start\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start: .cfi_startproc\n"
	".cfi_undefined x30\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl golden_main\n"
	"	mov x8, #94\n" /* exit_group */
	"	svc #0\n"
	"	brk #1\n"
	".cfi_endproc\n"
	".size _start, . - _start\n");
#else
#error "tell this program the entry of your architecture"
#endif

int golden_main(const uintptr_t *stack);

KNOWN static uint64_t golden_leaf(uint64_t x)
{
	WORK(x, 1);
	return x;
}

KNOWN static uint64_t golden_descend(uint64_t x, unsigned depth)
{
	x = depth == 1 ? golden_leaf(x) : golden_descend(x, depth - 1);
	STAY;
	return x;
}

/* `stack`: argc, then argv, as the System V ABI hands them to _start. */
__attribute__((used)) int golden_main(const uintptr_t *stack)
{
	unsigned units = WORK_DEFAULT;
	uint64_t x = 1;

	if (stack[0] > 1) {
		units = 0;
		for (const char *digit = (const char *)stack[2]; *digit != '\0'; digit++)
			units = units * 10 + (unsigned)(*digit - '0');
	}
	for (; units != 0; units--)
		x = golden_descend(x, DEPTH);
	return x == 0;
}
