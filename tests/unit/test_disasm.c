/* SPDX-License-Identifier: MIT */
/* Both disassemblers find the same instructions, and stand what is none. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/disasm.h"

struct seen {
	size_t n, bytes;
	uint64_t next; /* address that must come */
	char first[64];
	int answer;
};

static int see(void *arg, uint64_t address, size_t size, const char *text)
{
	struct seen *s = arg;

	assert_true(address == s->next);
	assert_true(size > 0);
	s->next = address + size;
	if (!s->n++)
		snprintf(s->first, sizeof(s->first), "%s", text);
	s->bytes += size;
	return s->answer;
}

typedef int runner(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
		   disasm_sink *sink, void *arg);

static const uint8_t x86[] = { 0x55, 0x48, 0x89, 0xe5, 0xe8, 0, 0, 0, 0, 0xc3 };
static const uint8_t arm[] = { 0xfd, 0x7b, 0xbf, 0xa9, 0xc0, 0x03, 0x5f, 0xd6 };

/* False: this way is not there. */
static bool check(runner *run, unsigned machine, const uint8_t *code, size_t size, size_t n,
		  const char *first)
{
	struct seen s = { .next = 0x401136 };
	int rc = run(machine, code, size, s.next, see, &s);

	if (rc == RUCHY_E_UNSUPPORTED)
		return false;
	assert_int_equal(rc, 0);
	assert_int_equal(s.n, n);
	assert_int_equal(s.bytes, size);
	assert_int_equal(strncmp(s.first, first, strlen(first)), 0);
	return true;
}

static void check_both(runner *run, const char *name)
{
	const uint8_t junk[] = { 0x06, 0x06, 0x06 }; /* no instruction in 64-bit mode */
	struct seen s = { .answer = -1 };

	if (!check(run, EM_X86_64, x86, sizeof(x86), 4, "push")) {
		printf("SKIP: there is no %s\n", name);
		skip();
	}
	/* objdump knows the machines that it was built for */
	if (!check(run, EM_AARCH64, arm, sizeof(arm), 2, "stp"))
		printf("SKIP: this %s does not know AArch64\n", name);
	check(run, EM_X86_64, junk, sizeof(junk), 3, "");
	assert_int_equal(run(EM_X86_64, x86, sizeof(x86), 0, see, &s), -1);
	assert_int_equal(s.n, 1); /* it stops */
	assert_int_equal(run(EM_SPARC, x86, sizeof(x86), 0, see, &s), RUCHY_E_UNSUPPORTED);
}

static void test_capstone(void **state)
{
	(void)state;
	check_both(disasm_capstone_run, "libcapstone");
}

static void test_objdump(void **state)
{
	(void)state;
	check_both(disasm_objdump_run, "objdump");
}

static void test_run_bounds_the_code(void **state)
{
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(disasm_run(EM_X86_64, x86, DISASM_MAX_CODE + 1, 0, see, &s),
			 RUCHY_E_LIMIT);
	assert_int_equal(s.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capstone),
		cmocka_unit_test(test_objdump),
		cmocka_unit_test(test_run_bounds_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
