/* SPDX-License-Identifier: MIT */
/*
 * report_pprof.h - the message of the pprof report without compression, from weights by
 * (stack, thread, end); apart from the report, which takes them from the rows, so that it can be
 * tested on a profile made by hand.
 */
#ifndef RUCHY_ANALYZE_REPORT_PPROF_H
#define RUCHY_ANALYZE_REPORT_PPROF_H

#include <stdio.h>

#include "analyze/report/report_weights.h"

/* RUCHY_E_NOMEM. */
int report_pprof_message(const struct profile *p, const struct report_weights *stacks, FILE *out);

#endif
