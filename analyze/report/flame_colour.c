/* SPDX-License-Identifier: MIT */
#include "analyze/report/flame_colour.h"

#include <math.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_flamegraph.h"
#include "analyze/report/report_number.h"

#define SCALE_OCTAVES 2 /* of a ratio, to either side of the run's */

/* ---- colours: the kind gives the hue, a hash of the name the shade ---- */

struct palette {
	const char *label;        /* in the legend; NULL: not there */
	uint8_t base[3], span[3]; /* red, green, blue */
};

enum colour { USER, INLINED, KERNEL, BROKEN, FRAME, COLOUR_COUNT };

/* Any two kinds stay apart for every kind of colour vision, whatever the shade:
 * tests/browser/check.py (page/view.js has the same). */
static const struct palette palettes[COLOUR_COUNT] = {
	[USER] = { "user", { 219, 134, 37 }, { 25, 45, 40 } },
	[INLINED] = { "inlined", { 86, 191, 134 }, { 30, 25, 25 } },
	[KERNEL] = { "kernel", { 170, 150, 216 }, { 30, 25, 20 } },
	[BROKEN] = { "broken stack", { 120, 120, 120 }, { 0, 0, 0 } },
	[FRAME] = { NULL, { 235, 232, 222 }, { 0, 0, 0 } }, /* root and process names */
};

static enum colour colour_of(const struct report_tree_node *node)
{
	if (node->kind == PROFILE_NODE_ROOT || node->kind == PROFILE_NODE_COMM)
		return FRAME;
	if (node->kind == PROFILE_NODE_BROKEN)
		return BROKEN;
	if (node->kernel)
		return KERNEL;
	return node->inlined ? INLINED : USER;
}

/* FNV-1a, 32 bits. */
static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; name && *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

static void put_fill(const struct flame_colour *c, enum colour colour, uint32_t hash)
{
	const struct palette *palette = &palettes[colour];
	unsigned rgb[3];

	for (int i = 0; i < 3; i++) {
		rgb[i] = palette->base[i] + (hash & 0xff) * palette->span[i] / 255;
		hash >>= 8;
	}
	fprintf(c->out, "fill=\"rgb(%u,%u,%u)\"", rgb[0], rgb[1], rgb[2]);
}

/* ---- colours by a ratio ---- */

void flame_colour_by_metric(struct flame_colour *c, const struct profile *p, enum metric_id metric)
{
	const struct metric *run = &p->metrics.values[metric];

	c->p = p;
	c->metric = metric;
	c->middle = run->has_value && run->value > 0 ? run->value : 1;
}

struct metric flame_colour_metric(const struct profile *p, enum metric_id metric,
				  const struct profile_weight *totals)
{
	const struct profile_ratio *ratio = &p->ratios[metric];
	const struct profile_weight *top = &totals[ratio->numerator];
	const struct profile_weight *bottom = &totals[ratio->denominator];
	struct metric_sum n = { .samples = top->samples,
				.count = top->count,
				.scale = ratio->scale };
	struct metric_sum d = { .samples = bottom->samples, .count = bottom->count, .scale = 1 };

	/* As if the periods were equal: for colours that will do. */
	n.squares = (double)n.count * (double)n.count / (double)(n.samples ? n.samples : 1);
	d.squares = (double)d.count * (double)d.count / (double)(d.samples ? d.samples : 1);
	return metric_ratio(metric, &n, &d);
}

/* How good a value is: from -1, a quarter as good as the run or worse, to 1. */
static double goodness(const struct flame_colour *c, double value)
{
	double octaves = value > 0 ? log2(value / c->middle) : -SCALE_OCTAVES;
	double part = fmax(-1, fmin(1, octaves / SCALE_OCTAVES));

	return metric_infos[c->metric].low_is_bad ? part : -part;
}

/* Red and blue, which people with any kind of colour vision tell apart. */
static void put_scale_fill(const struct flame_colour *c, double good)
{
	static const double bad_rgb[] = { 215, 48, 39 }, same_rgb[] = { 252, 240, 185 },
			    good_rgb[] = { 69, 117, 180 };
	const double *end = good < 0 ? bad_rgb : good_rgb;
	long rgb[3];

	for (int i = 0; i < 3; i++)
		rgb[i] = lround(same_rgb[i] + (end[i] - same_rgb[i]) * fabs(good));
	fprintf(c->out, "fill=\"rgb(%ld,%ld,%ld)\"", rgb[0], rgb[1], rgb[2]);
}

/* ---- colours by a change ---- */

/* Of the self time, in shares of the sides. */
static double change_of(const struct flame_colour *c, const struct profile_weight *totals)
{
	double before = c->sides[0] > 0 ? (double)totals[FLAME_BASE_SELF].count / c->sides[0] : 0;
	double after = c->sides[1] > 0 ? (double)totals[FLAME_NEW_SELF].count / c->sides[1] : 0;

	return after - before;
}

void flame_colour_by_change(struct flame_colour *c, const struct profile_weight *totals,
			    size_t n_nodes)
{
	c->changes = true;
	c->sides[0] = (double)totals[FLAME_BASE].count;
	c->sides[1] = (double)totals[FLAME_NEW].count;
	for (size_t i = 0; i < n_nodes; i++)
		c->largest = fmax(c->largest, fabs(change_of(c, totals + i * FLAME_SIDES)));
}

static const struct palette vanished = { "gone", { 100, 180, 190 }, { 0, 0, 0 } },
			    appeared = { "new", { 225, 130, 200 }, { 0, 0, 0 } };

static void put_palette(const struct flame_colour *c, const struct palette *p)
{
	fprintf(c->out, "fill=\"rgb(%u,%u,%u)\"", p->base[0], p->base[1], p->base[2]);
}

static void put_change_fill(const struct flame_colour *c, const struct report_tree_node *node,
			    const struct profile_weight *totals)
{
	if (node->kind == PROFILE_NODE_ROOT || node->kind == PROFILE_NODE_COMM)
		put_fill(c, FRAME, 0);
	else if (!totals[FLAME_NEW].count)
		put_palette(c, &vanished);
	else if (!totals[FLAME_BASE].count)
		put_palette(c, &appeared);
	else
		put_scale_fill(c, c->largest > 0 ? -change_of(c, totals) / c->largest : 0);
}

void flame_colour_fill(const struct flame_colour *c, const struct report_tree_node *node,
		       const struct profile_weight *totals)
{
	struct metric m;

	if (c->changes) {
		put_change_fill(c, node, totals);
		return;
	}
	if (!c->p) {
		put_fill(c, colour_of(node), hash_name(node->name));
		return;
	}
	m = flame_colour_metric(c->p, c->metric, totals);
	if (m.has_value)
		put_scale_fill(c, goodness(c, m.value));
	else
		put_fill(c, BROKEN, 0);
}

/* ---- legend ---- */

/* The text beside a colour's box; returns where the next box goes. */
static unsigned put_legend_text(const struct flame_colour *c, unsigned x, unsigned y,
				const char *text)
{
	fprintf(c->out, "/><text x=\"%u\" y=\"%u\">%s</text>\n", x + 14, y, text);
	return x + 14 + 24 + (unsigned)escape_columns(text) * FLAME_CHAR_TENTHS / 10;
}

static void put_legend_box(const struct flame_colour *c, unsigned x, unsigned y)
{
	fprintf(c->out, "<rect x=\"%u\" y=\"%u\" width=\"10\" height=\"10\" ", x, y - 9);
}

/* The scale, an octave a box. */
static unsigned put_scale(const struct flame_colour *c, unsigned x, unsigned y)
{
	enum metric_id id = c->metric;
	char text[64];

	for (int octave = -SCALE_OCTAVES; octave <= SCALE_OCTAVES; octave++) {
		double value = ldexp(c->middle, octave);
		struct report_number number;

		put_legend_box(c, x, y);
		put_scale_fill(c, goodness(c, value));
		snprintf(text, sizeof(text), "%s%s",
			 octave == -SCALE_OCTAVES ? metric_infos[id].text : "",
			 octave == -SCALE_OCTAVES ? " " : "");
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
			 report_number_metric(&number, id, value));
		x = put_legend_text(c, x, y, text);
	}
	put_legend_box(c, x, y);
	put_fill(c, BROKEN, 0);
	return put_legend_text(c, x, y, "too few samples");
}

static unsigned put_kinds(const struct flame_colour *c, unsigned x, unsigned y)
{
	for (int i = 0; i < COLOUR_COUNT; i++) {
		if (!palettes[i].label)
			continue;
		put_legend_box(c, x, y);
		put_fill(c, (enum colour)i, 0x808080);
		x = put_legend_text(c, x, y, palettes[i].label);
	}
	return x;
}

static unsigned put_changes(const struct flame_colour *c, unsigned x, unsigned y)
{
	static const struct {
		const char *text;
		double good;
	} scale[] = { { "less self", 1 }, { "the same", 0 }, { "more", -1 } };

	put_legend_box(c, x, y);
	put_palette(c, &vanished);
	x = put_legend_text(c, x, y, vanished.label);
	for (size_t i = 0; i < sizeof(scale) / sizeof(scale[0]); i++) {
		put_legend_box(c, x, y);
		put_scale_fill(c, scale[i].good);
		x = put_legend_text(c, x, y, scale[i].text);
	}
	put_legend_box(c, x, y);
	put_palette(c, &appeared);
	return put_legend_text(c, x, y, appeared.label);
}

unsigned flame_colour_legend(const struct flame_colour *c, unsigned x, unsigned y)
{
	if (c->changes)
		return put_changes(c, x, y);
	return c->p ? put_scale(c, x, y) : put_kinds(c, x, y);
}
