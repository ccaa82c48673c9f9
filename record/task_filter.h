/* SPDX-License-Identifier: MIT */
/*
 * task_filter.h - which of everything that runs is wanted: some processes, or some of
 * their threads, and what they give birth to. For a recording of the whole system that
 * stands in for one of more threads than there are descriptors.
 *
 * Fed with FORK and EXIT in the order of draining; who ended stays wanted for one pass
 * more, since other CPUs' samples of it may come later.
 */
#ifndef RUCHY_RECORD_TASK_FILTER_H
#define RUCHY_RECORD_TASK_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task_filter;

/* Processes, sorted; with `inherit` their children, too. NULL: no memory. */
struct task_filter *task_filter_new(const pid_t *pids, size_t n, bool inherit);
/* Of them these threads only, sorted. RUCHY_E_NOMEM. */
int task_filter_threads(struct task_filter *f, const pid_t *tids, size_t n);
/* Is a sample of this thread wanted? */
bool task_filter_wants(const struct task_filter *f, uint32_t pid, uint32_t tid);
/* Are this process's names and mappings? */
bool task_filter_knows(const struct task_filter *f, uint32_t pid);
/* RUCHY_E_NOMEM. */
int task_filter_fork(struct task_filter *f, uint32_t pid, uint32_t tid, uint32_t ppid,
		     uint32_t ptid);
void task_filter_exit(struct task_filter *f, uint32_t pid, uint32_t tid);
/* All rings were drained once more. */
void task_filter_end_pass(struct task_filter *f);
void task_filter_free(struct task_filter *f);

#endif
