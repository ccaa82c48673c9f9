/* SPDX-License-Identifier: MIT */
/* The comparison as JSON: docs/diff.schema.json. Shares are fractions; what is not known is null.
 */
#include <math.h>
#include <stdlib.h>

#include "analyze/diff/diff_report.h"
#include "analyze/diff/diff_text.h"
#include "analyze/report/json_build.h"

#define MAX_ROWS 5000 /* of a table */

static cJSON *fraction(double percent)
{
	return json_number(percent / 100);
}

static void fill_row(struct json *j, cJSON *object, const struct diff_comparison *c,
		     const struct diff_table *t, const struct diff_row *row, struct ruchy_buf *text)
{
	json_add(j, object, "name", json_text(diff_row_name(c, t, row, text)));
	json_add(j, object, "base", json_number(row->e.base));
	json_add(j, object, "new", json_number(row->e.next));
	json_add(j, object, "change", fraction(row->percent));
	json_add(j, object, "low", fraction(row->low));
	json_add(j, object, "high", fraction(row->high));
	json_add(j, object, "p", row->tested ? json_number(row->e.p) : cJSON_CreateNull());
	json_add(j, object, "q", json_number(row->e.q));
	json_add(j, object, "significant", cJSON_CreateBool(row->significant));
	if (t->of == DIFF_RUN)
		return;
	json_add(j, object, "base_samples", json_count(row->samples[DIFF_BASE]));
	json_add(j, object, "new_samples", json_count(row->samples[DIFF_NEW]));
}

static void add_tables(struct json *j, cJSON *root, const struct diff_comparison *c)
{
	static const char *const of[] = { "function", "path", "run" };
	cJSON *tables = json_add(j, root, "tables", cJSON_CreateArray());
	struct ruchy_buf text = { 0 };

	for (size_t i = 0; i < c->n_tables; i++) {
		const struct diff_table *t = &c->tables[i];
		cJSON *table = json_append(j, tables, cJSON_CreateObject()), *rows;

		json_add(j, table, "of", json_text(of[t->of]));
		json_add(j, table, "measure",
			 json_text(t->of == DIFF_RUN        ? "value"
				   : t->what == DIFF_METRIC ? metric_infos[t->metric].key
				   : t->what == DIFF_SELF   ? "self"
							    : "total"));
		json_add(j, table, "tested", json_count(t->n_tested));
		json_add(j, table, "significant", json_count(t->n_significant));
		json_add(j, table, "omitted",
			 json_count(t->n_rows > MAX_ROWS ? t->n_rows - MAX_ROWS : 0));
		rows = json_add(j, table, "rows", cJSON_CreateArray());
		for (size_t r = 0; r < t->n_rows && r < MAX_ROWS; r++)
			fill_row(j, json_append(j, rows, cJSON_CreateObject()), c, t, &t->rows[r],
				 &text);
	}
	j->failed |= text.failed;
	ruchy_buf_fini(&text);
}

static void add_rules(struct json *j, cJSON *root, const struct diff_rule *rules,
		      const struct diff_verdict *verdicts, size_t n)
{
	cJSON *array = json_add(j, root, "rules", cJSON_CreateArray());

	for (size_t i = 0; i < n; i++) {
		cJSON *rule = json_append(j, array, cJSON_CreateObject());

		json_add(j, rule, "rule", json_text(rules[i].text));
		json_add(j, rule, "fired", json_count(verdicts[i].fired));
		json_add(j, rule, "problem", json_text(verdicts[i].problem));
	}
}

int diff_json_write(const struct diff_comparison *c, const struct diff_rule *rules,
		    const struct diff_verdict *verdicts, size_t n_rules, FILE *out)
{
	struct json j = { 0 };
	cJSON *root = cJSON_CreateObject();
	char *text = NULL;
	int rc = RUCHY_E_NOMEM;

	json_add(&j, root, "version", json_text("1.0"));
	json_add(&j, root, "base_traces", json_count(c->d->n_side[DIFF_BASE]));
	json_add(&j, root, "new_traces", json_count(c->d->n_side[DIFF_NEW]));
	json_add(&j, root, "counter", json_text(diff_column_name(c->d, c->column)));
	json_add(&j, root, "absolute", cJSON_CreateBool(c->absolute));
	json_add(&j, root, "certainty", json_text(diff_text_certainty(c)));
	add_tables(&j, root, c);
	add_rules(&j, root, rules, verdicts, n_rules);
	if (!j.failed && root)
		text = cJSON_Print(root);
	if (text) {
		fputs(text, out);
		fputc('\n', out);
		rc = 0;
	}
	cJSON_Delete(root);
	cJSON_free(text);
	return rc;
}
