/* SPDX-License-Identifier: MIT */
#include "record/control.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINE_BYTES 64

struct control {
	int in, out; /* owned; out -1: no answers */
	char line[MAX_LINE_BYTES];
	size_t n;
	bool too_long; /* the rest of the line is passed over */
};

static const char *const words[] = {
	[CONTROL_PAUSE] = "pause",
	[CONTROL_RESUME] = "resume",
	[CONTROL_STOP] = "stop",
	[CONTROL_SNAPSHOT] = "snapshot",
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

static int open_fifo(const char *path, size_t size, int *ret_fd, struct ruchy_error *err)
{
	char *name = strndup(path, size);
	struct stat st;
	int rc = 0;

	if (!name)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "--control: out of memory");
	*ret_fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (*ret_fd < 0)
		rc = ruchy_error_errno(err, "--control: %s: cannot be opened", name);
	else if (fstat(*ret_fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		rc = ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				     "--control: %s: is no FIFO (mkfifo makes one)", name);
	free(name);
	return rc;
}

int control_open(const char *paths, struct control **ret, struct ruchy_error *err)
{
	struct control *c = calloc(1, sizeof(*c));
	size_t size = strcspn(paths, ",");
	int rc;

	if (!c)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "--control: out of memory");
	c->in = c->out = -1;
	rc = open_fifo(paths, size, &c->in, err);
	if (!rc && paths[size])
		rc = open_fifo(paths + size + 1, strlen(paths + size + 1), &c->out, err);
	if (rc < 0) {
		control_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int control_fd(const struct control *c)
{
	return c ? c->in : -1;
}

static enum control_command command_of(const char *line, size_t n)
{
	for (size_t i = CONTROL_PAUSE; i < N_WORDS; i++)
		if (strlen(words[i]) == n && !memcmp(line, words[i], n))
			return (enum control_command)i;
	return CONTROL_UNKNOWN;
}

enum control_command control_next(struct control *c)
{
	char byte;

	/* Commands are few and short: a byte at a time keeps what follows a line in the FIFO. */
	while (c && read(c->in, &byte, 1) == 1) {
		enum control_command command;

		if (byte != '\n') {
			c->too_long |= c->n == sizeof(c->line);
			if (!c->too_long)
				c->line[c->n++] = byte;
			continue;
		}
		command = c->too_long ? CONTROL_UNKNOWN : command_of(c->line, c->n);
		c->n = 0;
		c->too_long = false;
		return command;
	}
	return CONTROL_NONE;
}

void control_answer(struct control *c, enum control_command command)
{
	char line[MAX_LINE_BYTES];
	int n = command < N_WORDS && words[command]
			? snprintf(line, sizeof(line), "ok %s\n", words[command])
			: snprintf(
				  line, sizeof(line),
				  "error: not pause, resume, stop or (with --snapshot) snapshot\n");

	if (c->out >= 0 && write(c->out, line, (size_t)n) < 0)
		return; /* full: nobody reads the answers */
}

void control_close(struct control *c)
{
	if (!c)
		return;
	if (c->in >= 0)
		close(c->in);
	if (c->out >= 0)
		close(c->out);
	free(c);
}
