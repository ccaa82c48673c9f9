/* SPDX-License-Identifier: MIT */
/* --doctor on hosts that we do not have: what is missing, and the command that enables it. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_perf.h"
#include "record/doctor.h"

static struct fake_perf fake;
static struct doctor_host host;
static char core_name[] = "cpu";
static struct pmu core = { .name = core_name, .type = 4, .core = true };
static struct pmu_tree pmus;

/* A good host: new kernel, PMU, root. Each test takes something away. */
static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.programmable = 4;
	fake.has_pmu = fake.read_with_inherit = true;
	fake.n_cpus = 4;
	fake.paranoid = -1;
	fake.max_rate = 100000;
	host = (struct doctor_host){ .program = "/bin/rr",
				     .kernel = "6.12 x86_64",
				     .capabilities = ~UINT64_C(0),
				     .memlock_bytes = 8u << 20,
				     .files = 1024,
				     .cpus = 4,
				     .free_bytes = UINT64_C(1) << 40,
				     .writable = true,
				     .symbols = true,
				     .openat2 = true };
	pmus = (struct pmu_tree){ &core, 1 };
	return 0;
}

static char *examine(bool *ret_works)
{
	struct perf_sys sys = fake_perf_sys(&fake);
	struct ruchy_error err = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(doctor_print(&sys, &pmus, &host, out, ret_works, &err), 0);
	fclose(out);
	return text;
}

/* One "no", in a line with `words`, and the line below is `command`. */
static void expect(bool works, const char *words, const char *command)
{
	bool got;
	char *text = examine(&got), *no = strstr(text, "\nno  "), *line = strstr(text, words);
	char *arrow = line ? strstr(line, "\n                        -> ") : NULL;

	if (got != works || !no || strstr(no + 1, "\nno  ") || !line || line < no || !arrow ||
	    arrow != strchr(line, '\n') || strncmp(arrow + 28, command, strlen(command)) != 0)
		fail_msg("no one 'no' with '%s' and '%s' in:\n%s", words, command, text);
	free(text);
}

static void test_doctor_good_host(void **state)
{
	bool works;
	char *text;

	(void)state;
	text = examine(&works);
	assert_true(works);
	assert_null(strstr(text, "\nno "));
	assert_null(strstr(text, "->"));
	assert_non_null(strstr(text, "6 of 6"));
	free(text);
}

static void test_doctor_one_thing_missing(void **state)
{
	(void)state;
	host.symbols = false;
	expect(true, "kernel symbols", "sysctl kernel.kptr_restrict=0");
	setup(state);
	fake.nmi_watchdog = 1;
	expect(true, "NMI watchdog holds one", "sysctl kernel.nmi_watchdog=0");
	setup(state);
	fake.has_pmu = false;
	pmus.n = 0;
	expect(true, "has no PMU", "of a QEMU virtual machine");
	setup(state);
	fake.read_with_inherit = false;
	expect(true, "counter values in samples", "boot Linux 6.12 or later");
	setup(state);
	host.openat2 = false;
	expect(true, "openat2", "boot Linux 5.6 or later");
	setup(state);
	host.files = 64;
	expect(true, "64 may be open", "ulimit -n 96");
	setup(state);
	host.free_bytes = 1 << 20;
	expect(true, "1 MiB are free", "ruchy-record -o ");
	setup(state);
	host.writable = false;
	expect(true, "may not be written", "ruchy-record -o ");
	setup(state);
	host.capabilities = 0;
	fake.paranoid = 1;
	host.memlock_bytes = 64 << 10;
	expect(true, "smaller rings", "sysctl kernel.perf_event_mlock_kb=");
}

static void test_doctor_user_space_only(void **state)
{
	(void)state;
	host.capabilities = 0;
	host.memlock_bytes = UINT64_MAX;
	fake.paranoid = 2;
	expect(true, "kernel samples", "sysctl kernel.perf_event_paranoid=1");
}

static void test_doctor_nothing_opens(void **state)
{
	(void)state;
	fake.refuse = EACCES;
	fake.paranoid = 3;
	expect(false, "own programs", "sysctl kernel.perf_event_paranoid=2");
	setup(state);
	fake.refuse = EPERM;
	fake.filtered = true;
	expect(false, "seccomp filter (container)", "docker run --cap-add PERFMON");
}

static void test_doctor_some_counters(void **state)
{
	bool works;
	char *text;

	(void)state;
	fake.lacks = 1u << PERF_COUNT_HW_CACHE_MISSES | 1u << PERF_COUNT_HW_BRANCH_MISSES;
	text = examine(&works);
	assert_non_null(strstr(text, "cpu: 4 of 6; not cache misses, branch misses"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_doctor_good_host, setup),
		cmocka_unit_test_setup(test_doctor_one_thing_missing, setup),
		cmocka_unit_test_setup(test_doctor_user_space_only, setup),
		cmocka_unit_test_setup(test_doctor_nothing_opens, setup),
		cmocka_unit_test_setup(test_doctor_some_counters, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
