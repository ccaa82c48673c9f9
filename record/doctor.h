/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - what this host lets the recorder do, and for each thing that it does not,
 * the one command that allows it (--doctor).
 *
 * Each line was tried, not concluded from a version: events are opened on the recorder
 * itself, and closed. What a file or a limit tells is in `struct doctor_host`, so that
 * tests stand in for hosts that we do not have.
 */
#ifndef RUCHY_RECORD_DOCTOR_H
#define RUCHY_RECORD_DOCTOR_H

#include <stdio.h>

#include "record/perf_sys.h"
#include "record/pmu.h"
#include "ruchy/error.h"

struct doctor_host {
	const char *program;    /* our own file, for setcap */
	char kernel[68];        /* release and machine */
	uint64_t capabilities;  /* effective, bits of CAP_*; */
	uint64_t memlock_bytes; /* RLIMIT_MEMLOCK; UINT64_MAX: none */
	uint64_t files, cpus;   /* RLIMIT_NOFILE; CPUs online */
	uint64_t free_bytes;    /* where a trace would be written */
	bool writable;          /* there */
	bool symbols;           /* /proc/kallsyms shows addresses */
	bool openat2;           /* of Linux 5.6, and no filter forbids it */
};

/* Of this host. */
void doctor_read_host(const char *program, struct doctor_host *ret);
/* Print; `*ret_works`: a program can be recorded. RUCHY_E_NOMEM. */
int doctor_print(const struct perf_sys *sys, const struct pmu_tree *pmus,
		 const struct doctor_host *host, FILE *out, bool *ret_works,
		 struct ruchy_error *err);

#endif
