/* SPDX-License-Identifier: MIT */
/*
 * The control of the "no environment" rule: linked into a copy of ruchy-record
 * with -Wl,--wrap=stack_base_limit, it answers that nothing is to be hidden. What
 * that copy stores is what ruchy-record would store without the rule.
 */
#include <stdbool.h>
#include <stdint.h>

struct stack_base;
uint64_t __wrap_stack_base_limit(const struct stack_base *s, uint32_t pid, uint32_t tid,
				 uint64_t time_ns, bool in_kernel);

uint64_t __wrap_stack_base_limit(const struct stack_base *s, uint32_t pid, uint32_t tid,
				 uint64_t time_ns, bool in_kernel)
{
	(void)s, (void)pid, (void)tid, (void)time_ns, (void)in_kernel;
	return UINT64_MAX;
}
