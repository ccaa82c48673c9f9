/* SPDX-License-Identifier: MIT */
#include "analyze/report/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ruchy/bytes.h"

struct source_file {
	char *text;       /* owned; each line ends with NUL */
	uint32_t *starts; /* owned, by line */
	uint32_t n;
};

/* ---- where it may be ---- */

bool source_prefix_is_valid(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals[1];
}

/* What follows the directory `dir` (of `n` bytes) in `path`, NULL: it is not below it. */
static const char *below(const char *path, const char *dir, size_t n)
{
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (!n)
		return *path == '/' ? NULL : path;
	if (strncmp(path, dir, n))
		return NULL;
	path += n;
	if (*path != '/' && dir[n - 1] != '/')
		return NULL;
	return path + strspn(path, "/");
}

/* `dir`/`rest` with all links resolved, if it is still below `dir`; owned. */
static char *resolve(const char *dir, const char *rest)
{
	char *root = realpath(dir, NULL), *whole = NULL;
	struct ruchy_buf joined = { 0 };

	ruchy_buf_put(&joined, dir, strlen(dir));
	ruchy_buf_put(&joined, "/", 1);
	ruchy_buf_put(&joined, rest, strlen(rest) + 1);
	if (root && !joined.failed)
		whole = realpath((const char *)joined.data, NULL);
	if (whole && !below(whole, root, strlen(root))) {
		free(whole);
		whole = NULL;
	}
	ruchy_buf_fini(&joined);
	free(root);
	return whole;
}

static char *resolve_here(const char *path)
{
	char *here = realpath(".", NULL), *whole = NULL;
	const char *rest = here && *path == '/' ? below(path, here, strlen(here)) : path;

	if (here && rest)
		whole = resolve(here, rest);
	free(here);
	return whole;
}

static char *find(const struct source_search *search, const char *path)
{
	for (size_t i = 0; i < search->n; i++) {
		const char *equals = strchr(search->prefixes[i], '=');
		const char *rest = equals ? below(path, search->prefixes[i],
						  (size_t)(equals - search->prefixes[i]))
					  : NULL;

		if (rest)
			return resolve(equals + 1, rest);
	}
	return resolve_here(path);
}

/* ---- its bytes ---- */

/* Exactly `size` bytes, or what is there of them. */
static int read_all(int fd, char *to, size_t size, size_t *ret)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, to + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return RUCHY_E_SYS;
		if (!got)
			break;
		n += (size_t)got;
	}
	*ret = n;
	return 0;
}

static int read_text(struct source_file *f, const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc = RUCHY_E_NOT_FOUND;

	if (fd < 0)
		return rc;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		rc = st.st_size > (off_t)SOURCE_FILE_MAX ? RUCHY_E_LIMIT : 0;
	if (rc == 0) {
		f->text = malloc((size_t)st.st_size + 1);
		rc = f->text ? read_all(fd, f->text, (size_t)st.st_size, ret_size) : RUCHY_E_NOMEM;
	}
	close(fd);
	return rc;
}

static int split(struct source_file *f, size_t size)
{
	uint32_t n = 1;

	for (size_t i = 0; i < size; i++) {
		n += f->text[i] == '\n';
		if (!f->text[i])
			f->text[i] = ' ';
	}
	f->text[size] = 0;
	f->starts = malloc(n * sizeof(*f->starts));
	if (!f->starts)
		return RUCHY_E_NOMEM;
	f->starts[f->n++] = 0;
	for (uint32_t i = 0; i < size; i++) {
		if (f->text[i] != '\n')
			continue;
		f->text[i] = 0;
		if (i && f->text[i - 1] == '\r')
			f->text[i - 1] = 0;
		f->starts[f->n++] = i + 1;
	}
	if (f->starts[f->n - 1] == size) /* nothing behind the last end of line */
		f->n--;
	return 0;
}

int source_file_open(const struct source_search *search, const char *path, struct source_file **ret)
{
	char *whole = find(search, path);
	struct source_file *f;
	size_t size = 0;
	int rc;

	*ret = NULL;
	if (!whole)
		return RUCHY_E_NOT_FOUND;
	f = calloc(1, sizeof(*f));
	rc = f ? read_text(f, whole, &size) : RUCHY_E_NOMEM;
	rc = rc < 0 ? rc : split(f, size);
	free(whole);
	if (rc < 0)
		source_file_free(f);
	else
		*ret = f;
	return rc;
}

uint32_t source_file_lines(const struct source_file *f)
{
	return f->n;
}

const char *source_file_line(const struct source_file *f, uint32_t number)
{
	return number && number <= f->n ? f->text + f->starts[number - 1] : NULL;
}

void source_file_free(struct source_file *f)
{
	if (!f)
		return;
	free(f->text);
	free(f->starts);
	free(f);
}
