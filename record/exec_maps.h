/* SPDX-License-Identifier: MIT */
/*
 * exec_maps.h - which addresses of each process recorded are executable, over time.
 *
 * Learned from the sideband as it is drained (maps, forks, execs), and from
 * /proc/PID/maps where that is not enough: a process that was there before, lost
 * records, code at an address that no record told of. It errs towards knowing too
 * much: the kernel does not tell of unmapping, records of different CPUs come out of
 * order, and so the image before an exec is forgotten only one pass later.
 * One thread; what exec_maps_of returns lives until the next call.
 */
#ifndef RUCHY_RECORD_EXEC_MAPS_H
#define RUCHY_RECORD_EXEC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/bytes.h"

struct exec_maps;
struct exec_map; /* of one process */

/* Appends a process's maps, as /proc/PID/maps has them; false: it is gone or may not be read. */
typedef bool exec_maps_reader(void *ctx, uint32_t pid, struct ruchy_buf *text);
/* The reader of /proc/PID/maps; `ctx` is unused. */
bool exec_maps_read_proc(void *ctx, uint32_t pid, struct ruchy_buf *text);

struct exec_maps *exec_maps_new(exec_maps_reader *reader, void *ctx); /* NULL: no memory */
/* `pid` mapped [start, start + length) executable at `time_ns`. */
void exec_maps_map(struct exec_maps *m, uint32_t pid, uint64_t start, uint64_t length,
		   uint64_t time_ns);
void exec_maps_exec(struct exec_maps *m, uint32_t pid, uint64_t time_ns);
void exec_maps_fork(struct exec_maps *m, uint32_t pid, uint32_t ppid);
void exec_maps_exit(struct exec_maps *m, uint32_t pid);
/* Sideband records were lost. */
void exec_maps_lost(struct exec_maps *m);
/* The map of `pid`, which runs at `pc` (0: not known). NULL: nothing is known of it. */
const struct exec_map *exec_maps_of(struct exec_maps *m, uint32_t pid, uint64_t pc);
/* Is this address in executable memory? `map` may be NULL: no. */
bool exec_map_holds(const struct exec_map *map, uint64_t address);
/* All rings were drained once more: forget the images and processes that had ended before. */
void exec_maps_end_pass(struct exec_maps *m);
void exec_maps_free(struct exec_maps *m);

#endif
