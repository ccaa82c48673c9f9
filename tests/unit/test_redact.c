/* SPDX-License-Identifier: MIT */
/* What redaction keeps of a sample, and how executable mappings are followed. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record/redact.h"

#define PID    10u
#define CODE   UINT64_C(0x400000)
#define SP     UINT64_C(0x7ffd00000000)
#define BASE   UINT64_C(0x7fff00000000)
#define SECRET UINT64_C(0x7265746e75680021)

/* x86-64: bp is bit 6, sp 7, ip 8 of the mask; values in the order of bits. */
#define AX 0u
#define BX 1u
#define BP 6u
#define RS 7u
#define IP 8u

struct fixture {
	struct event_table events;
	struct exec_maps *maps;
	struct redact redact;
	const char *proc_maps; /* what /proc/PID/maps says; NULL: it is gone */
	unsigned reads;
};

static bool read_maps(void *ctx, uint32_t pid, struct ruchy_buf *text)
{
	struct fixture *f = ctx;

	(void)pid;
	f->reads++;
	if (f->proc_maps)
		ruchy_buf_put(text, f->proc_maps, strlen(f->proc_maps));
	return f->proc_maps != NULL;
}

static void add_event(struct event_table *t, uint64_t sample_type, uint64_t id)
{
	uint8_t attr[128] = { 0 };

	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store32(attr + 4, 128);
	ruchy_store64(attr + 24,
		      PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | sample_type);
	ruchy_store64(attr + 40, 1u << 18);
	ruchy_store64(attr + 80, 1u << AX | 1u << BX | 1u << BP | 1u << RS | 1u << IP);
	assert_int_equal(
		event_table_add(t, attr, sizeof(attr), WIRE_ROLE_TIME_BASE, "cpu_clock", &id, 1),
		0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	add_event(&f->events, PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER, 42);
	add_event(&f->events, PERF_SAMPLE_CALLCHAIN, 43);
	f->maps = exec_maps_new(read_maps, f);
	f->redact = (struct redact){ &f->events, arch_find("x86_64"), 0, f->maps };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	exec_maps_free(f->maps);
	event_table_fini(&f->events);
	free(f);
	return 0;
}

static void begin_sample(struct ruchy_buf *b, uint64_t id)
{
	ruchy_buf_put32(b, PERF_RECORD_SAMPLE);
	ruchy_buf_put32(b, PERF_RECORD_MISC_USER);
	ruchy_buf_put64(b, id);
	ruchy_buf_put64(b, CODE);
	ruchy_buf_put32(b, PID);
	ruchy_buf_put32(b, PID);
}

static void end_sample(struct ruchy_buf *b)
{
	ruchy_store16(b->data + 6, (uint16_t)b->size);
}

/* Redact a sample with these registers (ax, bx, bp, sp, ip) and dump, in place. */
static void redact_dump(struct fixture *f, uint64_t abi, uint64_t regs[5], void *dump, size_t size,
			uint64_t base)
{
	struct ruchy_buf b = { 0 };
	size_t regs_at, dump_at, room = (size + 7) & ~(size_t)7;

	begin_sample(&b, 42);
	ruchy_buf_put64(&b, abi);
	regs_at = b.size;
	for (unsigned i = 0; i < 5; i++)
		ruchy_buf_put64(&b, regs[i]);
	ruchy_buf_put64(&b, room);
	dump_at = b.size;
	ruchy_buf_put(&b, dump, size);
	ruchy_buf_pad(&b, 8);
	ruchy_buf_put64(&b, size);
	end_sample(&b);
	assert_int_equal(redact_sample(&f->redact, base, b.data, b.size), 0);
	for (unsigned i = 0; i < 5; i++)
		regs[i] = ruchy_load64(b.data + regs_at + 8 * (size_t)i);
	memcpy(dump, b.data + dump_at, size);
	ruchy_buf_fini(&b);
}

static void test_redact_words(void **state)
{
	struct fixture *f = *state;
	uint64_t regs[5] = { SECRET, CODE + 1, UINT64_MAX, SP, CODE };
	uint64_t in[] = { SECRET,    CODE,      CODE + 0xfff,  CODE + 0x1000, SP,
			  SP - 4096, SP - 4097, SP + 0x7fffff, SP + 0x800000, CODE - 1,
			  1,         BASE - 8,  BASE,          UINT64_MAX };
	const uint64_t out[] = { 0, CODE, CODE + 0xfff, 0, SP, SP - 4096, 0, SP + 0x7fffff, 0,
				 0, 0,    BASE - 8,     0, 0 };

	exec_maps_map(f->maps, PID, CODE, 0x1000, 5);
	redact_dump(f, PERF_SAMPLE_REGS_ABI_64, regs, in, sizeof(in), BASE);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(regs[0], 0);
	assert_int_equal(regs[1], CODE + 1);
	assert_int_equal(regs[2], UINT64_MAX); /* the kernel's "unknown" */
	assert_int_equal(regs[3], SP);
	assert_int_equal(regs[4], CODE);
}

/* What is not a whole word at its place is data. */
static void test_redact_unaligned(void **state)
{
	struct fixture *f = *state;
	uint64_t regs[5] = { 0, 0, 0, SP + 3, CODE };
	uint8_t in[5 + 8 + 8 + 6], out[sizeof(in)] = { 0 };

	exec_maps_map(f->maps, PID, CODE, 0x1000, 5);
	memset(in, 0x11, sizeof(in));
	ruchy_store64(in + 5, CODE);  /* at SP + 8 */
	ruchy_store64(in + 14, CODE); /* at SP + 17 */
	ruchy_store64(out + 5, CODE);
	redact_dump(f, PERF_SAMPLE_REGS_ABI_64, regs, in, sizeof(in), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void test_redact_32_bit(void **state)
{
	struct fixture *f = *state;
	uint64_t regs[5] = { 0, 0, 0, 0xffff0000, CODE };
	uint32_t in[] = { 0x12345678, (uint32_t)CODE, 0xffff0004, 7 };
	const uint32_t out[] = { 0, (uint32_t)CODE, 0xffff0004, 0 };

	exec_maps_map(f->maps, PID, CODE, 0x1000, 5);
	redact_dump(f, PERF_SAMPLE_REGS_ABI_32, regs, in, sizeof(in), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void test_redact_callchain(void **state)
{
	struct fixture *f = *state;
	const uint64_t in[] = { (uint64_t)PERF_CONTEXT_KERNEL,
				0xffffffff81000000,
				(uint64_t)PERF_CONTEXT_USER,
				CODE,
				CODE + 2,
				SECRET };
	struct ruchy_buf b = { 0 };
	size_t at;

	exec_maps_map(f->maps, PID, CODE, 0x1000, 5);
	begin_sample(&b, 43);
	ruchy_buf_put64(&b, sizeof(in) / 8);
	at = b.size;
	for (size_t i = 0; i < sizeof(in) / 8; i++)
		ruchy_buf_put64(&b, in[i]);
	end_sample(&b);
	assert_int_equal(redact_sample(&f->redact, 0, b.data, b.size), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ruchy_load64(b.data + at + 8 * i), in[i]);
	assert_int_equal(ruchy_load64(b.data + at + 40), 0);
	/* Cut short: refused, and unchanged. */
	ruchy_store64(b.data + at - 8, 1u << 20);
	ruchy_store64(b.data + at + 40, SECRET);
	assert_int_equal(redact_sample(&f->redact, 0, b.data, b.size), RUCHY_E_DAMAGED);
	assert_int_equal(ruchy_load64(b.data + at + 40), SECRET);
	ruchy_buf_fini(&b);
}

/* On aarch64 a saved return address may carry a signature. */
static void test_redact_pac(void **state)
{
	struct fixture *f = *state;
	uint64_t regs[5] = { 0, 0, 0, SP, CODE };
	uint64_t in[] = { CODE | UINT64_C(0xab) << 56, SECRET };

	exec_maps_map(f->maps, PID, CODE, 0x1000, 5);
	f->redact.pac_mask = UINT64_C(0xff) << 56;
	redact_dump(f, PERF_SAMPLE_REGS_ABI_64, regs, in, sizeof(in), 0);
	assert_int_equal(in[0], CODE | UINT64_C(0xab) << 56);
	assert_int_equal(in[1], 0);
}

/* ---- the maps ---- */

static bool holds(struct fixture *f, uint32_t pid, uint64_t address)
{
	return exec_map_holds(exec_maps_of(f->maps, pid, address), address);
}

static void test_maps_join(void **state)
{
	struct fixture *f = *state;
	const struct exec_map *map;

	exec_maps_map(f->maps, PID, 0x3000, 0x1000, 1);
	exec_maps_map(f->maps, PID, 0x1000, 0x1000, 2);
	exec_maps_map(f->maps, PID, 0x6000, 0x1000, 3);
	exec_maps_map(f->maps, PID, 0x1800, 0x2000, 4);
	exec_maps_map(f->maps, PID, UINT64_MAX - 10, 100, 5); /* wraps */
	map = exec_maps_of(f->maps, PID, 0x1000);
	for (uint64_t page = 0; page < 9; page++)
		assert_int_equal(exec_map_holds(map, page << 12 | 0xfff),
				 (page >= 1 && page <= 3) || page == 6);
	assert_int_equal(f->reads, 0);
}

static void test_maps_exec_is_forgotten_later(void **state)
{
	struct fixture *f = *state;

	exec_maps_map(f->maps, PID, 0x1000, 0x1000, 1);
	exec_maps_map(f->maps, PID, 0x5000, 0x1000, 20); /* of the new image, from another CPU */
	exec_maps_exec(f->maps, PID, 10);
	assert_true(holds(f, PID, 0x1000)); /* for samples that are still in their ring */
	exec_maps_end_pass(f->maps);
	assert_true(holds(f, PID, 0x1000));
	exec_maps_end_pass(f->maps);
	assert_false(holds(f, PID, 0x1000));
	assert_true(holds(f, PID, 0x5000));
}

static void test_maps_fork_and_exit(void **state)
{
	struct fixture *f = *state;

	exec_maps_map(f->maps, PID, 0x1000, 0x1000, 1);
	exec_maps_fork(f->maps, 11, PID);
	exec_maps_exec(f->maps, PID, 10);
	assert_true(holds(f, 11, 0x1000));
	exec_maps_exit(f->maps, 11);
	exec_maps_end_pass(f->maps);
	assert_true(holds(f, 11, 0x1000));
	exec_maps_end_pass(f->maps);
	assert_false(holds(f, 11, 0x1000)); /* the number may be another process's now */
}

static void test_maps_are_read_where_records_lack(void **state)
{
	struct fixture *f = *state;

	f->proc_maps = "1000-3000 r-xp 0 0:0 0 /bin/x\n3000-4000 rw-p 0 0:0 0\n"
		       "7ff0000000-7ff0001000 rwxp 00000000 00:00 0\nnonsense";
	assert_true(holds(f, PID, 0x2fff));
	assert_true(holds(f, PID, 0x7ff0000000));
	assert_false(holds(f, PID, 0x3000)); /* and not read again in this pass */
	assert_int_equal(f->reads, 1);
	f->proc_maps = "9000-a000 --xp 0 0:0 0\n";
	exec_maps_end_pass(f->maps);
	assert_true(holds(f, PID, 0x9000)); /* code that no record told of */
	assert_int_equal(f->reads, 2);
	assert_true(holds(f, PID, 0x1000)); /* until the samples before are drained */
	exec_maps_lost(f->maps);
	exec_maps_end_pass(f->maps);
	f->proc_maps = NULL;
	assert_true(holds(f, PID, 0x9000)); /* gone: what was known stays */
	assert_int_equal(f->reads, 3);
	assert_false(holds(f, 77, 0x9000)); /* of a process unknown and gone nothing is kept */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_redact_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redact_unaligned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redact_32_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redact_callchain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redact_pac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_exec_is_forgotten_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_fork_and_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_are_read_where_records_lack, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
