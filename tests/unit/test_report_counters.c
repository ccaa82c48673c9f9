/* SPDX-License-Identifier: MIT */
/* Reports by counters and ratios: orders, columns, weights, colours. */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/report_number.h"

#define METRIC METRIC_IPC

/* The fixture, as if cpu_clock were the denominator of IPC and the misses its numerator: 0.50 for
 * compute_a, 1.50 for compute_b; small has no sample of the numerator, the others too few of the
 * denominator or none. */
static void fixture_with_ratio(struct profile_fixture *f)
{
	profile_fixture_init(f);
	f->p.ratios[METRIC] = (struct profile_ratio){ FIXTURE_MISSES, FIXTURE_CLOCK, 1, NULL };
	f->p.metrics.values[METRIC] = (struct metric){ .has_value = true, .value = 1.00 };
	f->function_self[FN_COMPUTE_A][FIXTURE_MISSES] = (struct profile_weight){ 27, 27000000 };
	f->function_self[FN_COMPUTE_B][FIXTURE_MISSES] = (struct profile_weight){ 42, 42000000 };
	for (size_t i = 0; i < FIXTURE_FUNCTIONS; i++)
		fixture_squares(f->function_squares[i], f->function_self[i]);
}

/* The names of the table's rows, each followed by a blank. */
static char *rows_of(const struct profile *p, struct report_order order)
{
	char *text = fixture_report(&report_text, p, (struct report_options){ .order = order });
	char *names = calloc(strlen(text) + 1, 1), *save = NULL;
	char *row = strtok_r(strstr(text, "   SELF"), "\n", &save);

	assert_non_null(names);
	while ((row = strtok_r(NULL, "\n", &save)) && strchr(row, '%'))
		for (size_t i = 0; i < p->n_functions; i++) {
			const char *at = strstr(row, p->functions[i].name);

			if (!at || at[-1] != ' ')
				continue;
			strncat(names, at, strcspn(at, " ("));
			strcat(names, " ");
		}
	free(text);
	return names;
}

static void assert_rows(const struct profile *p, const char *sort, const char *expected)
{
	struct report_order order;
	char *names;

	assert_int_equal(report_choose_order(p, sort, &order, NULL), 0);
	names = rows_of(p, order);
	assert_string_equal(names, expected);
	free(names);
}

static void test_order_of_rows(void **state)
{
	struct profile_fixture f;

	(void)state;
	fixture_with_ratio(&f);
	assert_rows(&f.p, NULL, "compute_a compute_b small busy+0x1334 do_syscall_64 ");
	assert_rows(&f.p, "total",
		    "_start main compute_a compute_b small busy+0x1334 do_syscall_64 ");
	assert_rows(&f.p, "cache-misses", "compute_b compute_a ");
	/* low IPC is bad and comes first; who has none stands last */
	assert_rows(&f.p, "ipc", "small busy+0x1334 compute_a compute_b do_syscall_64 ");
}

static void test_order_of_what_is_not_there(void **state)
{
	struct ruchy_error err = { 0 };
	struct report_order order;
	struct profile_fixture f;
	enum metric_id metric;
	size_t column;

	(void)state;
	fixture_with_ratio(&f);
	assert_int_equal(report_choose_order(&f.p, "nothing", &order, &err), RUCHY_E_USAGE);
	assert_string_equal(err.text,
			    "--sort: there is no 'nothing' in this profile, only self, total, "
			    "samples, cpu_clock, cache_misses, ipc");
	err = (struct ruchy_error){ 0 };
	assert_int_equal(report_choose_order(&f.p, "branch_miss_rate", &order, &err),
			 RUCHY_E_USAGE);
	assert_string_equal(err.text, "--sort branch_miss_rate: branch_misses: no PMU");
	assert_int_equal(report_choose_weight(&f.p, "branch_misses", &column, NULL), RUCHY_E_USAGE);
	assert_int_equal(report_choose_weight(&f.p, "cpu-clock:u", &column, NULL), 0);
	assert_int_equal(column, FIXTURE_CLOCK);
	assert_int_equal(report_choose_metric(&f.p, "cache_misses", &metric, NULL), RUCHY_E_USAGE);
	assert_int_equal(report_choose_metric(&f.p, "ipc", &metric, NULL), 0);
	assert_int_equal(metric, METRIC_IPC);
}

static void test_text_shows_ratios(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	fixture_with_ratio(&f);
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "cache_misses      IPC  FUNCTION"));
	assert_non_null(strstr(text, "     0.50  compute_a "));
	assert_non_null(strstr(text, "     1.50  compute_b "));
	assert_non_null(strstr(text, "        -  do_syscall_64 ")); /* 2 samples of 5 */
	free(text);
	/* in a narrow terminal names need the room more */
	text = fixture_report(&report_text, &f.p, (struct report_options){ .width = 60 });
	assert_non_null(strstr(text, "compute_a"));
	free(text);
}

static void test_text_compares_samples_with_totals(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.columns[FIXTURE_MISSES].leader = true;
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text,
			       "  cpu_clock            100,123,456         100,000,000        "
			       "100      100%  ns\n"));
	assert_non_null(strstr(text, "75%  by its group's leader\n"));
	free(text);
}

static void test_folded_counts_events_of_the_counter_named(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = fixture_report(
		&report_folded, &f.p,
		(struct report_options){ .weighted = true, .weight = FIXTURE_MISSES });
	assert_string_equal(text, "busy;_start;main;compute_a 2000\n"
				  "busy;_start;main;compute_b 8000\n");
	free(text);
}

/* The flame graph's frame of this title; the caller frees nothing. */
static const char *frame(const char *svg, const char *title)
{
	const char *at = strstr(svg, title);

	if (!at)
		fail_msg("no frame %s", title);
	return at;
}

static bool has_fill(const char *frame, const char *rgb)
{
	const char *fill = strstr(frame, "fill=");

	return !strncmp(fill + 6, rgb, strlen(rgb));
}

static void test_flamegraph_by_a_counter(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	svg = fixture_report(&report_flamegraph, &f.p,
			     (struct report_options){ .weighted = true, .weight = FIXTURE_MISSES });
	frame(svg, "<title>compute_b (8 samples, 80.00%)</title>");
	assert_null(strstr(svg, "do_syscall_64"));
	assert_non_null(strstr(svg, "10 samples of cache_misses, 10,000 events"));
	free(svg);
}

static void test_flamegraph_coloured_by_a_ratio(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	fixture_with_ratio(&f);
	/* of what was sampled in the frame and above it: a tenth of, as much as, 8 times the run's
	 */
	f.node_total[4][FIXTURE_MISSES] = (struct profile_weight){ 60, 6000000 };
	f.node_total[6][FIXTURE_MISSES] = (struct profile_weight){ 30, 30000000 };
	f.node_total[3][FIXTURE_MISSES] = (struct profile_weight){ 90, 8 * 90000000 };
	svg = fixture_report(&report_flamegraph, &f.p,
			     (struct report_options){ .by_metric = true, .metric = METRIC });
	assert_true(has_fill(frame(svg, "<title>compute_a (60 samples, 60.00%, IPC 0.10)"),
			     "rgb(215,48,39)"));
	assert_true(has_fill(frame(svg, "<title>compute_b (30 samples, 30.00%, IPC 1.00)"),
			     "rgb(252,240,185)"));
	assert_true(has_fill(frame(svg, "<title>main (90 samples, 90.00%, IPC 8.00)"),
			     "rgb(69,117,180)"));
	assert_true(has_fill(frame(svg, "<title>do_syscall_64 (2 samples, 2.00%, IPC unknown)"),
			     "rgb(120,120,120)"));
	frame(svg, ">IPC 0.25</text>");
	frame(svg, ">4.00</text>");
	frame(svg, ">too few samples</text>");
	free(svg);
}

static void test_number_in_the_units_of_metrics(void **state)
{
	struct report_number n;

	(void)state;
	assert_string_equal(report_number_metric(&n, METRIC_IPC, 1.4459), "1.45");
	assert_string_equal(report_number_metric(&n, METRIC_BRANCH_MISS_RATE, 0.0053), "0.53%");
	assert_string_equal(report_number_metric(&n, METRIC_CACHE_MPKI, 12.345), "12.35");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_rows),
		cmocka_unit_test(test_order_of_what_is_not_there),
		cmocka_unit_test(test_text_shows_ratios),
		cmocka_unit_test(test_text_compares_samples_with_totals),
		cmocka_unit_test(test_folded_counts_events_of_the_counter_named),
		cmocka_unit_test(test_flamegraph_by_a_counter),
		cmocka_unit_test(test_flamegraph_coloured_by_a_ratio),
		cmocka_unit_test(test_number_in_the_units_of_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
