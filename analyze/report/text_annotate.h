/* SPDX-License-Identifier: MIT */
/*
 * text_annotate.h - functions by source line (by column, where a file's code is all of
 * one line), and by instruction, with shares of the run that sum up to the function's
 * self. Sources are shown where source_file.h may read them.
 */
#ifndef RUCHY_ANALYZE_TEXT_ANNOTATE_H
#define RUCHY_ANALYZE_TEXT_ANNOTATE_H

#include "analyze/report/annotation.h"
#include "analyze/report/text_page.h"

/* RUCHY_E_NOMEM. */
int text_annotate_write(const struct text_page *t, const struct annotation *a);

#endif
