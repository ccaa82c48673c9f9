/* SPDX-License-Identifier: MIT */
/*
 * Which file a module opens, and which it refuses; separate debug files; and ELF files that are
 * cut or damaged anywhere. The files are copies of this very program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/process/module_search.h"
#include "analyze/symbolize/symbolize.h"
#include "analyze/unwind/cfi_rows.h"
#include "ruchy/bytes.h"

static char dir[64];
static char self[512];
static uint8_t self_id[32];
static size_t self_id_size;

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int setup_dir(void **state)
{
	struct module_elf *elf;
	const uint8_t *id;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd;

	(void)state;
	strcpy(dir, "/tmp/test_module.XXXXXX");
	if (n < 0 || !mkdtemp(dir))
		return -1;
	fd = module_elf_open_regular(self, NULL);
	if (fd < 0 || module_elf_open(fd, self, NULL, &elf, NULL))
		return -1;
	self_id_size = module_elf_build_id(elf, &id);
	memcpy(self_id, id, self_id_size);
	module_elf_free(elf);
	return run("cp '%s' %s/copy", self, dir);
}

static int teardown_dir(void **state)
{
	(void)state;
	return run("rm -rf %s", dir);
}

/* Open the module once; its status. `ret_reason` is a copy of the reason, "" none. */
static enum module_status open_module(const char *symfs, const char *path, const uint8_t *id,
				      size_t id_size, char *ret_reason, size_t size)
{
	const struct module_search search = { .sysroots = &symfs, .n_sysroots = symfs != NULL };
	struct module_table *t = module_table_new(&search);
	struct module *m = module_table_get(t, MODULE_FILE, path, id, id_size);
	enum module_status status;
	bool ok;

	assert_non_null(m);
	ok = module_open(t, m);
	status = m->status;
	assert_int_equal(ok, status == MODULE_OPEN);
	assert_int_equal(ok, m->elf != NULL);
	assert_int_equal(ok, m->reason == NULL);
	assert_int_equal(module_open(t, m), ok); /* tried once, known for good */
	snprintf(ret_reason, size, "%s", m->reason ? m->reason : "");
	module_table_free(t);
	return status;
}

static void test_open_policy(void **state)
{
	char reason[600], path[300];
	uint8_t other[20] = { 1, 2, 3 };

	(void)state;
	assert_int_equal(open_module(NULL, in_dir("copy"), NULL, 0, reason, sizeof(reason)),
			 MODULE_OPEN);
	assert_int_equal(open_module(NULL, in_dir("none"), NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	assert_non_null(strstr(reason, "not found"));
	assert_int_equal(open_module(NULL, dir, NULL, 0, reason, sizeof(reason)), MODULE_MISSING);
	assert_non_null(strstr(reason, "not a regular file"));
	assert_int_equal(open_module(NULL, "/dev/zero", NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	/* opening it to read would wait for a writer */
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(open_module(NULL, in_dir("fifo"), NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	assert_int_equal(open_module(NULL, "relative/path", NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	assert_int_equal(run("echo text > %s/text", dir), 0);
	assert_int_equal(open_module(NULL, in_dir("text"), NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	assert_non_null(strstr(reason, "not an ELF file"));
	assert_int_equal(open_module(NULL, in_dir("copy"), other, 20, reason, sizeof(reason)),
			 MODULE_REFUSED);
	assert_non_null(strstr(reason, "010203"));
	/* deleted: only the build-id can tell that it is the same file after all */
	snprintf(path, sizeof(path), "%s/copy (deleted)", dir);
	assert_int_equal(open_module(NULL, path, NULL, 0, reason, sizeof(reason)), MODULE_MISSING);
	assert_int_equal(open_module(NULL, path, other, 20, reason, sizeof(reason)),
			 MODULE_REFUSED);
	if (!self_id_size)
		return;
	assert_int_equal(open_module(NULL, path, self_id, self_id_size, reason, sizeof(reason)),
			 MODULE_OPEN);
	assert_int_equal(
		open_module(NULL, in_dir("copy"), self_id, self_id_size, reason, sizeof(reason)),
		MODULE_OPEN);
}

static void test_open_padded_build_id(void **state)
{
	uint8_t padded[20] = { 0 };
	char reason[600];

	(void)state;
	if (run("objcopy --version >/dev/null 2>&1") || self_id_size != 20) {
		print_message("SKIP: no objcopy here\n");
		skip();
	}
	/* an 8-byte build-id, as lld's --build-id=fast makes */
	assert_int_equal(
		run("printf '\\4\\0\\0\\0\\10\\0\\0\\0\\3\\0\\0\\0GNU\\0abcdefgh' > %s/note && "
		    "objcopy --update-section .note.gnu.build-id=%s/note %s/copy %s/short "
		    "2>/dev/null",
		    dir, dir, dir, dir),
		0);
	memcpy(padded, "abcdefgh", 8);
	assert_int_equal(open_module(NULL, in_dir("short"), padded, 8, reason, sizeof(reason)),
			 MODULE_OPEN);
	assert_int_equal(open_module(NULL, in_dir("short"), padded, 20, reason, sizeof(reason)),
			 MODULE_OPEN);
	padded[19] = 1;
	assert_int_equal(open_module(NULL, in_dir("short"), padded, 20, reason, sizeof(reason)),
			 MODULE_REFUSED);
	/* no build-id in the file, one in the trace */
	assert_int_equal(run("objcopy -R .note.gnu.build-id %s/copy %s/without", dir, dir), 0);
	assert_int_equal(open_module(NULL, in_dir("without"), self_id, 20, reason, sizeof(reason)),
			 MODULE_REFUSED);
	assert_non_null(strstr(reason, "no build-id"));
}

static void test_open_symfs(void **state)
{
	char reason[600], symfs[100];
	uint8_t other[20] = { 1, 2, 3 };

	(void)state;
	snprintf(symfs, sizeof(symfs), "%s/root", dir);
	assert_int_equal(
		run("mkdir -p %s/usr/bin && cp %s/copy %s/usr/bin/tool && cp %s/copy %s/flat",
		    symfs, dir, symfs, dir, symfs),
		0);
	assert_int_equal(open_module(symfs, "/usr/bin/tool", NULL, 0, reason, sizeof(reason)),
			 MODULE_OPEN);
	assert_int_equal(open_module(symfs, "/opt/else/flat", NULL, 0, reason, sizeof(reason)),
			 MODULE_OPEN);
	assert_int_equal(open_module(symfs, "/opt/else/none", NULL, 0, reason, sizeof(reason)),
			 MODULE_MISSING);
	/* the wrong build below symfs, the right one outside */
	assert_int_equal(run("cp /bin/true %s/copy", symfs), 0);
	if (self_id_size) {
		assert_int_equal(open_module(symfs, in_dir("copy"), self_id, self_id_size, reason,
					     sizeof(reason)),
				 MODULE_OPEN);
		assert_int_equal(
			open_module(symfs, in_dir("copy"), other, 20, reason, sizeof(reason)),
			MODULE_REFUSED);
	}
}

static void test_table_tells_builds_apart(void **state)
{
	struct module_table *t = module_table_new(NULL);
	uint8_t id[20] = { 1 };
	struct module *a = module_table_get(t, MODULE_FILE, "/a", NULL, 0);
	struct module *b = module_table_get(t, MODULE_FILE, "/a", id, 20);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(a, module_table_get(t, MODULE_FILE, "/a", NULL, 0));
	assert_ptr_not_equal(a, module_table_get(t, MODULE_ANON, "/a", NULL, 0));
	for (int i = 0; i < 1000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/lib/%d", i);
		module_table_get(t, MODULE_FILE, path, NULL, 0);
	}
	assert_ptr_equal(b, module_table_get(t, MODULE_FILE, "/a", id, 20));
	assert_int_equal(module_table_count(t), 1003);
	assert_ptr_equal(module_table_at(t, b->id), b);
	assert_null(module_table_at(t, 1003));
	assert_string_equal(module_table_at(t, 1002)->name, "999");
	module_table_free(t);
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	uint8_t *bytes;
	long size;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	bytes = malloc((size_t)size);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)size, f), size);
	fclose(f);
	*ret_size = (size_t)size;
	return bytes;
}

static void test_vdso_from_the_trace(void **state)
{
	struct module_table *t = module_table_new(NULL), *without = module_table_new(NULL);
	struct module *m = module_table_get(t, MODULE_VDSO, "[vdso]", NULL, 0);
	uint64_t address;
	uint8_t *image;
	size_t size;

	(void)state;
	image = read_file(in_dir("copy"), &size);
	assert_int_equal(module_table_set_vdso(t, image, size), 0);
	free(image);
	assert_true(module_open(t, m));
	assert_true(module_address(m, 0x40, &address));
	assert_false(module_address(m, 1ull << 40, &address));
	m = module_table_get(without, MODULE_VDSO, "[vdso]", NULL, 0);
	assert_false(module_open(without, m));
	assert_int_equal(m->status, MODULE_MISSING);
	module_table_free(t);
	module_table_free(without);
}

/* ---- separate debug files ---- */

__attribute__((noinline, used)) static int a_function_to_find(int n)
{
	return n + 1;
}

/* The name and file of a_function_to_find in `path`, which is a copy of this program. */
static void find_function(const char *path, struct symbol *ret, char *ret_name, size_t size)
{
	struct module_table *t = module_table_new(NULL);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct module *m = module_table_get(t, MODULE_FILE, path, NULL, 0);
	struct stack_frame frame = { .module = m->id };
	struct symbol_list list;
	uint64_t base = 0;
	unsigned long start, end, offset;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	/* from our own run-time address to the link-time one */
	assert_non_null(maps);
	while (!base && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    (uintptr_t)a_function_to_find >= start && (uintptr_t)a_function_to_find < end)
			base = start - offset;
	fclose(maps);
	assert_true(base && module_open(t, m));
	assert_true(module_address(m, (uintptr_t)a_function_to_find - base, &frame.address));
	frame.address++;
	assert_int_equal(symbolizer_run(s, &frame, 1, &list), 0);
	*ret = list.symbols[list.n_symbols - 1];
	snprintf(ret_name, size, "%s", ret->function);
	symbolizer_free(s);
	module_table_free(t);
}

static void test_debug_file_by_link(void **state)
{
	struct symbol symbol;
	char name[256];

	(void)state;
	if (run("objcopy --version >/dev/null 2>&1")) {
		print_message("SKIP: no objcopy here\n");
		skip();
	}
	assert_int_equal(
		run("cd %s && mkdir -p .debug && objcopy --only-keep-debug copy .debug/copy.dbg && "
		    "strip -o stripped copy && objcopy --add-gnu-debuglink=.debug/copy.dbg "
		    "stripped "
		    "linked",
		    dir),
		0);
	find_function(in_dir("stripped"), &symbol, name, sizeof(name));
	assert_false(symbol.named);
	assert_non_null(strstr(name, "stripped+0x"));
	find_function(in_dir("linked"), &symbol, name, sizeof(name));
	assert_string_equal(name, "a_function_to_find");
	assert_true(symbol.line > 0);
	/* the CRC or build-id must fit: another program's debug file names nothing */
	assert_int_equal(run("cd %s && cp /bin/true .debug/copy.dbg", dir), 0);
	find_function(in_dir("linked"), &symbol, name, sizeof(name));
	assert_false(symbol.named);
	/* and a FIFO in its place is not waited for */
	assert_int_equal(run("cd %s && rm .debug/copy.dbg && mkfifo .debug/copy.dbg", dir), 0);
	find_function(in_dir("linked"), &symbol, name, sizeof(name));
	assert_false(symbol.named);
}

/* ---- damaged files ---- */

/* Everything that we ask of an ELF file, of bytes that may be none. */
static void exercise(const uint8_t *bytes, size_t size)
{
	struct module_table *t = module_table_new(NULL);
	struct module *m = module_table_get(t, MODULE_VDSO, "[vdso]", NULL, 0);
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	struct stack_frame frames[64];
	struct symbol_list lists[64];
	struct cfi_rows *rows;
	uint64_t entry;

	module_table_set_vdso(t, bytes, size);
	if (module_open(t, m)) {
		entry = module_elf_entry(m->elf);
		rows = cfi_rows_new(m->elf, &arch_x86_64, NULL);
		for (size_t i = 0; i < 64; i++) {
			frames[i] =
				(struct stack_frame){ .module = m->id, .address = entry + i * 97 };
			assert_non_null(cfi_rows_find(rows, frames[i].address));
		}
		if (entry + 64 * 97 > entry)
			assert_int_equal(symbolizer_run(s, frames, 64, lists), 0);
		cfi_rows_free(rows);
	}
	symbolizer_free(s);
	module_table_free(t);
}

/* A small program with DWARF; NULL: no compiler here. */
static uint8_t *small_elf(size_t *ret_size)
{
	if (run("cd %s && printf 'static inline int f(int x){return x*x;}\\n"
		"int main(int c,char**v){(void)v;return f(c)+f(c+1);}\\n' > small.c && "
		"cc -g -O1 -o small small.c 2>/dev/null",
		dir))
		return NULL;
	return read_file(in_dir("small"), ret_size);
}

static void test_cut_files(void **state)
{
	size_t size;
	uint8_t *bytes = small_elf(&size);

	(void)state;
	if (!bytes) {
		print_message("SKIP: no compiler here\n");
		skip();
	}
	exercise(bytes, size);
	for (size_t n = 0; n < size; n += 1 + n / 16)
		exercise(bytes, n);
	free(bytes);
}

static void test_damaged_files(void **state)
{
	uint8_t *bytes, *damaged;
	uint32_t seed = 4711;
	size_t size;

	(void)state;
	bytes = small_elf(&size);
	if (!bytes) {
		print_message("SKIP: no compiler here\n");
		skip();
	}
	damaged = malloc(size);
	assert_non_null(damaged);
	for (int round = 0; round < 200; round++) {
		memcpy(damaged, bytes, size);
		/* headers at the front, or anything: a bit here, a run of ones there */
		for (int i = 0; i < 8; i++) {
			size_t limit = round % 2 ? size : 1024, at;

			seed = seed * 1664525 + 1013904223;
			at = (seed >> 8) % limit;
			if (seed & 1)
				damaged[at] ^= (uint8_t)(1u << (seed >> 29));
			else
				memset(damaged + at, 0xff, size - at < 4 ? size - at : 4);
		}
		memcpy(damaged, bytes, 18); /* it shall be opened */
		exercise(damaged, size);
	}
	free(damaged);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_policy),
		cmocka_unit_test(test_open_padded_build_id),
		cmocka_unit_test(test_open_symfs),
		cmocka_unit_test(test_table_tells_builds_apart),
		cmocka_unit_test(test_vdso_from_the_trace),
		cmocka_unit_test(test_debug_file_by_link),
		cmocka_unit_test(test_cut_files),
		cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests(tests, setup_dir, teardown_dir);
}
