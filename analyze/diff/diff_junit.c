/* SPDX-License-Identifier: MIT */
/* JUnit's XML, which CI pages show: a test case for each rule. */
#include <stdlib.h>

#include "analyze/diff/diff_report.h"
#include "analyze/report/escape.h"

int diff_junit_write(const struct diff_comparison *c, const struct diff_rule *rules,
		     const struct diff_verdict *verdicts, size_t n_rules, FILE *out)
{
	size_t failed = 0, skipped = 0;

	for (size_t i = 0; i < n_rules; i++) {
		failed += verdicts[i].fired > 0;
		skipped += verdicts[i].problem != NULL;
	}
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"ruchy-analyze diff\" tests=\"%zu\" failures=\"%zu\" "
		"skipped=\"%zu\" errors=\"0\">\n",
		n_rules, failed, skipped);
	for (size_t i = 0; i < n_rules; i++) {
		char *text = NULL;
		size_t size;
		FILE *line;

		fputs("  <testcase classname=\"ruchy-analyze.diff\" name=\"", out);
		escape_put(out, ESCAPE_XML, rules[i].text);
		fputs("\">", out);
		if (verdicts[i].problem)
			fprintf(out, "<skipped message=\"%s\"/>", verdicts[i].problem);
		if (verdicts[i].fired) {
			line = open_memstream(&text, &size);
			if (!line)
				return RUCHY_E_NOMEM;
			diff_verdict_say(&verdicts[i], c, line);
			if (fclose(line) != 0) {
				free(text);
				return RUCHY_E_NOMEM;
			}
			fputs("<failure message=\"", out);
			escape_put(out, ESCAPE_XML, text);
			fputs("\"/>", out);
			free(text);
		}
		fputs("</testcase>\n", out);
	}
	fputs("</testsuite>\n", out);
	return 0;
}
