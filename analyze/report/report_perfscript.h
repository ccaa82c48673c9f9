/* SPDX-License-Identifier: MIT */
/*
 * report_perfscript.h - one sample as `perf script` prints it; apart from the
 * report, which visits the samples in order of time, so that it can be tested
 * on a profile made by hand. Reads the profile, prints to `out`.
 */
#ifndef RUCHY_ANALYZE_REPORT_PERFSCRIPT_H
#define RUCHY_ANALYZE_REPORT_PERFSCRIPT_H

#include <stdio.h>

#include "analyze/profile/profile.h"

void report_perfscript_sample(const struct profile *p, const struct profile_row *row, FILE *out);

#endif
