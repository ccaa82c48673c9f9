/* SPDX-License-Identifier: MIT */
/*
 * sysfs_fixture.h - a directory as /sys/bus/event_source/devices, of a machine that
 * we do not have, and the tree read from it.
 */
#ifndef RUCHY_TEST_SYSFS_FIXTURE_H
#define RUCHY_TEST_SYSFS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/pmu.h"

struct sysfs {
	char directory[64];
	struct pmu_tree tree;
};

static inline void sysfs_new(struct sysfs *s)
{
	strcpy(s->directory, "/tmp/ruchy-sysfs-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
}

/* A file with its text; directories on the way are made. */
static inline void sysfs_put(const struct sysfs *s, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", s->directory, path);
	for (char *at = full + strlen(s->directory) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static inline void sysfs_load(struct sysfs *s)
{
	memset(&s->tree, 0xa5, sizeof(s->tree));
	assert_int_equal(pmu_tree_load(s->directory, &s->tree, NULL), 0);
}

/* Two big cores' threads, 0 to 3, and two little cores, 4 and 5. */
static inline void sysfs_new_hybrid(struct sysfs *s)
{
	sysfs_new(s);
	sysfs_put(s, "cpu_core/type", "4\n");
	sysfs_put(s, "cpu_core/cpus", "0-3\n");
	sysfs_put(s, "cpu_core/caps/max_precise", "3\n");
	sysfs_put(s, "cpu_core/format/event", "config:0-7\n");
	sysfs_put(s, "cpu_core/events/slots", "event=0x00\n");
	sysfs_put(s, "cpu_atom/type", "10\n");
	sysfs_put(s, "cpu_atom/cpus", "4-5\n");
	sysfs_put(s, "cpu_atom/caps/max_precise", "2\n");
	sysfs_put(s, "cpu_atom/format/event", "config:0-7\n");
	sysfs_load(s);
}

static inline void sysfs_free(struct sysfs *s)
{
	char command[96];

	pmu_tree_fini(&s->tree);
	snprintf(command, sizeof(command), "rm -r %s", s->directory);
	assert_int_equal(system(command), 0);
}

#endif
