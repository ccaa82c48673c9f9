/* SPDX-License-Identifier: MIT */
/*
 * An interactive flame graph: one SVG file with no outside resources, by Brendan
 * Gregg's conventions: depth upwards from the root, siblings in order of their names,
 * width by an event's count (the time base's, if no other was named), a <title> "name (1,234
 * samples, 5.67%)" on each frame. Colours tell the kind of code, or a ratio of what was sampled in
 * the frame and above it, against the run's: red is worse, blue better, grey too few samples. fg:x,
 * fg:w and total_samples are those of inferno.
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
#define MIN_TENTHS   1.0 /* narrower frames are not drawn */

struct graph {
	const struct profile *p;
	const struct report_options *options;
	FILE *out;
	struct flame_colour colour;
	int column; /* what widths count, -1: nothing was sampled */
	struct report_tree tree;
	uint64_t *start; /* owned: each node's left edge, in counts */
	bool *drawn;     /* owned */
	uint32_t depth;  /* of the deepest node drawn */
	uint64_t elided;
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
		g->drawn[i] = tenths(g, node->total.count) >= MIN_TENTHS &&
			      (i == 0 || g->drawn[node->parent]);
		g->elided += !g->drawn[i];
		if (g->drawn[i] && node->depth > g->depth)
			g->depth = node->depth;
	}
	g->height = HEAD_HEIGHT + (g->depth + 1) * FRAME_HEIGHT + FOOT_HEIGHT;
	free(next);
	return 0;
}

/* ---- frames ---- */

/* By integers: a locale's decimal comma would break the file. */
static void put_tenths(const struct graph *g, const char *attribute, long value)
{
	fprintf(g->out, "%s=\"%ld.%ld\" ", attribute, value / 10, value % 10);
}

static void put_title(const struct graph *g, const struct report_tree_node *node)
{
	struct report_number samples, share;

	fputs("<g><title>", g->out);
	escape_put(g->out, ESCAPE_XML, node->name ? node->name : "all");
	fprintf(g->out, " (%s samples, %s%%", report_number_grouped(&samples, node->total.samples),
		node->name ? report_number_percent(&share, node->total.count,
						   g->tree.nodes[0].total.count, 2)
			   : "100");
	if (g->colour.ratio) {
		struct metric m = flame_colour_metric(&g->colour, node);

		fprintf(g->out, ", %s %s", metric_infos[g->options->metric].text,
			m.has_value ? report_number_metric(&share, g->options->metric, m.value)
				    : "unknown");
	}
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
	unsigned y = HEAD_HEIGHT + (g->depth - node->depth) * FRAME_HEIGHT;

	put_title(g, node);
	fputs("<rect ", g->out);
	put_tenths(g, "x", left + PAD * 10);
	fprintf(g->out, "y=\"%u\" ", y);
	put_tenths(g, "width", right - left);
	fprintf(g->out, "height=\"%d\" ", FRAME_HEIGHT - 1);
	flame_colour_fill(&g->colour, node);
	fprintf(g->out, " rx=\"2\" fg:x=\"%" PRIu64 "\" fg:w=\"%" PRIu64 "\"/>", g->start[id],
		node->total.count);
	put_label(g, node, left + PAD * 10, right - left, y);
	fputs("</g>\n", g->out);
}

static void put_frames(const struct graph *g)
{
	fprintf(g->out, "<g id=\"frames\" total_samples=\"%" PRIu64 "\">\n",
		g->tree.nodes[0].total.count);
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
	} else {
		fputs("Flame graph: ", g->out);
		escape_put_fit(g->out, ESCAPE_XML,
			       g->p->info.command ? g->p->info.command : "profile", 77,
			       ESCAPE_CUT_END);
	}
	fputs("</text>\n<text id=\"subtitle\" x=\"50%\" y=\"43\">", g->out);
	put_subtitle(g);
	fprintf(g->out,
		"</text>\n"
		"<text id=\"unzoom\" class=\"hidden\" x=\"%d\" y=\"24\">Reset Zoom</text>\n"
		"<text id=\"search\" class=\"hidden\" x=\"100%%\" dx=\"-%d\" "
		"y=\"24\">Search</text>\n"
		"</g>\n",
		PAD, PAD);
}

static void put_legend(const struct graph *g, unsigned y)
{
	unsigned x = flame_colour_legend(&g->colour, PAD, y);

	if (g->elided && g->tree.n_nodes > 1) {
		struct report_number number;

		fprintf(g->out,
			"<text id=\"elided\" x=\"%u\" y=\"%u\">%s frame%s narrower than 0.1 px %s "
			"not drawn</text>\n",
			x, y, report_number_grouped(&number, g->elided), g->elided == 1 ? "" : "s",
			g->elided == 1 ? "is" : "are");
	}
}

static void put_foot(const struct graph *g)
{
	unsigned top = g->height - FOOT_HEIGHT;

	fprintf(g->out,
		"<g id=\"foot\">\n"
		"<rect y=\"%u\" width=\"100%%\" height=\"%d\" fill=\"#fdfcf7\"/>\n"
		"<text id=\"details\" x=\"%d\" y=\"%u\"></text>\n"
		"<text id=\"matched\" x=\"100%%\" dx=\"-%d\" y=\"%u\"></text>\n",
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
	status = report_tree_init(&g.tree, p, g.column, g.colour.ratio);

	if (!status)
		status = place_nodes(&g);
	if (!status)
		put_document(&g);
	else
		ruchy_error_set(err, status, "flame graph: no memory for the call tree");
	free(g.start);
	free(g.drawn);
	report_tree_fini(&g.tree);
	return status;
}

const struct report_ops report_flamegraph = { .name = "flame-graph", .write = write_flamegraph };
