/* SPDX-License-Identifier: MIT */
/* Where each process's environment begins, over time: what is not certain is unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "record/stack_base.h"

#define ALL UINT64_MAX

/* /proc as this test says it is. */
struct proc {
	uint64_t base[16]; /* by pid; 0: not known yet, GONE: no such process */
	unsigned reads;
};
#define GONE UINT64_MAX

static int read_fake(void *ctx, uint32_t pid, uint64_t *ret_base)
{
	struct proc *proc = ctx;

	proc->reads++;
	if (proc->base[pid] == GONE)
		return -1;
	*ret_base = proc->base[pid];
	return proc->base[pid] != 0;
}

static struct proc proc;

static int setup(void **state)
{
	proc = (struct proc){ 0 };
	*state = stack_base_new(read_fake, &proc);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	stack_base_free(*state);
	return 0;
}

/* As the drain does where nothing new comes between reading and confirming. */
static void settle(struct stack_base *s)
{
	while (stack_base_probe(s, false))
		stack_base_confirm(s);
}

static uint64_t main_limit(struct stack_base *s, uint32_t pid, uint64_t time_ns)
{
	return stack_base_limit(s, pid, pid, time_ns, false);
}

static void test_limit_of_the_unknown(void **state)
{
	assert_int_equal(main_limit(*state, 1, 100), 0);
	assert_int_equal(stack_base_limit(*state, 1, 2, 100, false), ALL);
}

static void test_exec_before_and_after(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	assert_int_equal(main_limit(s, 1, 100), 0); /* not read yet */
	settle(s);
	assert_int_equal(main_limit(s, 1, 99), 0);
	assert_int_equal(main_limit(s, 1, 100), 0x7000);
	assert_int_equal(stack_base_limit(s, 1, 5, 100, false), 0x7000); /* its threads too */
	proc.base[1] = 0x9000;
	stack_base_exec(s, 1, 200);
	settle(s);
	assert_int_equal(main_limit(s, 1, 199), 0x7000);
	assert_int_equal(main_limit(s, 1, 200), 0x9000);
}

/* Inside execve, before its record, the new image's strings are there already. */
static void test_limit_in_kernel_before_the_exec(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	settle(s);
	proc.base[1] = 0x5000;
	stack_base_exec(s, 1, 200);
	assert_int_equal(stack_base_limit(s, 1, 1, 199, true), 0); /* where they are, is unknown */
	settle(s);
	assert_int_equal(stack_base_limit(s, 1, 1, 199, true), 0x5000);
	assert_int_equal(stack_base_limit(s, 1, 1, 199, false), 0x7000);
}

static void test_exec_between_reading_and_confirming(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x9000; /* already the second image's */
	stack_base_exec(s, 1, 100);
	assert_true(stack_base_probe(s, false));
	stack_base_exec(s, 1, 200);
	stack_base_confirm(s);
	assert_int_equal(main_limit(s, 1, 150), 0);
	assert_int_equal(main_limit(s, 1, 250), 0);
	assert_true(stack_base_probe(s, true)); /* the new image may be read in the same turn */
	stack_base_confirm(s);
	assert_int_equal(main_limit(s, 1, 150), 0);
	assert_int_equal(main_limit(s, 1, 250), 0x9000);
}

static void test_fork_inherits(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	settle(s);
	proc.reads = 0;
	stack_base_fork(s, 2, 1, 150);
	settle(s);
	assert_int_equal(proc.reads, 0);
	assert_int_equal(main_limit(s, 2, 150), 0x7000);
	stack_base_fork(s, 1, 1, 160); /* a thread of 1: nothing changes */
	assert_int_equal(main_limit(s, 1, 170), 0x7000);
}

/* The child's exec came out of another CPU's ring before its fork. */
static void test_fork_after_the_exec(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	proc.base[2] = 0x8000;
	stack_base_exec(s, 1, 100);
	settle(s);
	stack_base_exec(s, 2, 300);
	stack_base_fork(s, 2, 1, 200);
	settle(s);
	assert_int_equal(main_limit(s, 2, 250), 0x7000);
	assert_int_equal(main_limit(s, 2, 300), 0x8000);
}

static void test_fork_of_unknown_parent_is_read(void **state)
{
	struct stack_base *s = *state;

	proc.base[2] = 0x8000;
	stack_base_fork(s, 2, 1, 200);
	settle(s);
	assert_int_equal(main_limit(s, 2, 250), 0x8000);
}

static void test_exit_keeps_for_one_pass(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	settle(s);
	stack_base_end_pass(s);
	stack_base_exit(s, 1);
	stack_base_end_pass(s);
	assert_int_equal(main_limit(s, 1, 150), 0x7000);
	stack_base_end_pass(s);
	assert_int_equal(main_limit(s, 1, 150), 0);
}

/* After exit the pid may be another process's: what is read then says nothing. */
static void test_exit_between_reading_and_confirming(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	assert_true(stack_base_probe(s, false));
	stack_base_exit(s, 1);
	stack_base_confirm(s);
	assert_int_equal(main_limit(s, 1, 150), 0);
	assert_false(stack_base_probe(s, false));
}

static void test_pid_reuse(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	proc.base[2] = 0x8000;
	stack_base_exec(s, 1, 100);
	stack_base_exec(s, 2, 100);
	settle(s);
	stack_base_exit(s, 2);
	stack_base_fork(s, 2, 1, 300);
	stack_base_end_pass(s);
	stack_base_end_pass(s);
	assert_int_equal(main_limit(s, 2, 200), 0x8000);
	assert_int_equal(main_limit(s, 2, 300), 0x7000);
}

static void test_gone_and_hidden_are_not_read_for_ever(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = GONE;
	stack_base_exec(s, 1, 100);
	stack_base_exec(s, 2, 100); /* hidden: 0 */
	for (int pass = 0; pass < 1000; pass++)
		stack_base_probe(s, false);
	assert_in_range(proc.reads, 2, 100);
	assert_int_equal(main_limit(s, 1, 100), 0);
}

static void test_lost_sideband_forgets(void **state)
{
	struct stack_base *s = *state;

	proc.base[1] = 0x7000;
	stack_base_exec(s, 1, 100);
	settle(s);
	stack_base_lost(s, 500);
	assert_int_equal(main_limit(s, 1, 400), 0);
	assert_int_equal(main_limit(s, 1, 600), 0);
	proc.base[1] = 0x9000; /* it had executed something unseen */
	settle(s);
	assert_int_equal(main_limit(s, 1, 400), 0);
	assert_int_equal(main_limit(s, 1, 500), 0x9000);
}

static void test_many_processes(void **state)
{
	struct stack_base *s = *state;
	const uint64_t base = 0x7000;

	proc.base[1] = base;
	stack_base_exec(s, 1, 1);
	settle(s);
	for (uint32_t i = 0; i < 70000; i++) /* more than the table's bound */
		stack_base_fork(s, 2 + (i * 7919u) % 70000u, 1, 10);
	assert_int_equal(main_limit(s, 1, 20), base);
	for (uint32_t pid = 2; pid < 70002; pid++) {
		uint64_t limit = main_limit(s, pid, 20);

		assert_true(limit == base || limit == 0);
	}
}

static void test_parse_stat(void **state)
{
	static const char tail[] = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 "
				   "23 24 140737488346528 25 26 27\n";
	char line[256];
	uint64_t base;

	(void)state;
	strcpy(line, "12 (a) b ( c)");
	strcat(line, tail);
	assert_true(stack_base_parse_stat(line, &base));
	assert_int_equal(base, 140737488346528);
	assert_false(stack_base_parse_stat("12 (cat) S 1 2 3", &base));
	assert_false(stack_base_parse_stat("12 cat S 1 2 3", &base));
	assert_false(stack_base_parse_stat("", &base));
}

/* Our own: above a local variable, below the environment. */
static void test_read_proc_of_ourselves(void **state)
{
	extern char **environ;
	uint64_t base = 0;
	int local;

	(void)state;
	assert_int_equal(stack_base_read_proc(NULL, (uint32_t)getpid(), &base), 1);
	assert_true((uintptr_t)&local < base);
	assert_true((uintptr_t)environ[0] >= base);
	assert_int_equal(stack_base_read_proc(NULL, 0x7fffffff, &base), -1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_limit_of_the_unknown),
		CASE(test_exec_before_and_after),
		CASE(test_limit_in_kernel_before_the_exec),
		CASE(test_exec_between_reading_and_confirming),
		CASE(test_fork_inherits),
		CASE(test_fork_after_the_exec),
		CASE(test_fork_of_unknown_parent_is_read),
		CASE(test_exit_keeps_for_one_pass),
		CASE(test_exit_between_reading_and_confirming),
		CASE(test_pid_reuse),
		CASE(test_gone_and_hidden_are_not_read_for_ever),
		CASE(test_lost_sideband_forgets),
		CASE(test_many_processes),
		CASE(test_parse_stat),
		CASE(test_read_proc_of_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
