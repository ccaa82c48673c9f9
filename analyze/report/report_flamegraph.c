/* SPDX-License-Identifier: MIT */
/*
 * An interactive flame graph: one SVG file with no outside resources, by Brendan
 * Gregg's conventions: depth upwards from the root (downwards where inverted), siblings in order of
 * their names, width by an event's count (the time base's, if no other was named), a <title> "name
 * (1,234 samples, 5.67%)" on each frame, ratios behind the share where they were recorded. Colours
 * tell the kind of code, or a ratio of what was sampled in the frame and above it, against the
 * run's: red is worse, blue better, grey too few samples. fg:x, fg:w and total_samples are those of
 * inferno.
 *
 * fg:s is the self count, where there is one.
 *
 * Complete without its script: labels are already fitted, places already computed.
 * The same profile gives the same bytes.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analyze/report/escape.h"
#include "analyze/report/flame_colour.h"
#include "analyze/report/report.h"
#include "analyze/report/report_flamegraph.h"
#include "analyze/report/report_flamegraph_script.h"
#include "analyze/report/report_number.h"
#include "analyze/report/report_tree.h"

#define IMAGE_WIDTH  1200
#define PAD          10 /* left and right of the frames */
#define FRAMES_WIDTH (IMAGE_WIDTH - 2 * PAD)
#define FRAME_HEIGHT 16
#define HEAD_HEIGHT  56
#define FOOT_HEIGHT  46
#define LABEL_PAD    3
#define MIN_WIDTH    0.1 /* px, unless asked for another: narrower frames are not drawn */

struct graph {
	const struct profile *p;
	const struct report_options *options;
	const char *subtitle; /* NULL: what was sampled */
	FILE *out;
	struct flame_colour colour;
	int column; /* what widths count, -1: nothing was sampled */
	struct report_tree tree;
	uint64_t *start;               /* owned: each node's left edge, in counts */
	bool *drawn;                   /* owned */
	uint32_t depth;                /* of the deepest node drawn */
	uint64_t elided, elided_count; /* frames; what the outermost of them weigh together */
	unsigned height;
};

/* ---- places ---- */

/* Tenths of a pixel of `count`, within the image whatever the counts are. */
static double tenths(const struct graph *g, uint64_t count)
{
	uint64_t total = g->tree.nodes[0].total.count;
	double share = total ? (double)count / (double)total : 0;

	return (share > 1 ? 1 : share) * FRAMES_WIDTH * 10;
}

static double min_width(const struct graph *g)
{
	return g->options->min_width > 0 ? g->options->min_width : MIN_WIDTH;
}

/* A node's self time stands left of its children, as flamegraph.pl's sorting gives it. */
static int place_nodes(struct graph *g)
{
	size_t n = g->tree.n_nodes;
	uint64_t *next = calloc(n, sizeof(*next)); /* where a node's next child begins */

	g->start = calloc(n, sizeof(*g->start));
	g->drawn = calloc(n, sizeof(*g->drawn));
	if (!next || !g->start || !g->drawn) {
		free(next);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const struct report_tree_node *node = &g->tree.nodes[i];

		if (i > 0) {
			g->start[i] = next[node->parent];
			next[node->parent] += node->total.count;
		}
		next[i] = g->start[i] + node->self.count;
		g->drawn[i] = tenths(g, node->total.count) >= 10 * min_width(g) &&
			      (i == 0 || g->drawn[node->parent]);
		g->elided += !g->drawn[i];
		if (!g->drawn[i] && g->drawn[node->parent])
			g->elided_count += node->total.count;
		if (g->drawn[i] && node->depth > g->depth)
			g->depth = node->depth;
	}
	g->height = HEAD_HEIGHT + (g->depth + 1) * FRAME_HEIGHT + FOOT_HEIGHT;
	free(next);
	return 0;
}

/* ---- frames ---- */

static const struct profile_weight *totals_of(const struct graph *g, size_t id)
{
	return g->tree.totals ? g->tree.totals + id * g->tree.n_columns : NULL;
}

/* By integers: a locale's decimal comma would break the file. */
static void put_tenths(const struct graph *g, const char *attribute, long value)
{
	fprintf(g->out, "%s=\"%ld.%ld\" ", attribute, value / 10, value % 10);
}

/* The ratios that a frame's samples are enough for; the one that colours it in any case. */
static void put_ratios(const struct graph *g, size_t id)
{
	for (enum metric_id m = 0; m < METRIC_COUNT; m++) {
		bool asked = g->options->by_metric && m == g->options->metric;
		struct report_number text;
		struct metric value;

		if (g->colour.changes || g->p->ratios[m].reason || !g->tree.totals)
			continue;
		value = flame_colour_metric(g->p, m, totals_of(g, id));
		if (value.has_value || asked)
			fprintf(g->out, ", %s %s", metric_infos[m].text,
				value.has_value ? report_number_metric(&text, m, value.value)
						: "unknown");
	}
}

/* What each side has of it: "base 12.30%, new 10.01%". */
static void put_sides(const struct graph *g, size_t id)
{
	const struct profile_weight *all = g->tree.totals, *here = totals_of(g, id);
	struct report_number base, new;

	fprintf(g->out, ", base %s%%, new %s%%",
		report_number_percent(&base, here[FLAME_BASE].count, all[FLAME_BASE].count, 2),
		report_number_percent(&new, here[FLAME_NEW].count, all[FLAME_NEW].count, 2));
}

static void put_title(const struct graph *g, size_t id)
{
	const struct report_tree_node *node = &g->tree.nodes[id];
	struct report_number samples, share;

	fputs("<g><title>", g->out);
	escape_put(g->out, ESCAPE_XML, node->name ? node->name : "all");
	fprintf(g->out, " (%s samples, %s%%", report_number_grouped(&samples, node->total.samples),
		node->name ? report_number_percent(&share, node->total.count,
						   g->tree.nodes[0].total.count, 2)
			   : "100");
	if (g->colour.changes)
		put_sides(g, id);
	put_ratios(g, id);
	fputs(")</title>", g->out);
}

static void put_label(const struct graph *g, const struct report_tree_node *node, long left,
		      long width, unsigned y)
{
	long room = (width - 2 * LABEL_PAD * 10) / FLAME_CHAR_TENTHS;

	if (room < 3)
		return;
	fputs("<text ", g->out);
	put_tenths(g, "x", left + LABEL_PAD * 10);
	fprintf(g->out, "y=\"%u\">", y + 12);
	escape_put_fit(g->out, ESCAPE_XML, node->name ? node->name : "all", (size_t)room,
		       ESCAPE_CUT_END);
	fputs("</text>", g->out);
}

static void put_frame(const struct graph *g, size_t id)
{
	const struct report_tree_node *node = &g->tree.nodes[id];
	long left = lround(tenths(g, g->start[id]));
	long right = lround(tenths(g, g->start[id]) + tenths(g, node->total.count));
	uint32_t row = g->options->inverted ? node->depth : g->depth - node->depth;
	unsigned y = HEAD_HEIGHT + row * FRAME_HEIGHT;

	put_title(g, id);
	fputs("<rect ", g->out);
	put_tenths(g, "x", left + PAD * 10);
	fprintf(g->out, "y=\"%u\" ", y);
	put_tenths(g, "width", right - left);
	fprintf(g->out, "height=\"%d\" ", FRAME_HEIGHT - 1);
	flame_colour_fill(&g->colour, node, totals_of(g, id));
	fprintf(g->out, " rx=\"2\" fg:x=\"%" PRIu64 "\" fg:w=\"%" PRIu64 "\"", g->start[id],
		node->total.count);
	if (node->self.count)
		fprintf(g->out, " fg:s=\"%" PRIu64 "\"", node->self.count);
	fputs("/>", g->out);
	put_label(g, node, left + PAD * 10, right - left, y);
	fputs("</g>\n", g->out);
}

static void put_frames(const struct graph *g)
{
	fprintf(g->out, "<g id=\"frames\"%s total_samples=\"%" PRIu64 "\">\n",
		g->options->inverted ? " fg:inverted=\"1\"" : "", g->tree.nodes[0].total.count);
	for (size_t i = 0; i < g->tree.n_nodes; i++)
		if (g->drawn[i])
			put_frame(g, i);
	fputs("</g>\n", g->out);
}

/* ---- around them ---- */

static void put_subtitle(const struct graph *g)
{
	const struct report_tree_node *root = &g->tree.nodes[0];
	const struct profile_column *column;
	struct report_number samples, amount;

	if (g->subtitle) {
		escape_put_fit(g->out, ESCAPE_XML, g->subtitle, 150, ESCAPE_CUT_END);
		return;
	}
	if (!root->total.samples) {
		fputs("no samples: the program used too little CPU time to be seen", g->out);
		return;
	}
	column = &g->p->columns[g->column];
	fprintf(g->out, "%s samples of ", report_number_grouped(&samples, root->total.samples));
	escape_put(g->out, ESCAPE_XML, column->name);
	if (column->nanoseconds)
		fprintf(g->out, ", %s", report_number_duration(&amount, root->total.count));
	else
		fprintf(g->out, ", %s events", report_number_grouped(&amount, root->total.count));
}

static void put_head(const struct graph *g)
{
	const char *title = g->options->title;

	fprintf(g->out,
		"<g id=\"head\">\n"
		"<rect width=\"100%%\" height=\"%d\" fill=\"#fdfcf7\"/>\n"
		"<text id=\"title\" x=\"50%%\" y=\"24\">",
		HEAD_HEIGHT - 6);
	if (title) {
		escape_put_fit(g->out, ESCAPE_XML, title, 90, ESCAPE_CUT_END);
	} else if (g->colour.changes) {
		fputs("What changed", g->out);
	} else {
		fputs(g->options->inverted ? "Icicle graph: " : "Flame graph: ", g->out);
		escape_put_fit(g->out, ESCAPE_XML,
			       g->p->info.command ? g->p->info.command : "profile", 77,
			       ESCAPE_CUT_END);
	}
	fputs("</text>\n<text id=\"subtitle\" x=\"50%\" y=\"43\">", g->out);
	put_subtitle(g);
	fprintf(g->out,
		"</text>\n"
		"<text id=\"unzoom\" class=\"hidden\" role=\"button\" tabindex=\"0\" x=\"%d\" "
		"y=\"24\">Reset Zoom</text>\n"
		"<text id=\"search\" class=\"hidden\" role=\"button\" tabindex=\"0\" "
		"x=\"100%%\" dx=\"-%d\" y=\"24\">Search</text>\n"
		"</g>\n",
		PAD, PAD);
}

static void put_legend(const struct graph *g, unsigned y)
{
	unsigned x = flame_colour_legend(&g->colour, PAD, y);

	struct report_number number, share;
	long hundredths = lround(100 * min_width(g));

	fprintf(g->out, "<text id=\"elided\" x=\"%u\" y=\"%u\">", x, y);
	if (g->elided && g->tree.n_nodes > 1) {
		fprintf(g->out, "%s frame%s narrower than %ld.%0*ld px %s not drawn",
			report_number_grouped(&number, g->elided), g->elided == 1 ? "" : "s",
			hundredths / 100, hundredths % 10 ? 2 : 1,
			hundredths % 10 ? hundredths % 100 : hundredths % 100 / 10,
			g->elided == 1 ? "is" : "are");
		fprintf(g->out, ": %s%%",
			report_number_percent(&share, g->elided_count, g->tree.nodes[0].total.count,
					      2));
	}
	fputs("</text>\n", g->out);
}

static void put_foot(const struct graph *g)
{
	unsigned top = g->height - FOOT_HEIGHT;

	fprintf(g->out,
		"<g id=\"foot\">\n"
		"<rect y=\"%u\" width=\"100%%\" height=\"%d\" fill=\"#fdfcf7\"/>\n"
		"<text id=\"details\" aria-live=\"polite\" x=\"%d\" y=\"%u\"></text>\n"
		"<text id=\"matched\" aria-live=\"polite\" x=\"100%%\" dx=\"-%d\" "
		"y=\"%u\"></text>\n",
		top + 2, FOOT_HEIGHT - 2, PAD, top + 18, PAD, top + 18);
	put_legend(g, top + 37);
	fputs("</g>\n", g->out);
}

static void put_document(const struct graph *g)
{
	fprintf(g->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
		"<svg version=\"1.1\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
		"xmlns=\"http://www.w3.org/2000/svg\" "
		"xmlns:fg=\"http://github.com/jonhoo/inferno\">\n"
		"<style><![CDATA[\n%s]]></style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fdfcf7\"/>\n",
		IMAGE_WIDTH, g->height, IMAGE_WIDTH, g->height, report_flamegraph_style);
	put_frames(g);
	put_head(g);
	put_foot(g);
	fprintf(g->out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", report_flamegraph_script);
}

static bool has_ratio(const struct profile *p)
{
	for (enum metric_id m = 0; m < METRIC_COUNT; m++)
		if (!p->ratios[m].reason)
			return true;
	return false;
}

static int draw(struct graph *g, bool all_columns)
{
	int status = report_tree_init(&g->tree, g->p, g->column, all_columns);

	if (!status)
		status = place_nodes(g);
	if (!status && g->colour.changes)
		flame_colour_by_change(&g->colour, g->tree.totals, g->tree.n_nodes);
	if (!status)
		put_document(g);
	free(g->start);
	free(g->drawn);
	report_tree_fini(&g->tree);
	return status;
}

int report_flamegraph_changes(const struct profile *tree, const struct report_options *options,
			      const char *subtitle, FILE *out)
{
	struct graph g = { .p = tree,
			   .options = options,
			   .subtitle = subtitle,
			   .out = out,
			   .colour = { .out = out, .changes = true },
			   .column = FLAME_WIDTH };

	return draw(&g, true);
}

static int write_flamegraph(const struct profile *p, const struct report_options *options,
			    FILE *out, struct ruchy_error *err)
{
	struct graph g = { .p = p,
			   .options = options,
			   .out = out,
			   .colour = { .out = out },
			   .column = options->weighted ? (int)options->weight : p->time_base };
	int status;

	if (options->by_metric)
		flame_colour_by_metric(&g.colour, p, options->metric);
	status = draw(&g, has_ratio(p));
	if (status)
		ruchy_error_set(err, status, "flame graph: no memory for the call tree");
	return status;
}

const struct report_ops report_flamegraph = { .name = "flame-graph", .write = write_flamegraph };
