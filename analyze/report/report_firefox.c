/* SPDX-License-Identifier: MIT */
/*
 * Firefox Profiler's "processed profile" (github.com/firefox-devtools/profiler, docs-developer), as
 * gzipped JSON: version 55 of it, which newer ones of the profiler read, too.
 *
 * Every thread has tables of its own: samples → stackTable (a tree) → frameTable → funcTable →
 * resourceTable → libs; texts are numbers into stringArray. A sample weighs its period:
 * milliseconds where the time base is a clock, else events. Other counters are tracks of their
 * process. A stack that did not reach its entry stands below a frame that says why.
 */
#include "analyze/report/report_firefox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/report/firefox_refs.h"
#include "analyze/report/gzip_out.h"
#include "analyze/report/json_stream.h"
#include "analyze/report/report.h"

#define FORMAT_VERSION 55
#define MAX_EXACT      (1ull << 53) /* greater integers are no numbers of JavaScript's */

enum { CATEGORY_OTHER, CATEGORY_USER, CATEGORY_KERNEL, CATEGORY_BROKEN };
static const char categories[] =
	"[{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"User\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Kernel\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Broken\",\"color\":\"red\",\"subcategories\":[\"Other\"]}]";

struct firefox {
	const struct profile *p;
	const struct report_lanes *lanes;
	FILE *out;
	struct json_stream json;
	struct firefox_refs refs;
	struct intern strings; /* of the present thread */
};

/* ---- JSON ---- */

static void put_ms(struct firefox *w, uint64_t ns)
{
	fprintf(w->out, "%" PRIu64 ".%06" PRIu64, ns / 1000000, ns % 1000000);
}

/* A column: "name":[of(0),of(1),…]. */
typedef void put_cell(struct firefox *w, const void *arg, uint32_t i);

static void put_column(struct firefox *w, const char *name, uint32_t n, put_cell *cell,
		       const void *arg)
{
	fprintf(w->out, ",\"%s\":[", name);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			fputc(',', w->out);
		cell(w, arg, i);
	}
	fputc(']', w->out);
}

static void constant_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)i;
	fputs(arg, w->out);
}

/* A number of this thread's strings. */
static void put_string(struct firefox *w, const char *text)
{
	uint32_t number = intern_text(&w->strings, text ? text : "");

	w->json.failed |= number == INTERN_NONE;
	fprintf(w->out, "%" PRIu32, number);
}

/* ---- a thread's tables ---- */

static void stack_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct lane *lane = arg;
	uint32_t row = firefox_refs_row(&w->refs, &lane->rows[i]);

	if (row == FIREFOX_NONE)
		fputs("null", w->out);
	else
		fprintf(w->out, "%" PRIu32, row);
}

static void delta_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct lane *lane = arg;

	put_ms(w, lane->rows[i].time_ns - (i ? lane->rows[i - 1].time_ns : w->lanes->start_ns));
}

static void weight_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct lane *lane = arg;

	if (w->p->columns[w->lanes->base].nanoseconds)
		put_ms(w, lane->rows[i].period);
	else
		fprintf(w->out, "%" PRIu64, lane->rows[i].period);
}

static void cpu_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct lane *lane = arg;

	fprintf(w->out, "%" PRIu64, lane->rows[i].period / 1000);
}

static void put_samples(struct firefox *w, const struct lane *lane)
{
	bool clock = w->p->columns[w->lanes->base].nanoseconds;
	uint32_t n = (uint32_t)lane->n;

	fprintf(w->out, ",\n\"samples\":{\"length\":%" PRIu32 ",\"weightType\":\"%s\"", n,
		clock ? "tracing-ms" : "samples");
	put_column(w, "stack", n, stack_cell, lane);
	put_column(w, "timeDeltas", n, delta_cell, lane);
	put_column(w, "weight", n, weight_cell, lane);
	if (clock) /* a CPU clock's period is the thread's own CPU time */
		put_column(w, "threadCPUDelta", n, cpu_cell, lane);
	fputc('}', w->out);
}

static void prefix_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)arg;
	if (w->refs.rows[i].prefix == FIREFOX_NONE)
		fputs("null", w->out);
	else
		fprintf(w->out, "%" PRIu32, w->refs.rows[i].prefix);
}

static void frame_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)arg;
	fprintf(w->out, "%" PRIu32, w->refs.rows[i].frame);
}

static void put_stacks(struct firefox *w)
{
	fprintf(w->out, ",\n\"stackTable\":{\"length\":%" PRIu32, w->refs.n_rows);
	put_column(w, "prefix", w->refs.n_rows, prefix_cell, NULL);
	put_column(w, "frame", w->refs.n_rows, frame_cell, NULL);
	fputc('}', w->out);
}

static const struct firefox_frame *logical_at(const struct firefox *w, uint32_t i)
{
	return &w->refs.all[w->refs.frames.list[i]];
}

static void address_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct firefox_frame *l = logical_at(w, i);
	uint64_t address = l->frame == FIREFOX_NONE ? MAX_EXACT : w->p->frames[l->frame].address;

	(void)arg;
	if (address < MAX_EXACT)
		fprintf(w->out, "%" PRIu64, address);
	else
		fputs("-1", w->out);
}

static void depth_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct firefox_frame *l = logical_at(w, i);

	(void)arg;
	fprintf(w->out, "%zu",
		l->frame == FIREFOX_NONE ? 0 : w->p->frames[l->frame].n_symbols - 1 - l->symbol);
}

static void category_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct firefox_frame *l = logical_at(w, i);
	int category = CATEGORY_BROKEN;

	(void)arg;
	if (l->frame != FIREFOX_NONE)
		category = w->p->frames[l->frame].flags & STACK_FRAME_KERNEL ? CATEGORY_KERNEL
									     : CATEGORY_USER;
	fprintf(w->out, "%d", category);
}

static void func_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)arg;
	fprintf(w->out, "%" PRIu32,
		w->refs.funcs.number[firefox_refs_function(&w->refs, logical_at(w, i))]);
}

static void line_cell(struct firefox *w, const void *arg, uint32_t i)
{
	const struct firefox_frame *l = logical_at(w, i);
	uint32_t line =
		l->frame == FIREFOX_NONE ? 0 : w->p->frames[l->frame].symbols[l->symbol].line;

	(void)arg;
	if (line)
		fprintf(w->out, "%" PRIu32, line);
	else
		fputs("null", w->out);
}

static void put_frames(struct firefox *w)
{
	uint32_t n = w->refs.frames.n;

	fprintf(w->out, ",\n\"frameTable\":{\"length\":%" PRIu32, n);
	put_column(w, "address", n, address_cell, NULL);
	put_column(w, "inlineDepth", n, depth_cell, NULL);
	put_column(w, "category", n, category_cell, NULL);
	put_column(w, "subcategory", n, constant_cell, "0");
	put_column(w, "func", n, func_cell, NULL);
	put_column(w, "nativeSymbol", n, constant_cell, "null");
	put_column(w, "innerWindowID", n, constant_cell, "0");
	put_column(w, "line", n, line_cell, NULL);
	put_column(w, "column", n, constant_cell, "null");
	fputc('}', w->out);
}

static void name_cell(struct firefox *w, const void *arg, uint32_t i)
{
	uint32_t function = w->refs.funcs.list[i];
	char text[80];

	(void)arg;
	if (function < w->p->n_functions) {
		put_string(w, w->p->functions[function].name);
		return;
	}
	snprintf(text, sizeof(text), "[broken: %s]",
		 stack_end_text((enum stack_end)(function - w->p->n_functions)));
	put_string(w, text);
}

static void resource_cell(struct firefox *w, const void *arg, uint32_t i)
{
	uint32_t lib = firefox_refs_lib(&w->refs, w->refs.funcs.list[i]);

	(void)arg;
	if (lib == FIREFOX_NONE)
		fputs("-1", w->out);
	else
		fprintf(w->out, "%" PRIu32, lib);
}

static void file_cell(struct firefox *w, const void *arg, uint32_t i)
{
	uint32_t function = w->refs.funcs.list[i];
	const char *file = function < w->p->n_functions ? w->refs.fn_file[function] : NULL;

	(void)arg;
	if (file)
		put_string(w, file);
	else
		fputs("null", w->out);
}

static void put_funcs(struct firefox *w)
{
	uint32_t n = w->refs.funcs.n;

	fprintf(w->out, ",\n\"funcTable\":{\"length\":%" PRIu32, n);
	put_column(w, "name", n, name_cell, NULL);
	put_column(w, "isJS", n, constant_cell, "false");
	put_column(w, "relevantForJS", n, constant_cell, "false");
	put_column(w, "resource", n, resource_cell, NULL);
	put_column(w, "fileName", n, file_cell, NULL);
	put_column(w, "lineNumber", n, constant_cell, "null");
	put_column(w, "columnNumber", n, constant_cell, "null");
	fputc('}', w->out);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void lib_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)arg;
	fprintf(w->out, "%" PRIu32, w->refs.used_libs.list[i]);
}

static void lib_name_cell(struct firefox *w, const void *arg, uint32_t i)
{
	(void)arg;
	put_string(w, file_name(intern_key(&w->refs.libs, w->refs.used_libs.list[i])));
}

static void put_resources(struct firefox *w)
{
	uint32_t n = w->refs.used_libs.n;

	fprintf(w->out, ",\n\"resourceTable\":{\"length\":%" PRIu32, n);
	put_column(w, "lib", n, lib_cell, NULL);
	put_column(w, "name", n, lib_name_cell, NULL);
	put_column(w, "host", n, constant_cell, "null");
	put_column(w, "type", n, constant_cell, "1"); /* a library */
	fputc('}', w->out);
}

static void put_strings(struct firefox *w)
{
	fputs(",\n\"stringArray\":[", w->out);
	for (uint32_t i = 0; i < w->strings.n; i++) {
		fputs(i ? ",\n" : "\n", w->out);
		json_stream_text(&w->json, intern_key(&w->strings, i));
	}
	fputc(']', w->out);
}

static void put_thread(struct firefox *w, uint32_t i)
{
	const struct profile_thread *t = &w->p->threads[i];
	const struct profile_thread *main =
		&w->p->threads[w->lanes->main_thread[w->lanes->process[i]]];

	fprintf(w->out, "{\"tid\":%" PRIu32 ",\"pid\":\"%" PRIu32 "\",\"isMainThread\":%s", t->tid,
		t->pid, main == t ? "true" : "false");
	json_stream_field(&w->json, "name", t->name);
	json_stream_field(&w->json, "processName", main->name);
	fputs(",\"processType\":\"default\",\"processStartupTime\":0,\"processShutdownTime\":null,"
	      "\"registerTime\":0,\"unregisterTime\":null,\"pausedRanges\":[],"
	      "\"markers\":{\"length\":0,\"category\":[],\"data\":[],\"endTime\":[],\"name\":[],"
	      "\"phase\":[],\"startTime\":[]},"
	      "\"nativeSymbols\":{\"length\":0,\"address\":[],\"functionSize\":[],\"libIndex\":[],"
	      "\"name\":[]}",
	      w->out);
	put_samples(w, report_lanes_thread(w->lanes, i)); /* first: it finds what is referred to */
	put_stacks(w);
	put_frames(w);
	put_funcs(w);
	put_resources(w);
	put_strings(w);
	fputc('}', w->out);
	firefox_refs_forget(&w->refs);
	intern_fini(&w->strings);
	w->strings = (struct intern){ 0 };
}

/* ---- the other counters ---- */

static void count_cell(struct firefox *w, const void *arg, uint32_t i)
{
	fprintf(w->out, "%" PRIu64, ((const struct lane *)arg)->rows[i].period);
}

static void put_counter(struct firefox *w, size_t process, size_t column, bool first)
{
	const struct lane *lane = report_lanes_process(w->lanes, w->p, process, column);
	uint32_t main = w->lanes->main_thread[process];

	fprintf(w->out, "%s{\"pid\":\"%" PRIu32 "\",\"mainThreadIndex\":%" PRIu32,
		first ? "\n" : ",\n", w->p->threads[main].pid, main);
	json_stream_field(&w->json, "name", w->p->columns[column].name);
	fputs(",\"category\":\"Counter\",\"description\":\"events, by their own samples\"", w->out);
	fprintf(w->out, ",\"samples\":{\"length\":%zu", lane->n);
	put_column(w, "timeDeltas", (uint32_t)lane->n, delta_cell, lane);
	put_column(w, "count", (uint32_t)lane->n, count_cell, lane);
	put_column(w, "number", (uint32_t)lane->n, constant_cell, "1");
	fputs("}}", w->out);
}

static void put_counters(struct firefox *w)
{
	bool first = true;

	for (size_t process = 0; process < w->lanes->n_processes; process++)
		for (size_t c = 0; c < w->p->n_columns; c++) {
			if (c == w->lanes->base ||
			    !report_lanes_process(w->lanes, w->p, process, c)->n)
				continue;
			put_counter(w, process, c, first);
			first = false;
		}
}

/* ---- the document ---- */

/* breakpad's form of a build-id: its first 16 bytes as a GUID, whose first three parts are
 * little-endian, and an age of 0. */
static void put_breakpad_id(struct firefox *w, const char *build_id)
{
	static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char text[2 * sizeof(order) + 2] = "";

	if (build_id && strlen(build_id) >= 2 * sizeof(order)) {
		for (size_t i = 0; i < sizeof(order); i++)
			memcpy(text + 2 * i, build_id + (size_t)2 * order[i], 2);
		for (char *c = text; *c; c++)
			*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
		text[sizeof(text) - 2] = '0';
	}
	json_stream_field(&w->json, "breakpadId", text);
}

static const char *build_id_of(const struct profile *p, const char *path)
{
	for (size_t i = 0; i < p->n_modules; i++)
		if (p->modules[i].path && strcmp(p->modules[i].path, path) == 0)
			return p->modules[i].build_id;
	return NULL;
}

static void put_libs(struct firefox *w)
{
	for (uint32_t i = 0; i < w->refs.libs.n; i++) {
		const char *path = intern_key(&w->refs.libs, i), *id = build_id_of(w->p, path);

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", w->out);
		json_stream_text(&w->json, file_name(path));
		json_stream_field(&w->json, "path", path);
		json_stream_field(&w->json, "debugName", file_name(path));
		json_stream_field(&w->json, "debugPath", path);
		put_breakpad_id(w, id);
		json_stream_field(&w->json, "codeId", id);
		json_stream_field(&w->json, "arch", w->p->info.arch);
		fputc('}', w->out);
	}
}

/* Milliseconds between samples: of a clock, its mean period. */
static double interval_ms(const struct profile *p)
{
	const struct profile_column *c = p->time_base >= 0 ? &p->columns[p->time_base] : NULL;

	if (!c || !c->nanoseconds || !c->total.samples)
		return 1;
	return (double)c->total.count / (double)c->total.samples / 1e6;
}

static void put_meta(struct firefox *w)
{
	const struct profile_info *info = &w->p->info;

	fprintf(w->out,
		"{\"meta\":{\"version\":24,\"preprocessedProfileVersion\":%d,\"processType\":0,"
		"\"interval\":%.6f,\"startTime\":%" PRId64 ",\"categories\":%s,"
		"\"markerSchema\":[],\"debug\":false,\"pausedRanges\":[],\"symbolicated\":true,"
		"\"extensions\":{\"length\":0,\"baseURL\":[],\"id\":[],\"name\":[]},"
		"\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"µs\"},"
		"\"usesOnlyOneStackType\":true,\"sourceCodeIsNotOnSearchfox\":true,"
		"\"importedFrom\":\"ruchy-analyze " RUCHY_VERSION "\"",
		FORMAT_VERSION, interval_ms(w->p),
		info->has_realtime ? info->start_realtime_ns / 1000000 : 0, categories);
	json_stream_field(&w->json, "product", info->command ? info->command : info->trace);
	json_stream_field(&w->json, "oscpu", info->kernel);
	json_stream_field(&w->json, "abi", info->arch);
	fputc('}', w->out);
}

static void put_document(struct firefox *w)
{
	put_meta(w);
	fputs(",\n\"libs\":[", w->out);
	put_libs(w);
	fputs("],\n\"pages\":[],\"profilerOverhead\":[],\n\"counters\":[", w->out);
	put_counters(w);
	fputs("],\n\"threads\":[", w->out);
	for (uint32_t i = 0; i < w->p->n_threads; i++) {
		fputs(i ? ",\n" : "\n", w->out);
		put_thread(w, i);
	}
	fputs("]}\n", w->out);
}

int report_firefox_document(const struct profile *p, const struct report_lanes *lanes, FILE *out)
{
	struct firefox w = { .p = p, .lanes = lanes, .out = out, .json = { .out = out } };

	if (firefox_refs_init(&w.refs, p) == 0)
		put_document(&w);
	w.json.failed |= w.refs.failed || !w.refs.chain;
	firefox_refs_fini(&w.refs);
	intern_fini(&w.strings);
	json_stream_fini(&w.json);
	return w.json.failed ? RUCHY_E_NOMEM : 0;
}

static int write_firefox(const struct profile *p, const struct report_options *options, FILE *out,
			 struct ruchy_error *err)
{
	struct report_lanes lanes;
	int rc = report_lanes_init(&lanes, p);
	FILE *gzip = rc < 0 ? NULL : gzip_open(out);

	(void)options;
	if (rc == 0 && !gzip)
		rc = RUCHY_E_NOMEM;
	if (rc == 0)
		rc = report_firefox_document(p, &lanes, gzip);
	if (gzip && gzip_close(gzip) == EOF && rc == 0)
		rc = RUCHY_E_SYS;
	report_lanes_fini(&lanes);
	return rc < 0 ? ruchy_error_set(err, rc, "firefox: %s", ruchy_error_name(rc)) : 0;
}

const struct report_ops report_firefox = { .name = "firefox", .write = write_firefox };
