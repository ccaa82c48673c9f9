/* SPDX-License-Identifier: MIT */
/*
 * report_callgrind.h - the callgrind report from weights by (stack, thread, end); apart from the
 * report, which takes them from the rows, so that it can be tested on a profile made by hand.
 */
#ifndef RUCHY_ANALYZE_REPORT_CALLGRIND_H
#define RUCHY_ANALYZE_REPORT_CALLGRIND_H

#include <stdio.h>

#include "analyze/report/report_weights.h"

/* RUCHY_E_NOMEM. */
int report_callgrind_text(const struct profile *p, const struct report_weights *stacks, FILE *out);

#endif
