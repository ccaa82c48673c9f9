/* SPDX-License-Identifier: MIT */
/* Files of the target in a trace: written, found ahead, put together; trimmed ELF files; hostile
 * ones. */
#include <elf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/process/module.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/process/module_objects.h"
#include "analyze/process/module_search.h"
#include "format/elf_min.h"

static const uint8_t some_id[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* ---- a trace in a file of memory ---- */

struct made {
	int fd;
	char path[64];
	struct trace_writer *w;
};

static struct made make(void)
{
	struct made m = { .fd = memfd_create("trace", 0) };

	assert_true(m.fd >= 0);
	snprintf(m.path, sizeof(m.path), "/proc/self/fd/%d", m.fd);
	assert_int_equal(trace_writer_open(m.fd, "memory", 1, &m.w, NULL), 0);
	return m;
}

static void finish(struct made *m)
{
	assert_int_equal(trace_writer_finish(m->w, NULL), 0);
	trace_writer_free(m->w);
}

static int put(struct made *m, struct trace_object o, const void *bytes, size_t size, bool trim)
{
	const struct trace_object_file file = {
		.bytes = bytes, .fd = -1, .size = size, .name = "file"
	};

	return trace_object_write(m->w, &o, &file, trim, NULL);
}

static struct trace_object named(enum wire_object_role role, const char *path)
{
	return (struct trace_object){ .role = role,
				      .id = some_id,
				      .id_size = sizeof(some_id),
				      .path = path,
				      .path_size = strlen(path) };
}

static int take(void *arg, struct trace_chunk *chunk)
{
	return module_objects_add(arg, chunk);
}

/* The objects of a trace, found by its index: as trace_reader_ahead says. */
static struct module_objects *objects_of(const struct made *m, int want)
{
	struct module_objects *objects = module_objects_new();
	struct trace_reader *r;

	assert_int_equal(trace_reader_open(m->path, &r, NULL), 0);
	assert_int_equal(trace_reader_ahead(r, WIRE_CHUNK_OBJECT, take, objects, NULL), want);
	trace_reader_free(r);
	return objects;
}

static void expect_content(int fd, const void *bytes, size_t size)
{
	uint8_t *got = malloc(size + 1);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(pread(fd, got, size + 1, 0), size);
	assert_memory_equal(got, bytes, size);
	free(got);
	close(fd);
}

/* ---- writing and finding ---- */

static void test_write_and_open_by_id_role_and_name(void **state)
{
	static const char text[] = "a debug file";
	size_t size = 9u << 20; /* several chunks */
	uint8_t *big = malloc(size);
	struct made m = make();
	struct module_objects *objects;
	struct trace_object key = named(WIRE_OBJECT_FILE, "/elsewhere");
	struct trace_object unit = named(WIRE_OBJECT_UNIT, "/bin/p");
	char *path = NULL;

	(void)state;
	for (size_t i = 0; i < size; i++)
		big[i] = (uint8_t)(i * 7 + i / 255);
	assert_int_equal(put(&m, named(WIRE_OBJECT_FILE, "/bin/p"), big, size, false), 0);
	key.name = "/lib/debug/p";
	key.name_size = strlen(key.name);
	key.role = WIRE_OBJECT_DEBUG;
	assert_int_equal(put(&m, key, text, sizeof(text), false), 0);
	unit.name = "d\0one";
	unit.name_size = 5;
	assert_int_equal(put(&m, unit, "one", 3, false), 0);
	unit.name = "d\0two";
	assert_int_equal(put(&m, unit, "two!", 4, false), 0);
	finish(&m);

	objects = objects_of(&m, 1);
	key = named(WIRE_OBJECT_FILE, "/elsewhere");
	expect_content(module_objects_open(objects, &key, false, NULL, NULL), big, size);
	expect_content(module_objects_open(objects, &key, false, NULL, NULL), big, size);
	assert_int_equal(module_objects_open(objects, &key, true, NULL, NULL), -1);
	key.role = WIRE_OBJECT_DEBUG;
	expect_content(module_objects_open(objects, &key, false, &path, NULL), text, sizeof(text));
	assert_string_equal(path, "/lib/debug/p");
	free(path);
	expect_content(module_objects_open(objects, &unit, false, NULL, NULL), "two!", 4);
	unit.name = "d\0six";
	assert_int_equal(module_objects_open(objects, &unit, false, NULL, NULL), -1);
	key.id_size--; /* another build-id */
	key.role = WIRE_OBJECT_FILE;
	assert_int_equal(module_objects_open(objects, &key, false, NULL, NULL), -1);
	key.id_size = 0; /* a mapping without build-id: by path */
	assert_int_equal(module_objects_open(objects, &key, false, NULL, NULL), -1);
	key = named(WIRE_OBJECT_FILE, "/bin/p");
	key.id_size = 0;
	expect_content(module_objects_open(objects, &key, false, NULL, NULL), big, size);
	module_objects_free(objects);
	free(big);
	close(m.fd);
}

/* Without an index nothing is found ahead; in its turn it is. */
static void test_objects_without_an_index(void **state)
{
	struct made m = make();
	struct trace_object key = named(WIRE_OBJECT_FILE, "/bin/p");
	struct module_objects *objects;
	struct trace_reader *r;
	struct trace_item item;

	(void)state;
	assert_int_equal(put(&m, key, "content", 7, false), 0);
	trace_writer_free(m.w);
	module_objects_free(objects_of(&m, 0));
	objects = module_objects_new();
	assert_int_equal(trace_reader_open(m.path, &r, NULL), 0);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.type, TRACE_ITEM_CHUNK);
	assert_int_equal(item.chunk->kind, WIRE_CHUNK_OBJECT);
	assert_int_equal(module_objects_add(objects, item.chunk), 0);
	expect_content(module_objects_open(objects, &key, false, NULL, NULL), "content", 7);
	trace_reader_free(r);
	module_objects_free(objects);
	close(m.fd);
}

/* What was given out ahead comes packed: it is not to be unpacked twice. */
static void test_objects_are_not_unpacked_twice(void **state)
{
	struct made m = make();
	struct trace_reader *r;
	struct trace_item item;
	struct module_objects *objects = module_objects_new();
	struct trace_chunk_info info = { .kind = WIRE_CHUNK_KALLSYMS };

	(void)state;
	assert_int_equal(put(&m, named(WIRE_OBJECT_FILE, "/bin/p"), "content", 7, false), 0);
	assert_int_equal(trace_writer_chunk(m.w, &info, "", 0, NULL), 0);
	finish(&m);
	assert_int_equal(trace_reader_open(m.path, &r, NULL), 0);
	assert_int_equal(trace_reader_ahead(r, WIRE_CHUNK_OBJECT, take, objects, NULL), 1);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.chunk->kind, WIRE_CHUNK_OBJECT);
	assert_null(item.chunk->data);
	trace_chunk_free(item.chunk);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.chunk->kind, WIRE_CHUNK_KALLSYMS);
	trace_chunk_free(item.chunk);
	assert_true(trace_reader_integrity(r)->damaged == 0);
	trace_reader_free(r);
	module_objects_free(objects);
	close(m.fd);
}

/* ---- hostile payloads ---- */

static struct trace_chunk *chunk_of(const struct ruchy_buf *payload, uint64_t stored)
{
	struct trace_chunk *chunk = calloc(1, sizeof(*chunk));

	chunk->kind = WIRE_CHUNK_OBJECT;
	chunk->size = payload->size;
	chunk->stored_bytes = stored;
	chunk->data = malloc(payload->size + 1);
	memcpy(chunk->data, payload->data, payload->size);
	return chunk;
}

static struct ruchy_buf payload_of(uint64_t size, const char *path)
{
	struct ruchy_buf b = { 0 };
	const uint32_t head[] = { 0, (uint32_t)strlen(path), 0, 0 };

	ruchy_buf_put32(&b, WIRE_OBJECT_FILE);
	ruchy_buf_put32(&b, WIRE_OBJECT_PARTIAL);
	ruchy_buf_put64(&b, size);
	for (size_t i = 0; i < 4; i++)
		ruchy_buf_put32(&b, head[i]);
	ruchy_buf_put(&b, path, strlen(path));
	ruchy_buf_pad(&b, 8);
	return b;
}

static void put_piece(struct ruchy_buf *b, uint64_t at, const char *text)
{
	ruchy_buf_put64(b, at);
	ruchy_buf_put64(b, strlen(text));
	ruchy_buf_put(b, text, strlen(text));
	ruchy_buf_pad(b, 8);
}

static int open_one(struct ruchy_buf *payload, uint64_t stored)
{
	struct trace_object key = named(WIRE_OBJECT_FILE, "/p");
	struct module_objects *objects = module_objects_new();
	int rc, fd;

	key.id_size = 0;
	rc = module_objects_add(objects, chunk_of(payload, stored));
	fd = module_objects_open(objects, &key, true, NULL, NULL);
	module_objects_free(objects);
	ruchy_buf_fini(payload);
	assert_true(rc == 0 || rc == RUCHY_E_DAMAGED);
	return fd;
}

static void test_open_refuses_what_cannot_be(void **state)
{
	struct ruchy_buf b = payload_of(100, "/p");
	char with_hole[100] = "first";
	size_t header = b.size;

	(void)state;
	put_piece(&b, 0, "first");
	put_piece(&b, 94, "second");
	memcpy(with_hole + 94, "second", 6);
	expect_content(open_one(&b, 50), with_hole, 100);

	b = payload_of(100, "/p"); /* pieces over each other */
	put_piece(&b, 10, "first");
	put_piece(&b, 14, "second");
	assert_int_equal(open_one(&b, 50), -1);
	b = payload_of(100, "/p"); /* beyond the file's end */
	put_piece(&b, 97, "four");
	assert_int_equal(open_one(&b, 50), -1);
	b = payload_of(100, "/p");
	put_piece(&b, UINT64_MAX - 1, "four");
	assert_int_equal(open_one(&b, 50), -1);
	b = payload_of(1ull << 40, "/p"); /* a file of 1 TB from 50 bytes */
	put_piece(&b, 0, "first");
	assert_int_equal(open_one(&b, 50), -1);
	b = payload_of(UINT64_MAX, "/p");
	assert_int_equal(open_one(&b, 50), -1);
	for (size_t cut = 0; cut < header; cut++) {
		b = payload_of(100, "/p");
		b.size = cut;
		assert_int_equal(open_one(&b, 50), -1);
	}
}

/* ---- trimming ---- */

static uint8_t *read_self(size_t *ret_size)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	uint8_t *bytes;

	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	for (size_t done = 0; done < (size_t)st.st_size;) {
		ssize_t n = read(fd, bytes + done, (size_t)st.st_size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static struct trace_object_file in_memory(const uint8_t *bytes, size_t size)
{
	return (struct trace_object_file){ .bytes = bytes, .fd = -1, .size = size, .name = "self" };
}

static bool covered(const struct elf_min *m, uint64_t at, uint64_t size)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->ranges[i].at <= at && at + size <= m->ranges[i].at + m->ranges[i].size)
			return true;
	return false;
}

static void test_plan_keeps_what_unwinding_and_names_need(void **state)
{
	static const char *const kept[] = {
		".eh_frame", ".eh_frame_hdr",      ".symtab", ".strtab", ".dynsym",
		".dynstr",   ".note.gnu.build-id", ".plt"
	};
	static const char *const left_out[] = { ".rodata", ".data", ".debug_info", ".debug_line" };
	size_t size, n_seen = 0;
	uint8_t *self = read_self(&size);
	struct trace_object_file file = in_memory(self, size);
	struct elf_min m;
	Elf64_Ehdr eh;
	Elf64_Shdr names;

	(void)state;
	assert_int_equal(elf_min_plan(&file, &m, NULL), 0);
	memcpy(&eh, self, sizeof(eh));
	memcpy(&names, self + eh.e_shoff + eh.e_shstrndx * sizeof(names), sizeof(names));
	for (unsigned i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr sh, edited;
		const char *name;

		memcpy(&sh, self + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		memcpy(&edited, m.sections + i * sizeof(sh), sizeof(sh));
		name = (const char *)self + names.sh_offset + sh.sh_name;
		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
			if (!strcmp(name, kept[k])) {
				assert_true(covered(&m, sh.sh_offset, sh.sh_size));
				assert_int_equal(edited.sh_type, sh.sh_type);
				n_seen++;
			}
		for (size_t k = 0; k < sizeof(left_out) / sizeof(left_out[0]); k++)
			if (!strcmp(name, left_out[k])) {
				assert_false(covered(&m, sh.sh_offset, sh.sh_size));
				assert_int_equal(edited.sh_type, SHT_NOBITS);
				n_seen++;
			}
	}
	assert_true(n_seen >= 10);
	for (size_t i = 1; i < m.n; i++)
		assert_true(m.ranges[i - 1].at + m.ranges[i - 1].size < m.ranges[i].at);
	elf_min_fini(&m);
	free(self);
}

/* Code that no FDE describes, 32 bytes behind a mark. Hidden in the complement, so that only the
 * code has it. */
#define MARK 0x7d2c1b6a95e8f304
__asm__(".text\n"
	".balign 16\n"
	".quad 0x7d2c1b6a95e8f304, 1, 2, 3\n"
	".balign 16\n");

static size_t place_of_mark(const uint8_t *self, size_t size)
{
	volatile uint64_t complement = ~(uint64_t)MARK;
	uint64_t mark = ~complement;
	const uint8_t *at = memmem(self, size, &mark, sizeof(mark));

	assert_non_null(at);
	return (size_t)(at - self);
}

/* Where instructions stand in for call frame information, they are kept. */
static void test_plan_keeps_code_that_no_fde_describes(void **state)
{
	size_t size, at;
	uint8_t *self = read_self(&size);
	struct trace_object_file file = in_memory(self, size);
	uint16_t machine = EM_AARCH64;
	uint64_t kept = 0, gaps = 0;
	struct elf_min m;

	(void)state;
	at = place_of_mark(self, size);
	assert_int_equal(elf_min_plan(&file, &m, NULL), 0);
	if (((Elf64_Ehdr *)(void *)self)->e_machine == EM_X86_64)
		assert_false(covered(&m, at, 32));
	for (size_t i = 0; i < m.n; i++)
		kept += m.ranges[i].size;
	elf_min_fini(&m);
	memcpy(self + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
	assert_int_equal(elf_min_plan(&file, &m, NULL), 0);
	assert_true(covered(&m, at, 32));
	for (size_t i = 0; i < m.n; i++)
		gaps += m.ranges[i].size;
	assert_true(gaps < kept + size / 20); /* most code has an FDE */
	elf_min_fini(&m);
	free(self);
}

/* A file in part says which bytes it has, and is packed again as it is. */
static void test_file_in_part_has_no_other_bytes(void **state)
{
	static const char whole[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const struct trace_object_range ranges[] = { { 2, 3 }, { 10, 8 } };
	struct trace_object_file file = { .bytes = (const uint8_t *)whole,
					  .fd = -1,
					  .size = 36,
					  .name = "part",
					  .kept = ranges,
					  .n_kept = 2 };
	struct trace_object key = named(WIRE_OBJECT_FILE, "/bin/p");
	const struct module_kept *kept = NULL;
	struct module_objects *objects;
	struct made m = make();
	char want[36] = { 0 };

	(void)state;
	assert_int_equal(trace_object_write(m.w, &key, &file, false, NULL), 0);
	finish(&m);
	objects = objects_of(&m, 1);
	memcpy(want + 2, whole + 2, 3);
	memcpy(want + 10, whole + 10, 8);
	assert_int_equal(module_objects_open(objects, &key, false, NULL, NULL), -1);
	expect_content(module_objects_open(objects, &key, true, NULL, &kept), want, 36);
	assert_non_null(kept);
	assert_int_equal(kept->n, 2);
	for (uint64_t at = 0; at < 36; at++)
		for (uint64_t n = 1; n < 36; n++) {
			bool first = at >= 2 && at + n <= 5, second = at >= 10 && at + n <= 18;

			assert_int_equal(module_kept_has(kept, at, n), first || second);
		}
	assert_false(module_kept_has(kept, UINT64_MAX, 2));
	assert_false(module_kept_has(kept, 10, UINT64_MAX));
	module_objects_free(objects);
	close(m.fd);
}

/* What is trimmed and put together is opened as this very build, and names the same functions. */
static void test_trimmed_file_is_opened_as_the_module(void **state)
{
	struct module_search search = { 0 };
	const struct module_fde *fdes, *same_fdes;
	struct module_table *modules, *same_modules;
	struct module *module, *same;
	const uint8_t *id;
	size_t size, id_size;
	uint8_t *self = read_self(&size);
	struct made m = make();
	struct trace_object key;

	(void)state;
	same_modules = module_table_new(NULL);
	same = module_table_get(same_modules, MODULE_FILE, "/proc/self/exe", NULL, 0);
	assert_true(module_open(same_modules, same));
	id_size = module_elf_build_id(same->elf, &id);
	key = (struct trace_object){ .role = WIRE_OBJECT_FILE,
				     .id = id,
				     .id_size = id_size,
				     .path = "/not/here",
				     .path_size = 9 };
	assert_int_equal(put(&m, key, self, size, true), 0);
	finish(&m);
	search.objects = objects_of(&m, 1);
	modules = module_table_new(&search);
	module = module_table_get(modules, MODULE_FILE, "/not/here", id, id_size);
	assert_true(module_open(modules, module));
	assert_null(module->reason);
	fdes = module_elf_eh_frame(module->elf);
	same_fdes = module_elf_eh_frame(same->elf);
	assert_true(fdes->n > 10);
	assert_int_equal(fdes->n, same_fdes->n);
	assert_memory_equal(fdes->section.bytes, same_fdes->section.bytes, fdes->section.size);
	/* another build of it is not named by it */
	module = module_table_get(modules, MODULE_FILE, "/not/here", some_id, sizeof(some_id));
	assert_false(module_open(modules, module));
	module_table_free(modules);
	module_table_free(same_modules);
	module_objects_free(search.objects);
	free(self);
	close(m.fd);
}

static void test_plan_refuses_other_files(void **state)
{
	uint8_t bytes[128] = "#!/bin/sh\n";
	struct trace_object_file file = in_memory(bytes, sizeof(bytes));
	struct elf_min m;

	(void)state;
	assert_int_equal(elf_min_plan(&file, &m, NULL), RUCHY_E_FORMAT);
	file.size = 0;
	assert_int_equal(elf_min_plan(&file, &m, NULL), RUCHY_E_FORMAT);
}

/* Damaged headers cost parts of the file, never memory or time. */
static void test_plan_of_damaged_headers(void **state)
{
	size_t size;
	uint8_t *self = read_self(&size), *copy = malloc(size);
	Elf64_Ehdr eh;

	(void)state;
	memcpy(&eh, self, sizeof(eh));
	srandom(1);
	for (unsigned i = 0; i < 300; i++) {
		struct trace_object_file file = in_memory(copy, size);
		struct elf_min m;

		memcpy(copy, self, size);
		for (unsigned k = 0; k < 8; k++) {
			size_t in_header = 16 + (size_t)random() % 48;
			size_t in_sections =
				eh.e_shoff + (size_t)random() % (eh.e_shnum * sizeof(Elf64_Shdr));
			size_t in_segments =
				eh.e_phoff + (size_t)random() % (eh.e_phnum * sizeof(Elf64_Phdr));

			if (i % 3 == 0)
				copy[in_header] = (uint8_t)random();
			copy[in_sections] = (uint8_t)random();
			copy[in_segments] = (uint8_t)random();
		}
		if (i % 7 == 0)
			file.size = (size_t)random() % size;
		if (elf_min_plan(&file, &m, NULL) < 0)
			continue;
		for (size_t k = 0; k < m.n; k++)
			assert_true(m.ranges[k].at + m.ranges[k].size <= file.size);
		elf_min_fini(&m);
	}
	free(copy);
	free(self);
}

/* ---- unwound samples ---- */

static void test_unwound_sample_holds_frames_and_no_memory(void **state)
{
	const struct sample_unwound_frame frames[] = { { 0x401234, 0x7ffc10, 0 },
						       { 0x405678, 0x7ffc80, WIRE_UNWOUND_RETURN },
						       { 0x409abc, 0, WIRE_UNWOUND_FALLBACK } };
	const uint64_t secret = 0x5ec4e75ec4e75ec4;
	struct event_desc desc = { .sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP |
						  PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
						  PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
						  PERF_SAMPLE_STACK_USER | PERF_SAMPLE_REGS_INTR,
				   .regs_user = 3 };
	const uint64_t fields[] = { 11,     0x401234,
				    7,      100,
				    4,      PERF_CONTEXT_KERNEL,
				    0xffff, PERF_CONTEXT_USER,
				    secret, 2,
				    secret, secret,
				    8,      secret,
				    8,      2,
				    secret, secret };
	struct ruchy_buf record = { 0 }, out = { 0 };
	struct event_desc then = desc;
	struct event_table table = { .events = &then, .n_events = 1 };
	uint32_t n, end;
	struct event e;

	(void)state;
	ruchy_buf_put32(&record, PERF_RECORD_SAMPLE);
	ruchy_buf_put16(&record, PERF_RECORD_MISC_USER);
	ruchy_buf_put16(&record, 8 + sizeof(fields));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		ruchy_buf_put64(&record, fields[i]);
	assert_int_equal(sample_unwound_put(&desc, record.data, record.size, frames, 3,
					    WIRE_UNWOUND_TRUNCATED, &out),
			 0);
	assert_int_equal(out.size % 8, 0);
	assert_null(memmem(out.data, out.size, &secret, sizeof(secret)));
	then.sample_type = sample_unwound_type(desc.sample_type);
	assert_int_equal(perf_record_decode(&table, out.data, out.size, &e), 0);
	assert_int_equal(e.sample.ip, 0x401234);
	assert_int_equal(e.time_ns, 100);
	assert_int_equal(e.misc, PERF_RECORD_MISC_USER);
	assert_int_equal(e.sample.n_callchain, 2);
	assert_int_equal(ruchy_load64(e.sample.callchain + 8), 0xffff);
	assert_true(sample_unwound_get(&e.sample, &n, &end));
	assert_int_equal(n, 3);
	assert_int_equal(end, WIRE_UNWOUND_TRUNCATED);
	for (uint32_t i = 0; i < n; i++) {
		struct sample_unwound_frame f = sample_unwound_frame(&e.sample, i);

		assert_int_equal(f.address, frames[i].address);
		assert_int_equal(f.sp, frames[i].sp);
		assert_int_equal(f.flags, frames[i].flags);
	}
	/* more frames than there are bytes */
	for (uint32_t size = 0; size < e.sample.raw_size; size++) {
		struct event_sample cut = e.sample;

		cut.raw_size = size;
		if (sample_unwound_get(&cut, &n, &end))
			assert_true(8 + n * 17 <= size);
	}
	assert_int_equal(
		sample_unwound_put(&desc, record.data, record.size - 32, frames, 3, 0, &out),
		RUCHY_E_DAMAGED);
	ruchy_buf_fini(&record);
	ruchy_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unwound_sample_holds_frames_and_no_memory),
		cmocka_unit_test(test_write_and_open_by_id_role_and_name),
		cmocka_unit_test(test_objects_without_an_index),
		cmocka_unit_test(test_objects_are_not_unpacked_twice),
		cmocka_unit_test(test_open_refuses_what_cannot_be),
		cmocka_unit_test(test_plan_keeps_what_unwinding_and_names_need),
		cmocka_unit_test(test_plan_keeps_code_that_no_fde_describes),
		cmocka_unit_test(test_file_in_part_has_no_other_bytes),
		cmocka_unit_test(test_trimmed_file_is_opened_as_the_module),
		cmocka_unit_test(test_plan_refuses_other_files),
		cmocka_unit_test(test_plan_of_damaged_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
