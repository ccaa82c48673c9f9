/* SPDX-License-Identifier: MIT */
/* Small parsers of the recorder: CPU lists, ELF notes, kallsyms, fallbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "record/cpu_list.h"
#include "record/fallback.h"
#include "record/host.h"
#include "record/kallsyms.h"

static void test_cpu_list_parse(void **state)
{
	struct cpu_list list;

	(void)state;
	assert_int_equal(cpu_list_parse("0-2,5,7-7\n", &list), 0);
	assert_int_equal(list.n, 5);
	assert_int_equal(list.cpus[2], 2);
	assert_int_equal(list.cpus[3], 5);
	assert_int_equal(list.cpus[4], 7);
	cpu_list_fini(&list);
	assert_int_equal(cpu_list_parse("0-8191", &list), 0);
	assert_int_equal(list.n, CPU_LIST_MAX);
	cpu_list_fini(&list);
}

static void test_cpu_list_refuses(void **state)
{
	static const char *const texts[] = { "",    "\n",     "-",  "3-1",          "1,1",
					     "2,1", "0-8192", "0,", "0-4294967296", "0x1",
					     "1-",  "0-2,1" };
	struct cpu_list list;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (cpu_list_parse(texts[i], &list) != RUCHY_E_FORMAT)
			fail_msg("'%s' was taken", texts[i]);
}

/* A note of four bytes' name; the build-id is 0, 1, 2 ... */
static size_t put_note(uint8_t *at, uint32_t type, uint32_t desc_bytes)
{
	ruchy_store32(at, 4);
	ruchy_store32(at + 4, desc_bytes);
	ruchy_store32(at + 8, type);
	memcpy(at + 12, "GNU", 4);
	for (uint32_t i = 0; i < desc_bytes; i++)
		at[16 + i] = (uint8_t)i;
	return 16 + ((desc_bytes + 3) & ~3u);
}

static void test_find_build_id_behind_other_notes(void **state)
{
	uint8_t notes[128] = { 0 };
	size_t used = put_note(notes, 1, 5), size = 0;
	const uint8_t *id;

	(void)state;
	used += put_note(notes + used, 3, 20);
	id = host_find_build_id(notes, used, &size);
	assert_non_null(id);
	assert_int_equal(size, 20);
	assert_int_equal(id[19], 19);
	/* Cut anywhere, it is not found, and nothing beyond is read (ASan). */
	for (size_t cut = 0; cut < used; cut++) {
		uint8_t *exact = test_malloc(cut + !cut);

		memcpy(exact, notes, cut);
		assert_null(host_find_build_id(exact, cut, &size));
		test_free(exact);
	}
}

static void test_find_build_id_of_impossible_size(void **state)
{
	uint8_t notes[128] = { 0 };
	size_t used = put_note(notes, 3, 24), size;

	(void)state;
	assert_null(host_find_build_id(notes, used, &size));
	ruchy_store32(notes + 4, 0xffffffffu);
	assert_null(host_find_build_id(notes, used, &size));
	ruchy_store32(notes, 0xffffffffu);
	assert_null(host_find_build_id(notes, used, &size));
}

static void test_kallsyms_has_address(void **state)
{
	static const struct {
		const char *text;
		bool has;
	} cases[] = {
		{ "", false },
		{ "0000000000000000 T _text\n0000000000000000 T x\n", false },
		{ "0000000000000000 T _text", false },
		{ "0000000000000000 A percpu\nffffffff81000000 T _text\n", true },
		{ "0000000000001000 A percpu\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(kallsyms_has_address(cases[i].text, strlen(cases[i].text)),
				 cases[i].has);
}

static void test_fallback_once_in_order(void **state)
{
	struct fallback_list list = { 0 };

	(void)state;
	assert_int_equal(fallback_add(&list, false, "a %d", 1), 0);
	assert_int_equal(fallback_add(&list, true, "b"), 0);
	assert_int_equal(fallback_add(&list, false, "a %d", 1), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0].text, "a 1");
	assert_true(list.items[1].announce);
	fallback_list_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_list_parse),
		cmocka_unit_test(test_cpu_list_refuses),
		cmocka_unit_test(test_find_build_id_behind_other_notes),
		cmocka_unit_test(test_find_build_id_of_impossible_size),
		cmocka_unit_test(test_kallsyms_has_address),
		cmocka_unit_test(test_fallback_once_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
