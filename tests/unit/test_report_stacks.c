/* SPDX-License-Identifier: MIT */
/* The reports that read the call tree or single stacks: folded, flame graph, perf-script. */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/report_perfscript.h"
#include "analyze/report/report_tree.h"

/* A chain of `depth` frames below one process, a sample at its end. */
struct deep_fixture {
	struct profile_fixture base;
	struct profile_node *nodes;
};

static void deep_init(struct deep_fixture *f, uint32_t depth)
{
	static struct profile_weight none, one[1] = { { 7, 7 } };

	profile_fixture_init(&f->base);
	f->nodes = calloc(depth + 2, sizeof(*f->nodes));
	assert_non_null(f->nodes);
	for (uint32_t i = 0; i < depth + 2; i++)
		f->nodes[i] = (struct profile_node){
			.kind = i == 0   ? PROFILE_NODE_ROOT
				: i == 1 ? PROFILE_NODE_COMM
					 : PROFILE_NODE_FUNCTION,
			.parent = i ? i - 1 : 0,
			.first_child = i < depth + 1 ? i + 1 : 0,
			.name = i ? "f" : NULL,
			.self = i == depth + 1 ? one : &none,
			.total = one,
		};
	f->base.columns[0].total = one[0];
	f->base.p.n_columns = 1;
	f->base.p.nodes = f->nodes;
	f->base.p.n_nodes = depth + 2;
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* ---- tree ---- */

static void test_report_tree_merges_same_names(void **state)
{
	struct profile_fixture f;
	struct report_tree tree;

	(void)state;
	profile_fixture_init(&f);
	/* two functions of one name below main, from different places */
	f.nodes[4].name = f.nodes[6].name = "same";
	assert_int_equal(report_tree_init(&tree, &f.p, FIXTURE_CLOCK, false), 0);
	assert_int_equal(tree.n_nodes, FIXTURE_NODES - 1);
	for (size_t i = 1; i < tree.n_nodes; i++) {
		assert_true(tree.nodes[i].parent < i);
		assert_int_equal(tree.nodes[i].depth, tree.nodes[tree.nodes[i].parent].depth + 1);
		if (strcmp(tree.nodes[i].name, "same") == 0) {
			assert_int_equal(tree.nodes[i].self.samples, 78);
			assert_int_equal(tree.nodes[i].total.samples, 90);
		}
	}
	report_tree_fini(&tree);
	/* an inlined frame is not merged with a real one */
	f.nodes[4].inlined = true;
	assert_int_equal(report_tree_init(&tree, &f.p, FIXTURE_CLOCK, false), 0);
	assert_int_equal(tree.n_nodes, FIXTURE_NODES);
	report_tree_fini(&tree);
}

static void test_report_tree_leaves_out_weightless(void **state)
{
	struct profile_fixture f;
	struct report_tree tree;
	uint64_t self = 0;

	(void)state;
	profile_fixture_init(&f);
	assert_int_equal(report_tree_init(&tree, &f.p, FIXTURE_MISSES, false), 0);
	assert_int_equal(tree.n_nodes, 6); /* root, busy, _start, main, compute_a, compute_b */
	for (size_t i = 0; i < tree.n_nodes; i++)
		self += tree.nodes[i].self.count;
	assert_int_equal(self, tree.nodes[0].total.count);
	report_tree_fini(&tree);
	assert_int_equal(report_tree_init(&tree, &f.p, -1, false), 0);
	assert_int_equal(tree.n_nodes, 1);
	report_tree_fini(&tree);
}

/* ---- folded ---- */

static void test_report_folded_golden(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = fixture_report(&report_folded, &f.p, (struct report_options){ 0 });
	fixture_assert_golden("folded.txt", text);
	free(text);
}

static void test_report_folded_hostile_names(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.nodes[1].name = "a b;c";
	f.nodes[4].name = "x;y\nz 99";
	text = fixture_report(&report_folded, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "a_b:c;_start;main;x:y\\x0az 99 50\n"));
	free(text);
}

static void test_report_folded_deep_and_empty(void **state)
{
	struct deep_fixture f;
	struct profile_fixture empty;
	char *text;

	(void)state;
	deep_init(&f, STACK_MAX_FRAMES);
	text = fixture_report(&report_folded, &f.base.p, (struct report_options){ 0 });
	assert_int_equal(count_of(text, ";"), STACK_MAX_FRAMES);
	assert_int_equal(count_of(text, "\n"), 1);
	assert_non_null(strstr(text, ";f 7\n"));
	free(text);
	free(f.nodes);
	profile_fixture_empty(&empty);
	text = fixture_report(&report_folded, &empty.p, (struct report_options){ 0 });
	assert_string_equal(text, "");
	free(text);
}

/* ---- flame graph ---- */

/* Without its style and script, which are files of their own. */
static void cut_script(char *svg)
{
	static const char *const ends[][2] = { { "<style>", "</style>" },
					       { "<script>", "</script>" } };

	for (size_t i = 0; i < 2; i++) {
		char *from = strstr(svg, ends[i][0]), *to = strstr(svg, ends[i][1]);

		assert_non_null(from);
		assert_non_null(to);
		memmove(from, to + strlen(ends[i][1]), strlen(to + strlen(ends[i][1])) + 1);
	}
}

static void test_report_flamegraph_golden(void **state)
{
	struct profile_fixture f;
	char *svg, *again;

	(void)state;
	profile_fixture_init(&f);
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	again = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_string_equal(svg, again);
	assert_non_null(strstr(svg, "<title>compute_a (60 samples, 60.00%)</title>"));
	cut_script(svg);
	fixture_assert_golden("flamegraph.svg", svg);
	free(svg);
	free(again);
}

static void test_report_flamegraph_hostile_names(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	f.p.info.command = "</text><script>alert(1)</script>";
	f.nodes[4].name = "<script>alert(2)</script>\x1b\xff]]>";
	f.columns[FIXTURE_CLOCK].name = "\"><script>";
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_int_equal(count_of(svg, "<script>"), 1); /* ours */
	assert_int_equal(count_of(svg, "]]>"), 2);
	assert_non_null(strstr(svg, "&lt;script&gt;alert(2)&lt;/script&gt;\\x1b\\xff]]&gt; (60"));
	assert_null(strchr(svg, '\x1b'));
	free(svg);
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ .title = "a<b" });
	assert_non_null(strstr(svg, ">a&lt;b</text>"));
	free(svg);
}

static void test_report_flamegraph_elides_narrow_frames(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	/* Among 100 s, 10 ms are 0.12 px; 6, 4 and 2 ms, and all above them, are too narrow. */
	for (size_t i = 0; i < 5; i++)
		f.node_total[i][FIXTURE_CLOCK].count += UINT64_C(100000000000);
	f.node_self[4][FIXTURE_CLOCK].count += UINT64_C(100000000000);
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_null(strstr(svg, "do_syscall_64"));
	assert_non_null(strstr(svg, ">7 frames narrower than 0.1 px are not drawn: 0.01%<"));
	assert_int_equal(count_of(svg, "<title>"), FIXTURE_NODES - 7);
	free(svg);
	/* 60 px, 28 ms of which are 0.33 px */
	svg = fixture_report(&report_flamegraph, &f.p,
			     (struct report_options){ .min_width = 60.25 });
	assert_non_null(strstr(svg, " frames narrower than 60.25 px are not drawn"));
	assert_null(strstr(svg, "compute_b"));
	free(svg);
	svg = fixture_report(&report_flamegraph, &f.p,
			     (struct report_options){ .min_width = 0.01 });
	assert_int_equal(count_of(svg, "<title>"), FIXTURE_NODES);
	assert_null(strstr(svg, "not drawn"));
	free(svg);
}

/* The root above, the picture otherwise the same. */
static void test_report_flamegraph_inverted(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ .inverted = true });
	assert_non_null(strstr(svg, ">Icicle graph: ./busy"));
	assert_non_null(strstr(svg, "<g id=\"frames\" fg:inverted=\"1\""));
	assert_non_null(
		strstr(svg, "<title>all (100 samples, 100%)</title><rect x=\"10.0\" y=\"56\""));
	assert_non_null(strstr(svg,
			       "<title>small(int, char const*) (10 samples, 10.00%)</title><rect "
			       "x=\"718.0\" y=\"136\""));
	assert_int_equal(count_of(svg, "<title>"), FIXTURE_NODES);
	free(svg);
}

/* Every ratio that a frame has samples enough for. */
static void test_report_flamegraph_tells_ratios(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	f.p.ratios[METRIC_CACHE_MISS_RATE] =
		(struct profile_ratio){ FIXTURE_MISSES, FIXTURE_CLOCK, 1, NULL };
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_non_null(
		strstr(svg, "<title>compute_b (30 samples, 30.00%, cache miss rate 0.03%)<"));
	assert_non_null(strstr(svg, "<title>do_syscall_64 (2 samples, 2.00%)<")); /* too few */
	free(svg);
}

static void test_report_flamegraph_deep(void **state)
{
	struct deep_fixture f;
	char *svg;

	(void)state;
	deep_init(&f, STACK_MAX_FRAMES);
	svg = fixture_report(&report_flamegraph, &f.base.p, (struct report_options){ 0 });
	assert_int_equal(count_of(svg, "<title>f (7 samples, 100.00%)"), STACK_MAX_FRAMES + 1);
	assert_non_null(strstr(svg, "height=\"32902\"")); /* 2,050 levels of 16, head 56, foot 46 */
	free(svg);
	free(f.nodes);
}

static void test_report_flamegraph_no_samples(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_empty(&f);
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(svg, "no samples"));
	assert_int_equal(count_of(svg, "<title>"), 0);
	assert_non_null(strstr(svg, "</svg>\n"));
	free(svg);
}

static void test_report_flamegraph_greatest_counts(void **state)
{
	struct profile_fixture f;
	char *svg;

	(void)state;
	profile_fixture_init(&f);
	for (size_t i = 0; i < FIXTURE_NODES; i++)
		f.node_total[i][FIXTURE_CLOCK] = (struct profile_weight){ UINT64_MAX, UINT64_MAX };
	svg = fixture_report(&report_flamegraph, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(svg, "all (18,446,744,073,709,551,615 samples, 100%)"));
	assert_null(strstr(svg, "width=\"-"));
	free(svg);
}

/* ---- perf-script ---- */

static char *sample_text(const struct profile *p, const struct profile_row *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	report_perfscript_sample(p, row, out);
	fclose(out);
	return text;
}

static void test_report_perfscript_sample(void **state)
{
	static const struct profile_row rows[] = {
		{ 12345678901234, 1000000, 0, 4, FIXTURE_CLOCK, 2, STACK_END_ENTRY },
		{ 12345679901234, 1000, 1, 5, FIXTURE_MISSES, 13, STACK_END_ENTRY },
		{ 999, 1, 0, 0, FIXTURE_CLOCK, 0, STACK_END_NO_MAPPING },
	};
	struct profile_fixture f;
	char all[4096] = "";

	(void)state;
	profile_fixture_init(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = sample_text(&f.p, &rows[i]);

		strcat(all, text);
		free(text);
	}
	fixture_assert_golden("perf-script.txt", all);
}

static void test_report_perfscript_unknown_and_hostile(void **state)
{
	static const struct profile_row row = { .stack = 1 };
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.threads[0].name = "evil\ncomm";
	f.frames[0].module_path = "/tmp/a\n\tb";
	f.functions[FN_START].named = false;
	text = sample_text(&f.p, &row);
	assert_string_equal(text,
			    "evil\\x0acomm   100/100   [000]     0.000000:          0 cpu_clock: \n"
			    "\t            1022 [unknown] (/tmp/a\\x0a\\x09b)\n\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_tree_merges_same_names),
		cmocka_unit_test(test_report_tree_leaves_out_weightless),
		cmocka_unit_test(test_report_folded_golden),
		cmocka_unit_test(test_report_folded_hostile_names),
		cmocka_unit_test(test_report_folded_deep_and_empty),
		cmocka_unit_test(test_report_flamegraph_golden),
		cmocka_unit_test(test_report_flamegraph_hostile_names),
		cmocka_unit_test(test_report_flamegraph_elides_narrow_frames),
		cmocka_unit_test(test_report_flamegraph_inverted),
		cmocka_unit_test(test_report_flamegraph_tells_ratios),
		cmocka_unit_test(test_report_flamegraph_deep),
		cmocka_unit_test(test_report_flamegraph_no_samples),
		cmocka_unit_test(test_report_flamegraph_greatest_counts),
		cmocka_unit_test(test_report_perfscript_sample),
		cmocka_unit_test(test_report_perfscript_unknown_and_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
