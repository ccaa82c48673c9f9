/* SPDX-License-Identifier: MIT */
/* report_html.h - the page of samples that were gathered before, for report_html and its test. */
#ifndef RUCHY_ANALYZE_REPORT_HTML_H
#define RUCHY_ANALYZE_REPORT_HTML_H

#include "analyze/report/html_cells.h"
#include "analyze/report/html_stacks.h"
#include "analyze/report/report.h"

/* One row more. RUCHY_E_NOMEM. */
int report_html_add(struct html_stacks *stacks, struct html_cells *cells,
		    const struct profile_row *row);
/* RUCHY_E_NOMEM. */
int report_html_page(const struct profile *p, const struct report_options *options,
		     const struct html_stacks *stacks, const struct html_cells *cells, FILE *out);

#endif
