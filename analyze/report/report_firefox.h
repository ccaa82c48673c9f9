/* SPDX-License-Identifier: MIT */
/*
 * report_firefox.h - the document of --firefox, before it is compressed.
 */
#ifndef RUCHY_ANALYZE_REPORT_FIREFOX_H
#define RUCHY_ANALYZE_REPORT_FIREFOX_H

#include <stdio.h>

#include "analyze/report/report_lanes.h"

/* RUCHY_E_NOMEM. */
int report_firefox_document(const struct profile *p, const struct report_lanes *lanes, FILE *out);

#endif
