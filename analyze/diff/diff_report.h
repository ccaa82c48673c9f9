/* SPDX-License-Identifier: MIT */
/* diff_report.h - a comparison for other programs; each writes to `out`, the caller checks ferror.
 */
#ifndef RUCHY_ANALYZE_DIFF_REPORT_H
#define RUCHY_ANALYZE_DIFF_REPORT_H

#include "analyze/diff/diff_gate.h"

/* docs/diff.schema.json. RUCHY_E_NOMEM. */
int diff_json_write(const struct diff_comparison *c, const struct diff_rule *rules,
		    const struct diff_verdict *verdicts, size_t n_rules, FILE *out);
/* A test case for each rule, failed where it fired. RUCHY_E_NOMEM. */
int diff_junit_write(const struct diff_comparison *c, const struct diff_rule *rules,
		     const struct diff_verdict *verdicts, size_t n_rules, FILE *out);
/* "stack BASE NEW" a line, as difffolded.pl writes; `normalise`: the base's numbers as if both
 * sides had as many samples, its option -n. `counts`: events, else samples. RUCHY_E_NOMEM. */
int diff_folded_write(const struct diff_comparison *c, bool counts, bool normalise, FILE *out);

#endif
