/* SPDX-License-Identifier: MIT */
#include "record/fallback.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/error.h"

int fallback_add(struct fallback_list *list, bool announce, const char *fmt, ...)
{
	struct fallback *items;
	char *text;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		if (!strcmp(list->items[i].text, text)) {
			free(text);
			return 0;
		}
	}
	items = realloc(list->items, (list->n + 1) * sizeof(*items));
	if (!items) {
		free(text);
		return RUCHY_E_NOMEM;
	}
	list->items = items;
	items[list->n++] = (struct fallback){ .text = text, .announce = announce };
	return 0;
}

void fallback_list_fini(struct fallback_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].text);
	free(list->items);
	*list = (struct fallback_list){ 0 };
}
