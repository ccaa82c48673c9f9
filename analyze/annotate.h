/* SPDX-License-Identifier: MIT */
/* annotate.h - makes an annotation (report/annotation.h) of the functions that are meant by a name,
 * of a profile with leaves, while its modules are open. */
#ifndef RUCHY_ANALYZE_ANNOTATE_H
#define RUCHY_ANALYZE_ANNOTATE_H

#include "analyze/process/module.h"
#include "analyze/report/annotation.h"

#define ANNOTATE_MAX_FUNCTIONS 5 /* of an expression's matches, the greatest self first */

/* `name`: of a function, or an extended regular expression. On success `*ret` is the caller's.
 * RUCHY_E_USAGE (no function is meant), RUCHY_E_NOMEM, what the symbolizer returns. */
int annotate_make(const struct profile *p, const char *name, struct module_table *modules,
		  struct symbolizer *symbolizer, struct annotation **ret, struct ruchy_error *err);
void annotate_free(struct annotation *a);

#endif
