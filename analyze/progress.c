/* SPDX-License-Identifier: MIT */
#include "analyze/progress.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ruchy/error.h"

#define SILENT_NS    500000000u
#define BETWEEN_NS   100000000u
#define ERASE        "\r\033[K"
#define NAME_COLUMNS 30

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void progress_init(struct progress *p, FILE *out)
{
	*p = (struct progress){ .out = out, .start_ns = now_ns() };
}

/* Is it time to print? */
static bool due(struct progress *p, uint64_t now)
{
	if (!p || !p->out || now - p->start_ns < SILENT_NS || now - p->shown_ns < BETWEEN_NS)
		return false;
	p->shown_ns = now;
	p->shown = true;
	return true;
}

/* The end of a path, which is somebody else's text: as ruchy_error_set shows it. */
static void put_name(FILE *out, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct ruchy_error safe;

	ruchy_error_set(&safe, 0, "%.*s", NAME_COLUMNS, slash ? slash + 1 : name);
	fputs(safe.text, out);
}

void progress_read(struct progress *p, const char *name, uint64_t bytes, uint64_t size)
{
	uint64_t now = p && p->out ? now_ns() : 0;
	double seconds, rate;

	if (p && p->out && p->trace != name) {
		p->trace = name;
		p->trace_ns = now;
	}
	if (!due(p, now))
		return;
	seconds = (double)(now - p->trace_ns) / 1e9;
	rate = seconds > 0 ? (double)bytes / seconds : 0;
	fputs(ERASE "reading ", p->out);
	put_name(p->out, name);
	if (!size || bytes > size)
		fprintf(p->out, ": %.1f MB", (double)bytes / 1e6);
	else
		fprintf(p->out, ": %.0f %% of %.1f MB", 100.0 * (double)bytes / (double)size,
			(double)size / 1e6);
	fprintf(p->out, ", %.1f MB/s", rate / 1e6);
	if (size && bytes <= size && rate > 0)
		fprintf(p->out, ", %.0f s left", (double)(size - bytes) / rate);
	fflush(p->out);
}

void progress_say(struct progress *p, const char *what)
{
	if (!due(p, p && p->out ? now_ns() : 0))
		return;
	fprintf(p->out, ERASE "%s", what);
	fflush(p->out);
}

void progress_end(struct progress *p)
{
	if (!p || !p->shown)
		return;
	fputs(ERASE, p->out);
	fflush(p->out);
	p->shown = false;
}
