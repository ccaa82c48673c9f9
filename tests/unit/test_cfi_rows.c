/* SPDX-License-Identifier: MIT */
/*
 * CFI rows against an oracle that shares no code with libdw: every row that
 * `readelf --debug-dump=frames-interp` prints of some system files and of this program, and of the
 * files of another machine (those of the lab's sysroot, see tests/pmu-lab/fetch.sh).
 *
 * With arguments, of those files instead: tests/unwind/cfi.sh gives it all that are worth it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/unwind/cfi_rows.h"
#include "analyze/unwind/cfi_step.h"

#define MAX_COLUMNS 80

/* A row as readelf prints it. */
struct oracle_row {
	uint64_t start, end;
	char cfa[24];
	unsigned n_columns;
	struct {
		int column; /* DWARF number */
		char rule[12];
	} columns[MAX_COLUMNS];
};

/* What readelf calls the registers, by DWARF number (System V ABI AMD64, figure 3.36; DWARF for the
 * Arm 64-bit Architecture, §4.1). */
static const char *const names_x86_64[ARCH_MAX_COLUMNS] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15", "ra",
};

static const char *const names_aarch64[ARCH_MAX_COLUMNS] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
	"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
	"x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "ra",  "sp",  NULL,
};

static const struct machine {
	const struct arch *arch;
	const char *const *names;
	const char *readelf;
} machines[] = {
	{ &arch_x86_64, names_x86_64, "readelf" },
	{ &arch_aarch64, names_aarch64, "aarch64-linux-gnu-readelf" },
};

static const struct machine *machine_of(unsigned elf_machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].arch->elf_machine == elf_machine)
			return &machines[i];
	return NULL;
}

/* -1: none of the columns that we keep, such as v0. */
static int column_of(const struct machine *m, const char *name)
{
	for (unsigned i = 0; i < m->arch->n_columns; i++)
		if (m->names[i] && !strcmp(name, m->names[i]))
			return (int)i;
	return -1;
}

/* "   LOC           CFA      rbx   ra": the columns of the rows that follow. */
static void read_columns(const struct machine *m, char *line, struct oracle_row *row)
{
	char *save, *word = strtok_r(line, " \n", &save);

	row->n_columns = 0;
	while (word && row->n_columns < MAX_COLUMNS) {
		if (strcmp(word, "LOC") != 0 && strcmp(word, "CFA") != 0)
			row->columns[row->n_columns++].column = column_of(m, word);
		word = strtok_r(NULL, " \n", &save);
	}
}

static void read_row(char *line, struct oracle_row *row)
{
	char *save, *word = strtok_r(line, " \n", &save);

	row->start = strtoull(word, NULL, 16);
	word = strtok_r(NULL, " \n", &save);
	snprintf(row->cfa, sizeof(row->cfa), "%s", word);
	word = strtok_r(NULL, " \n", &save);
	for (unsigned i = 0; i < row->n_columns; i++) {
		assert_non_null(word);
		snprintf(row->columns[i].rule, sizeof(row->columns[i].rule), "%s", word);
		word = strtok_r(NULL, " \n", &save);
		/* "r1 (rdx)": in another register; its name is the second word */
		if (word && word[0] == '(') {
			snprintf(row->columns[i].rule, sizeof(row->columns[i].rule), "%.*s",
				 (int)strcspn(word + 1, ")"), word + 1);
			word = strtok_r(NULL, " \n", &save);
		}
	}
}

/* Our rule of a column in readelf's words. */
static void print_rule(const struct machine *m, const struct cfi_row *row, int column, char *text,
		       size_t size)
{
	snprintf(text, size, "s");
	for (unsigned i = 0; i < row->n_rules; i++) {
		const struct cfi_rule *r = &row->rules[i];

		if (r->column != column)
			continue;
		if (r->kind == CFI_RULE_OFFSET)
			snprintf(text, size, "c%+lld", (long long)r->value);
		else if (r->kind == CFI_RULE_VALUE)
			snprintf(text, size, "v%+lld", (long long)r->value);
		else if (r->kind == CFI_RULE_EXPR)
			snprintf(text, size, "exp");
		else if (r->kind == CFI_RULE_REGISTER && r->value == column)
			snprintf(text, size, "s");
		else if (r->kind == CFI_RULE_REGISTER)
			snprintf(text, size, "%s", m->names[r->value]);
		else
			snprintf(text, size, "u");
	}
}

/* `in_slot`: the return address is always in memory. */
static bool same_rule(const char *want, const char *got, bool in_slot)
{
	if (!strcmp(want, got))
		return true;
	if (!strcmp(want, "vexp"))
		return !strcmp(got, "exp");
	/* readelf's "u" is also "not mentioned yet"; the ABI then says what holds, but for a return
	 * address that no register could hold */
	return !strcmp(want, "u") && !strcmp(got, "s") && !in_slot;
}

static bool same_row(const struct machine *m, const struct oracle_row *want,
		     const struct cfi_row *row)
{
	const struct arch *arch = m->arch;
	char text[32];

	if (row->kind != CFI_ROW_RULES)
		return false;
	if (row->cfa_is_expr)
		snprintf(text, sizeof(text), "exp");
	else
		snprintf(text, sizeof(text), "%s%+lld",
			 row->cfa_column < arch->n_columns ? m->names[row->cfa_column] : "?",
			 (long long)row->cfa_offset);
	if (strcmp(want->cfa, text) != 0)
		return false;
	for (unsigned i = 0; i < want->n_columns; i++) {
		int column = want->columns[i].column;

		if (column < 0)
			continue;
		print_rule(m, row, column, text, sizeof(text));
		if (!same_rule(want->columns[i].rule, text,
			       column == (int)arch->ra && !arch->link_register))
			return false;
		if (column == (int)arch->ra && row->ra_undefined != !strcmp(text, "u"))
			return false;
	}
	return true;
}

static bool check_pc(const struct machine *m, struct cfi_rows *rows, const struct oracle_row *want,
		     uint64_t pc)
{
	const struct cfi_row *row = cfi_rows_find(rows, pc);

	assert_non_null(row);
	assert_true(row->start <= pc && pc < row->end);
	return same_row(m, want, row);
}

static struct module_elf *open_elf(const char *path)
{
	struct ruchy_error err = { 0 };
	struct module_elf *elf;
	int fd = module_elf_open_regular(path, &err);

	if (fd < 0)
		return NULL;
	if (module_elf_open(fd, path, NULL, &elf, &err))
		fail_msg("%s", err.text);
	return elf;
}

/* One file's comparison. */
struct check {
	const struct machine *m;
	struct cfi_rows *rows;
	const char *path;
	size_t n, wrong;
	size_t slow; /* of them no quick step can take */
};

static void check_row(struct check *c, const struct oracle_row *want)
{
	if (want->start >= want->end)
		return;
	c->n++;
	c->slow +=
		cfi_step_of(cfi_rows_find(c->rows, want->start), c->m->arch).kind == CFI_STEP_NONE;
	/* the last byte first: that is how return addresses come */
	if (check_pc(c->m, c->rows, want, want->end - 1) &&
	    check_pc(c->m, c->rows, want, want->start))
		return;
	if (c->wrong++ < 5)
		print_error("%s: row at %#lx: CFA %s\n", c->path, (unsigned long)want->start,
			    want->cfa);
}

/* Every row that readelf prints; it ends where the next one of its FDE starts. */
static void check_all(struct check *c)
{
	struct oracle_row row = { 0 };
	bool in_fde = false, in_row = false;
	char command[512], line[1024], *pc;
	uint64_t end = 0;
	FILE *f;

	snprintf(command, sizeof(command), "%s --debug-dump=frames-interp '%s' 2>/dev/null",
		 c->m->readelf, c->path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		bool is_row = in_fde && strspn(line, "0123456789abcdef") == 16 &&
			      !strstr(line, " FDE ") && !strstr(line, " CIE ");

		if (in_row && line[0] != '\n') {
			row.end = is_row ? strtoull(line, NULL, 16) : end;
			check_row(c, &row);
		}
		in_row = is_row || (in_row && line[0] == '\n');
		if (strstr(line, " FDE ")) {
			pc = strstr(line, "pc=");
			assert_non_null(pc);
			end = strtoull(strstr(pc, "..") + 2, NULL, 16);
			in_fde = true;
		} else if (strstr(line, " CIE ")) {
			in_fde = false;
		} else if (in_fde && strstr(line, "   LOC ")) {
			read_columns(c->m, line, &row);
		} else if (is_row) {
			read_row(line, &row);
		}
	}
	pclose(f);
	row.end = end;
	if (in_row)
		check_row(c, &row);
}

/* The number of rows, all of them compared; 0 where the file is not there. */
static size_t check_file(const char *path, size_t *ret_slow)
{
	struct module_elf *elf = open_elf(path);
	struct check c = { .path = path };

	if (!elf)
		return 0;
	c.m = machine_of(module_elf_machine(elf));
	assert_non_null(c.m);
	c.rows = cfi_rows_new(elf, c.m->arch, NULL);
	check_all(&c);
	print_message("%8zu rows, %5.2f %% by all rules, %zu differ: %s\n", c.n,
		      c.n ? 100.0 * (double)c.slow / (double)c.n : 0, c.wrong, path);
	cfi_rows_free(c.rows);
	module_elf_free(elf);
	assert_int_equal(c.wrong, 0);
	if (ret_slow)
		*ret_slow += c.slow;
	return c.n;
}

static bool missing(const char *readelf)
{
	char command[64];

	snprintf(command, sizeof(command), "%s --version >/dev/null 2>&1", readelf);
	if (!system(command))
		return false;
	print_message("SKIP: no %s here\n", readelf);
	return true;
}

static void test_rows_equal_readelf(void **state)
{
	static const char *const files[] = {
		"/proc/self/exe",
		"/lib64/ld-linux-x86-64.so.2",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libm.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/lib64/libc.so.6",
	};
	size_t total = 0;

	(void)state;
#ifndef __x86_64__
	print_message("SKIP: the files of this test are those of x86-64 systems\n");
	skip();
#endif
	if (missing("readelf"))
		skip();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = realpath(files[i], NULL);

		total += path ? check_file(path, NULL) : 0;
		free(path);
	}
	assert_true(total > 1000);
}

/* Where tests/pmu-lab/fetch.sh puts it; the caller's. */
static char *sysroot(void)
{
	const char *lab = getenv("RUCHY_LAB_CACHE"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;

	if (lab)
		assert_true(asprintf(&path, "%s/sysroot", lab) > 0);
	else if (cache)
		assert_true(asprintf(&path, "%s/ruchy-pmu-lab/sysroot", cache) > 0);
	else
		assert_true(asprintf(&path, "%s/.cache/ruchy-pmu-lab/sysroot", home ? home : "") >
			    0);
	return path;
}

#define LIB     "lib/aarch64-linux-gnu/"
#define USR_LIB "usr/lib/aarch64-linux-gnu/"

static void test_rows_equal_readelf_aarch64(void **state)
{
	static const char *const files[] = {
		LIB "ld-linux-aarch64.so.1", LIB "libc.so.6",          LIB "libm.so.6",
		LIB "libgcc_s.so.1",         LIB "libz.so.1",          LIB "liblzma.so.5",
		LIB "libbz2.so.1.0",         USR_LIB "libstdc++.so.6", USR_LIB "libzstd.so.1",
		USR_LIB "libdw.so.1",        USR_LIB "libelf.so.1",    USR_LIB "libunwind.so.8",
		USR_LIB "libcjson.so.1",     USR_LIB "libcmocka.so.0",
	};
	char *root = sysroot();
	size_t n = 0;

	(void)state;
	if (access(root, R_OK) || missing("aarch64-linux-gnu-readelf")) {
		print_message("SKIP: no aarch64 files, or no readelf of theirs: "
			      "bash tests/pmu-lab/fetch.sh sysroot, make deps\n");
		free(root);
		skip();
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path;

		assert_true(asprintf(&path, "%s/%s", root, files[i]) > 0);
		n += check_file(path, NULL) > 0;
		free(path);
	}
	free(root);
	assert_true(n >= 10);
	/* DW_CFA_AARCH64_negate_ra_state, which no file of Debian's has */
	assert_true(check_file("tests/golden/goldpac.aarch64", NULL));
}

/* ld.so's entry has no CFI at all; what lies before it is not the entry. */
static void test_bare_entry(void **state)
{
	struct module_elf *elf = open_elf("/lib64/ld-linux-x86-64.so.2");
	struct cfi_rows *rows;
	uint64_t entry;

	(void)state;
	if (!elf) {
		print_message("SKIP: no ld-linux-x86-64.so.2 here\n");
		skip();
	}
	rows = cfi_rows_new(elf, &arch_x86_64, NULL);
	entry = module_elf_entry(elf);
	assert_int_equal(cfi_rows_find(rows, entry)->kind, CFI_ROW_ENTRY);
	assert_int_equal(cfi_rows_find(rows, entry + 7)->kind, CFI_ROW_ENTRY);
	assert_int_equal(cfi_rows_find(rows, UINT64_MAX)->kind, CFI_ROW_NONE);
	assert_int_equal(cfi_rows_find(rows, 0)->kind, CFI_ROW_NONE);
	assert_int_not_equal(cfi_rows_find(rows, entry + 4096)->kind, CFI_ROW_ENTRY);
	cfi_rows_free(rows);
	/* the rows of another machine are none of ours */
	rows = cfi_rows_new(elf, &arch_aarch64, NULL);
	assert_int_equal(cfi_rows_find(rows, entry + 4096)->kind, CFI_ROW_NONE);
	cfi_rows_free(rows);
	module_elf_free(elf);
}

/* The vdso of this very process, which is in no file. */
static void test_vdso_rows_equal_readelf(void **state)
{
	char path[] = "/tmp/test_cfi_rows.XXXXXX";
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR); /* NOLINT */
	size_t size = 2 * (size_t)sysconf(_SC_PAGESIZE);
	int fd;

	(void)state;
	if (!image || missing("readelf"))
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image, size), size);
	close(fd);
	assert_true(check_file(path, NULL));
	unlink(path);
}

/* The files of the command line, and their sum. */
static char *const *files_to_check;

static void test_files(void **state)
{
	size_t n = 0, rows = 0, slow = 0;

	(void)state;
	for (; files_to_check[n]; n++)
		rows += check_file(files_to_check[n], &slow);
	print_message("%zu files, %zu rows equal readelf's; %.2f %% need all rules\n", n, rows,
		      rows ? 100.0 * (double)slow / (double)rows : 0);
	assert_true(rows);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest given[] = { cmocka_unit_test(test_files) };

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_equal_readelf),
		cmocka_unit_test(test_rows_equal_readelf_aarch64),
		cmocka_unit_test(test_vdso_rows_equal_readelf),
		cmocka_unit_test(test_bare_entry),
	};

	files_to_check = argv + 1;
	if (argc > 1)
		return cmocka_run_group_tests(given, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
