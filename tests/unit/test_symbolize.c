/* SPDX-License-Identifier: MIT */
/*
 * Names, inlined calls and lines: against addr2line of binutils, which shares no code with libdw,
 * for every fourth byte of a C++ program; kallsyms, aliases and nameless code case by case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/demangle.h"
#include "analyze/symbolize/symbolize.h"

#define MAX_CHAIN     16
#define MAX_ADDRESSES 4096

static char dir[64];

static const char program[] =
	"#include <vector>\n"
	"#include <algorithm>\n"
	"#include <cstdio>\n"
	"namespace outer { namespace {\n"
	"struct Less { bool operator()(int a, int b) const { return a > b; } };\n"
	"static inline int square(int x) {\n"
	"	return x * x + (x >> 3);\n"
	"}\n"
	"static inline int twice(int x) { return square(x) + square(x + 1); }\n"
	"} }\n"
	"template <class T> __attribute__((noinline)) T total(const std::vector<T> &v) {\n"
	"	T t = 0;\n"
	"	for (T x : v)\n"
	"		t += outer::twice((int)x);\n"
	"	return t;\n"
	"}\n"
	"int main(int argc, char **) {\n"
	"	std::vector<int> v;\n"
	"	for (int i = 0; i < 100 * argc; i++)\n"
	"		v.push_back(i * 7919 % 101);\n"
	"	std::sort(v.begin(), v.end(), outer::Less());\n"
	"	auto shift = [&](int by) { for (auto &x : v) x += by; };\n"
	"	shift(argc);\n"
	"	std::printf(\"%d\\n\", total(v));\n"
	"	return 0;\n"
	"}\n";

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static int setup_dir(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	strcpy(dir, "/tmp/test_symbolize.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/program.cpp", dir);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(program, f);
	return fclose(f);
}

static int teardown_dir(void **state)
{
	(void)state;
	return run("rm -rf %s", dir);
}

/* ---- the oracle ---- */

struct chain {
	size_t n;
	struct {
		char function[512], place[300];
	} calls[MAX_CHAIN];
};

/* addr2line's answer for one address: pairs of lines until the next "0x". */
static bool read_chain(FILE *f, char *line, size_t size, struct chain *c)
{
	char *readable;

	c->n = 0;
	while (fgets(line, (int)size, f) && strncmp(line, "0x", 2) != 0) {
		line[strcspn(line, "\n")] = 0;
		readable = demangle(line);
		assert_non_null(readable);
		assert_true(c->n < MAX_CHAIN);
		snprintf(c->calls[c->n].function, sizeof(c->calls[0].function), "%s", readable);
		free(readable);
		assert_non_null(fgets(line, (int)size, f));
		/* "file:line (discriminator 3)" */
		line[strcspn(line, "\n ")] = 0;
		snprintf(c->calls[c->n].place, sizeof(c->calls[0].place), "%.299s", line);
		c->n++;
	}
	return c->n;
}

/* "dir/../dir/file" and "dir/file" are one: compare last components. */
static bool same_place(const char *want, const struct symbol *got)
{
	const char *slash = strrchr(want, '/');
	char text[300];
	const char *file = got->file ? strrchr(got->file, '/') : NULL;

	snprintf(text, sizeof(text), "%s:%u", file ? file + 1 : "??", got->line);
	if (!strcmp(slash ? slash + 1 : want, text))
		return true;
	/* "?" stands for line 0 */
	return strstr(want, ":?") && got->line == 0;
}

/* addr2line does not qualify names that have no linkage name, so a part is enough. For some
 * innermost calls it gives the ELF symbol around them instead; and the outermost function it names
 * by DW_AT_name, where we have the whole ELF symbol. */
static bool same_function(const struct chain *want, size_t i, const char *got)
{
	const char *name = want->calls[i].function, *outer = want->calls[want->n - 1].function;
	char identifier[512];

	if (strstr(got, name) || (!i && !strcmp(name, outer)))
		return true;
	snprintf(identifier, sizeof(identifier), "%.*s", (int)strcspn(name, "<("), name);
	return i + 1 == want->n && strstr(got, identifier);
}

static bool same_chain(const struct chain *want, const struct symbol_list *got)
{
	if (want->n != got->n_symbols)
		return false;
	for (size_t i = 0; i < want->n; i++) {
		const struct symbol *s = &got->symbols[i];

		if (s->inlined != (i + 1 < want->n) || !same_place(want->calls[i].place, s))
			return false;
		if (!same_function(want, i, s->function))
			return false;
	}
	return true;
}

static void report_difference(uint64_t address, const struct chain *want,
			      const struct symbol_list *got)
{
	print_error("at %#lx\n", (unsigned long)address);
	for (size_t i = 0; i < want->n; i++)
		print_error("  want %s %s\n", want->calls[i].function, want->calls[i].place);
	for (size_t i = 0; i < got->n_symbols; i++)
		print_error("  got  %s %s:%u\n", got->symbols[i].function,
			    got->symbols[i].file ? got->symbols[i].file : "-",
			    got->symbols[i].line);
}

/* Addresses of the functions that the program's own source makes. */
static size_t pick_addresses(const char *path, struct stack_frame *frames)
{
	char command[512], line[512];
	unsigned long start, size;
	size_t n = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "nm -n -S %s | grep -E ' [tTwW] (main|_Z.*(total|sort|push_back|insert|append))'",
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %lx", &start, &size) == 2)
			for (unsigned long at = start; at < start + size && n < MAX_ADDRESSES;
			     at += 4)
				frames[n++] = (struct stack_frame){ .address = at };
	pclose(f);
	return n;
}

static size_t compare(const char *oracle, const char *path, const struct stack_frame *frames,
		      const struct symbol_list *lists, size_t n)
{
	char name[128], command[512], line[4096];
	struct chain chain;
	size_t wrong = 0;
	FILE *f;

	snprintf(name, sizeof(name), "%s/addresses", dir);
	f = fopen(name, "w");
	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%lx\n", (unsigned long)frames[i].address);
	fclose(f);
	snprintf(command, sizeof(command), "%s -a -f -i -e %s < %s", oracle, path, name);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f)); /* the first "0x..." */
	for (size_t i = 0; i < n; i++) {
		assert_true(read_chain(f, line, sizeof(line), &chain));
		if (same_chain(&chain, &lists[i]))
			continue;
		if (wrong++ < 3)
			report_difference(frames[i].address, &chain, &lists[i]);
	}
	pclose(f);
	return wrong;
}

static void check_build(const char *oracle, const char *flags)
{
	static struct stack_frame frames[MAX_ADDRESSES];
	static struct symbol_list lists[MAX_ADDRESSES];
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct module *m;
	char path[128];
	size_t n, wrong, inlined = 0;

	snprintf(path, sizeof(path), "%s/program", dir);
	assert_int_equal(run("cd %s && %s -o program program.cpp 2>&1", dir, flags), 0);
	m = module_table_get(t, MODULE_FILE, path, NULL, 0);
	n = pick_addresses(path, frames);
	assert_true(n > 50);
	for (size_t i = 0; i < n; i++)
		frames[i].module = m->id;
	assert_int_equal(symbolizer_run(s, frames, n, lists), 0);
	for (size_t i = 0; i < n; i++)
		inlined += lists[i].n_symbols > 1;
	wrong = compare(oracle, path, frames, lists, n);
	print_message("%s, %s: %zu addresses, %zu with inlined calls, %zu differ\n", oracle, flags,
		      n, inlined, wrong);
	assert_true(inlined > 10);
	/* addr2line takes another line where two rows are at one address */
	assert_true(wrong * 200 <= n);
	symbolizer_free(s);
	module_table_free(t);
}

static void test_inlines_and_lines_equal_addr2line(void **state)
{
	(void)state;
	if (run("addr2line --version >/dev/null 2>&1 && g++ --version >/dev/null 2>&1")) {
		print_message("SKIP: no addr2line or no g++ here\n");
		skip();
	}
	check_build("addr2line", "g++ -O2 -g -gdwarf-5");
	check_build("addr2line", "g++ -O2 -g -gdwarf-4 -fno-pie -no-pie");
	check_build("addr2line", "g++ -O1 -g -flto");
	if (run("clang++ --version >/dev/null 2>&1"))
		return;
	check_build("addr2line", "clang++ -O2 -g -gdwarf-4");
	/* addr2line 2.40 does not read clang's DWARF 5 */
	if (!run("llvm-addr2line --version >/dev/null 2>&1"))
		check_build("llvm-addr2line", "clang++ -O2 -g -gdwarf-5");
}

/* ---- names without DWARF ---- */

static void test_stripped_names_by_fde(void **state)
{
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct stack_frame frames[2];
	struct symbol_list lists[2];
	unsigned long start, size;
	char path[128], line[256];
	struct module *m;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/stripped", dir);
	/* static: no .eh_frame_hdr, so .eh_frame itself has to be read */
	if (run("cd %s && g++ -O2 -static -o whole program.cpp 2>/dev/null && strip -o stripped "
		"whole",
		dir)) {
		print_message("SKIP: no static g++ here\n");
		skip();
	}
	snprintf(line, sizeof(line), "nm -S %s/whole | grep ' main$'", dir);
	f = popen(line, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "%lx %lx", &start, &size), 2);
	pclose(f);
	m = module_table_get(t, MODULE_FILE, path, NULL, 0);
	frames[0] = (struct stack_frame){ .module = m->id, .address = 16 };
	frames[1] = (struct stack_frame){ .module = m->id, .address = start + 5 };
	assert_int_equal(symbolizer_run(s, frames, 2, lists), 0);
	assert_string_equal(lists[0].symbols[0].function, "[unknown]");
	assert_false(lists[0].symbols[0].named);
	snprintf(line, sizeof(line), "stripped+0x%lx", start);
	assert_string_equal(lists[1].symbols[0].function, line);
	assert_int_equal(lists[1].symbols[0].address, start);
	assert_false(lists[1].symbols[0].named);
	symbolizer_free(s);
	module_table_free(t);
}

/* A file whose symbols say how to choose: sizes, binding, types, and the end of a section. */
static const char assembly[] =
	".text\n"
	".globl strong; .weak feeble; .type strong,@function; .type feeble,@function; .type "
	"mine,@function\n"
	".globl __strong; .type __strong,@function; .size __strong,4\n"
	"__strong: feeble: strong: mine: nop; nop; nop; nop\n"
	".size strong,4; .size feeble,4; .size mine,4\n"
	"nop; nop; nop; nop\n"       /* + 4: in no sized symbol */
	"bare: nop; nop; nop; nop\n" /* + 8: no type, no size */
	".type big,@function; .type small,@function\n"
	"big: nop; nop\n"      /* + 12 */
	"small: nop; nop\n"    /* + 14 */
	"nop; nop; nop; nop\n" /* + 16: after small, still in big */
	".size small,2; .size big,8\n"
	".globl _start\n"
	"_start: nop; nop; nop; nop\n" /* + 20: reaches to the section's end */
	".section .other,\"ax\"\n"
	"nop; nop; nop; nop\n";

static void test_elf_symbol_choice(void **state)
{
	static const struct {
		uint64_t offset;
		const char *name;
	} cases[] = {
		{ 0, "strong" }, { 3, "strong" },  { 4, NULL },      { 8, "bare" },
		{ 11, "bare" },  { 12, "big" },    { 14, "small" },  { 15, "small" },
		{ 16, "big" },   { 20, "_start" }, { 23, "_start" }, { 24, NULL },
	};
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct symbol_list list;
	struct module *m;
	char path[128];
	uint64_t text;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/symbols.s", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(assembly, f);
	fclose(f);
	if (run("cd %s && gcc -nostdlib -static -Wl,--section-start=.text=0x401000 -o symbols "
		"symbols.s "
		"2>/dev/null",
		dir)) {
		print_message("SKIP: no gcc here\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/symbols", dir);
	m = module_table_get(t, MODULE_FILE, path, NULL, 0);
	text = 0x401000;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stack_frame frame = { .module = m->id, .address = text + cases[i].offset };

		assert_int_equal(symbolizer_run(s, &frame, 1, &list), 0);
		assert_string_equal(list.symbols[0].function,
				    cases[i].name ? cases[i].name : "[unknown]");
		assert_int_equal(list.symbols[0].named, cases[i].name != NULL);
	}
	symbolizer_free(s);
	module_table_free(t);
}

static void test_kallsyms(void **state)
{
	static const char first[] =
		"ffffffff81000000 T _text\nffffffff81000000 T startup_64\n"
		"ffffffff81000100 D data_symbol\nffffffff81000200 t local_one\n";
	static const char second[] =
		"ffffffffc0000000 t in_module\t[ext4]\n0000000000000000 T hidden\n"
		"garbage\n\nffffffff81000300 W weak_one\nffffffff810003\n"
		"ffffffff81000400 T bad\x1b[2Jname";
	static const struct {
		uint64_t address;
		const char *name;
		uint64_t start;
	} cases[] = {
		{ 0x1000, "[unknown]", 0 },
		{ 0xffffffff81000000, "_text", 0xffffffff81000000 },
		{ 0xffffffff81000150, "_text", 0xffffffff81000000 },
		{ 0xffffffff81000200, "local_one", 0xffffffff81000200 },
		{ 0xffffffff810003ff, "weak_one", 0xffffffff81000300 },
		{ 0xffffffff81000401, "bad?[2Jname", 0xffffffff81000400 },
		{ 0xffffffff90000000, "[unknown]", 0 },
		{ 0xffffffffc0000010, "in_module", 0xffffffffc0000000 },
	};
	struct stack_frame frames[sizeof(cases) / sizeof(cases[0])];
	struct symbol_list lists[sizeof(cases) / sizeof(cases[0])];
	size_t n = sizeof(cases) / sizeof(cases[0]);
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct module *m = module_table_get(t, MODULE_KERNEL, "[kernel.kallsyms]", NULL, 0);

	(void)state;
	assert_int_equal(symbolizer_add_kallsyms(s, first, strlen(first)), 0);
	assert_int_equal(symbolizer_add_kallsyms(s, second, strlen(second)), 0);
	for (size_t i = 0; i < n; i++)
		frames[i] = (struct stack_frame){ m->id, STACK_FRAME_KERNEL, cases[i].address, 0 };
	assert_int_equal(symbolizer_run(s, frames, n, lists), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(lists[i].n_symbols, 1);
		assert_string_equal(lists[i].symbols[0].function, cases[i].name);
		assert_int_equal(lists[i].symbols[0].address, cases[i].start);
		assert_int_equal(lists[i].symbols[0].named, cases[i].name[0] != '[');
	}
	symbolizer_free(s);
	module_table_free(t);
}

/* Every frame gets an answer: of no module, of a missing file, twice the same address. */
static void test_frames_without_names(void **state)
{
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct module *m = module_table_get(t, MODULE_FILE, "/nowhere/lib.so", NULL, 0);
	struct module *jit = module_table_get(t, MODULE_ANON, "//anon", NULL, 0);
	struct stack_frame frames[] = {
		{ m->id, 0, 1, 0 },   { m->id, 0, 1, 0 },       { m->id, STACK_FRAME_RETURN, 2, 0 },
		{ jit->id, 0, 5, 0 }, { MODULE_NONE, 0, 7, 0 },
	};
	struct symbol_list lists[5];

	(void)state;
	assert_int_equal(symbolizer_run(s, frames, 5, lists), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(lists[i].n_symbols, 1);
		assert_string_equal(lists[i].symbols[0].function, "[unknown]");
		assert_false(lists[i].symbols[0].named);
		assert_false(lists[i].symbols[0].inlined);
	}
	assert_int_equal(symbolizer_run(s, frames, 0, lists), 0);
	symbolizer_free(s);
	module_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inlines_and_lines_equal_addr2line),
		cmocka_unit_test(test_stripped_names_by_fde),
		cmocka_unit_test(test_elf_symbol_choice),
		cmocka_unit_test(test_kallsyms),
		cmocka_unit_test(test_frames_without_names),
	};

	return cmocka_run_group_tests(tests, setup_dir, teardown_dir);
}
