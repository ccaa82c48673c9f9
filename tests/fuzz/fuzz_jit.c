/* SPDX-License-Identifier: MIT */
/* The input is a perf map, kallsyms, and a jitdump in pieces of its first byte's size. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "analyze/process/jitdump.h"
#include "analyze/symbolize/symbol_names.h"
#include "analyze/symbolize/symbolize_jit.h"
#include "analyze/symbolize/symbolize_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_code(void *arg, const struct jitdump_code *c)
{
	if (!c->size || c->start + c->size < c->start)
		abort();
	return c->name ? symbolize_jit_add_code(arg, 1, c->offset, c->size, c->name) : 0;
}

static int take_line(void *arg, const struct jitdump_line *l)
{
	return symbolize_jit_add_line(arg, 1, l->offset, l->file, l->line);
}

static void ask(const struct symbolize_jit *j, enum module_kind kind, size_t upto)
{
	struct module m = { .kind = kind, .pid = 1 };

	for (uint64_t at = 0; at < upto; at += 7) {
		struct symbol symbol = { 0 };

		if (symbolize_jit_find(j, &m, at, &symbol) && !symbol.function)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_names *names = symbol_names_new();
	struct symbolize_jit *j = symbolize_jit_new(names);
	struct symbolize_kernel *k = symbolize_kernel_new(names);
	const struct jitdump_sink sink = { take_code, take_line, j };
	struct jitdump *dump = jitdump_new(&sink);
	size_t step = size ? 1 + (size_t)data[0] * 16 : 1;
	const char *name;
	uint64_t start;

	for (size_t at = 0; at < size; at += step)
		if (jitdump_add(dump, at, data + at, size - at < step ? size - at : step))
			abort();
	if (symbolize_jit_add_map(j, 1, (const char *)data, size) ||
	    symbolize_kernel_add(k, (const char *)data, size) || symbolize_jit_finish(j))
		abort();
	ask(j, MODULE_ANON, 4096);
	ask(j, MODULE_JIT, size);
	for (uint64_t at = 0; at < 4096; at += 61)
		if (symbolize_kernel_find(k, at, &name, &start))
			abort();
	jitdump_free(dump);
	symbolize_kernel_free(k);
	symbolize_jit_free(j);
	symbol_names_free(names);
	return 0;
}
