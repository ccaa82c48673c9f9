/* SPDX-License-Identifier: MIT */
/* Files that were mapped, into the trace: whose, which, and what others may have put in their
 * place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "analyze/process/module_objects.h"
#include "record/bundle.h"
#include "ruchy/trace_reader.h"

#define CONTENT "what was mapped"

struct place {
	char dir[64], path[128], other[128];
	struct stat st;
	struct bundle *b;
};

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/ruchy-bundle.XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/lib.so", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/other", p->dir);
	make_file(p->path, CONTENT);
	p->b = bundle_new(true);
	*state = p;
	return p->b && stat(p->path, &p->st) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct place *p = *state;

	bundle_free(p->b);
	unlink(p->path);
	unlink(p->other);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* The kernel tells that `pid` mapped the file as it was at first, at an address where we, who stand
 * for the process, have mapped nothing: only its name leads to it. */
static void map_as(struct place *p, uint32_t pid, bool executable)
{
	struct event e = { .type = PERF_RECORD_MMAP2 };

	e.mmap.pid = e.mmap.tid = pid;
	e.mmap.start = 0x10000;
	e.mmap.length = 0x1000;
	e.mmap.maj = major(p->st.st_dev);
	e.mmap.min = minor(p->st.st_dev);
	e.mmap.inode = p->st.st_ino;
	e.mmap.executable = executable;
	e.mmap.path = p->path;
	bundle_follow(p->b, &e);
}

static uint32_t self(void)
{
	return (uint32_t)getpid();
}

/* ---- what the trace then has ---- */

struct found {
	size_t n;
	char content[64];
};

static int take(void *arg, struct trace_chunk *chunk)
{
	struct found *f = arg;
	struct trace_object_piece piece;
	struct ruchy_cursor pieces;
	struct trace_object o;

	assert_int_equal(trace_object_read(chunk->data, chunk->size, &o, &pieces), 0);
	assert_int_equal(trace_object_piece(&pieces, &o, &piece), 1);
	assert_true(piece.size < sizeof(f->content));
	memcpy(f->content, piece.bytes, piece.size);
	f->n++;
	trace_chunk_free(chunk);
	return 0;
}

static struct found written(struct place *p)
{
	struct found f = { 0 };
	struct trace_writer *w;
	struct trace_reader *r;
	char path[64];
	int fd = memfd_create("trace", 0);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(trace_writer_open(fd, "memory", 1, &w, NULL), 0);
	assert_int_equal(bundle_write(p->b, w, NULL), 0);
	assert_int_equal(trace_writer_finish(w, NULL), 0);
	trace_writer_free(w);
	assert_int_equal(trace_reader_open(path, &r, NULL), 0);
	assert_int_equal(trace_reader_ahead(r, WIRE_CHUNK_OBJECT, take, &f, NULL), 1);
	trace_reader_free(r);
	close(fd);
	return f;
}

static void expect_content(struct place *p)
{
	struct found f = written(p);

	assert_int_equal(f.n, 1);
	assert_string_equal(f.content, CONTENT);
	assert_int_equal(bundle_notes(p->b)->n, 0);
}

/* One line names it. */
static void expect_refused(struct place *p, const char *why)
{
	const struct fallback_list *notes = bundle_notes(p->b);
	struct found f = written(p);

	assert_int_equal(f.n, 0);
	assert_int_equal(notes->n, 1);
	assert_non_null(strstr(notes->items[0].text, p->path));
	assert_non_null(strstr(notes->items[0].text, "is not in the trace"));
	if (!strstr(notes->items[0].text, why))
		fail_msg("not for that reason: %s", notes->items[0].text);
}

/* ---- whose files ---- */

static void test_files_of_processes_with_samples(void **state)
{
	struct place *p = *state;

	map_as(p, self(), true);
	map_as(p, self(), true); /* again: one file */
	bundle_sample(p->b, self());
	expect_content(p);
}

static void test_files_of_others_are_left_out(void **state)
{
	struct place *p = *state;
	uint32_t other = self() + 1;

	map_as(p, self(), true);
	bundle_sample(p->b, other);
	bundle_sample(p->b, UINT32_MAX); /* no pid */
	assert_int_equal(written(p).n, 0);
	assert_int_equal(bundle_notes(p->b)->n, 0);
}

static void test_data_is_left_out(void **state)
{
	struct place *p = *state;

	map_as(p, self(), false);
	bundle_sample(p->b, self());
	assert_int_equal(written(p).n, 0);
}

/* A child that only runs has the maps of its parent, and of its parent's; pids may go in circles.
 */
static void test_files_of_ancestors(void **state)
{
	struct place *p = *state;
	struct event fork = { .type = PERF_RECORD_FORK };
	uint32_t child = self() + 1, grandchild = self() + 2;

	map_as(p, self(), true);
	fork.task.pid = child;
	fork.task.ppid = self();
	bundle_follow(p->b, &fork);
	fork.task.pid = grandchild;
	fork.task.ppid = child;
	bundle_follow(p->b, &fork);
	fork.task.pid = self();
	fork.task.ppid = grandchild;
	bundle_follow(p->b, &fork);
	bundle_sample(p->b, grandchild);
	expect_content(p);
}

/* ---- what was put in its place ---- */

static void test_deleted_after_it_was_mapped(void **state)
{
	struct place *p = *state;

	map_as(p, self(), true);
	bundle_sample(p->b, self());
	unlink(p->path);
	expect_content(p);
}

static void test_replaced_after_it_was_mapped(void **state)
{
	struct place *p = *state;

	map_as(p, self(), true);
	bundle_sample(p->b, self());
	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	expect_content(p);
}

static void test_another_file(void **state)
{
	struct place *p = *state;

	assert_int_equal(rename(p->path, p->other), 0);
	make_file(p->path, "what was not mapped");
	map_as(p, self(), true);
	bundle_sample(p->b, self());
	expect_refused(p, "another file stands there");
}

static void test_a_link_to_it(void **state)
{
	struct place *p = *state;

	assert_int_equal(rename(p->path, p->other), 0);
	assert_int_equal(symlink(p->other, p->path), 0);
	map_as(p, self(), true);
	bundle_sample(p->b, self());
	expect_refused(p, "symbolic link");
}

static void test_a_fifo(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	map_as(p, self(), true);
	bundle_sample(p->b, self());
	expect_refused(p, "FIFO");
}

static void test_somebody_elses(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0) {
		print_message("SKIP: not root, a file cannot be given away\n");
		skip();
	}
	assert_int_equal(chown(p->path, 65534, 65534), 0);
	map_as(p, self(), true);
	bundle_sample(p->b, self());
	expect_refused(p, "belongs to user 65534");
}

static void test_too_large(void **state)
{
	struct place *p = *state;

	if (truncate(p->path, 5ll << 30)) {
		print_message("SKIP: no file of 5 GiB of nothing can be made here\n");
		skip();
	}
	map_as(p, self(), true);
	bundle_sample(p->b, self());
	expect_refused(p, "more than the limit");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_files_of_processes_with_samples),
		CASE(test_files_of_others_are_left_out),
		CASE(test_data_is_left_out),
		CASE(test_files_of_ancestors),
		CASE(test_deleted_after_it_was_mapped),
		CASE(test_replaced_after_it_was_mapped),
		CASE(test_another_file),
		CASE(test_a_link_to_it),
		CASE(test_a_fifo),
		CASE(test_somebody_elses),
		CASE(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
