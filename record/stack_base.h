/* SPDX-License-Identifier: MIT */
/*
 * stack_base.h - the initial stack pointer of every process recorded, over time.
 *
 * Above it lie argv, the environment and the auxiliary vector; a stack dump must
 * not reach there (docs/format.md, "No environment"). It is known from
 * /proc/PID/stat (`startstack`), which tells of the image that runs *now*: a value
 * counts only once the sideband, drained after it was read, shows no newer exec.
 *     stack_base_exec, _fork, _exit     as the records are drained
 *     while (stack_base_probe(s, again)) { drain the sideband again; stack_base_confirm(s); }
 * What is not known stays unknown, and stack_base_limit withholds what it must.
 * Records of different CPUs may come out of order. One thread.
 */
#ifndef RUCHY_RECORD_STACK_BASE_H
#define RUCHY_RECORD_STACK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_base;

/* Reads a process's initial stack pointer: 1 and the value, 0: not known yet, -1: it is gone. */
typedef int stack_base_reader(void *ctx, uint32_t pid, uint64_t *ret_base);

/* The reader of /proc/PID/stat; `ctx` is unused. */
int stack_base_read_proc(void *ctx, uint32_t pid, uint64_t *ret_base);
/* Field 28 of a line of /proc/PID/stat; false where there is none. */
bool stack_base_parse_stat(const char *line, uint64_t *ret_base);

struct stack_base *stack_base_new(stack_base_reader *reader, void *ctx); /* NULL: no memory */
/* Process `pid` executed a new image at `time_ns`. */
void stack_base_exec(struct stack_base *s, uint32_t pid, uint64_t time_ns);
/* `ppid` forked the process `pid`, which starts with the same stack. */
void stack_base_fork(struct stack_base *s, uint32_t pid, uint32_t ppid, uint64_t time_ns);
/* The process's main thread ended; its entry lives on for one more pass. */
void stack_base_exit(struct stack_base *s, uint32_t pid);
/* Sideband records were lost before `time_ns`: any process may have executed something unseen. */
void stack_base_lost(struct stack_base *s, uint64_t time_ns);
/* Read the values that are missing; `again`: only of images that began since the last call. True:
 * some were read and want to be confirmed. */
bool stack_base_probe(struct stack_base *s, bool again);
/* Accept what was read for processes that executed nothing since. */
void stack_base_confirm(struct stack_base *s);
/*
 * The address at and above which nothing of this sample's stack may be stored: 0: withhold all of
 * it (a main thread of unknown base), UINT64_MAX: nothing to hide (another thread; those run on
 * stacks of their own). `in_kernel`: the sample was taken in kernel mode.
 */
uint64_t stack_base_limit(const struct stack_base *s, uint32_t pid, uint32_t tid, uint64_t time_ns,
			  bool in_kernel);
/* All rings were drained once more: forget who had ended before. */
void stack_base_end_pass(struct stack_base *s);
void stack_base_free(struct stack_base *s);

#endif
