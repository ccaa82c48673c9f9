/* SPDX-License-Identifier: MIT */
#include "analyze/annotate.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/disasm.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/report/report_calls.h"

#define NO_CODE_BYTES 16         /* shown of a function whose extent is not known */
#define MAX_CODE      (8u << 20) /* bytes disassembled for one function, wherever it is inlined */

/* A sampled place of the function. */
struct place {
	uint32_t module;
	uint64_t address;
	const struct profile_frame *frame;
};

/* Code that is one function's, perhaps with others inlined. */
struct range {
	uint64_t start, end;
};

/* Instructions on their way to rows. */
struct insn {
	uint64_t address;
	size_t size;
	char *text; /* owned */
};

struct making {
	const struct profile *p;
	struct module_table *modules;
	struct symbolizer *symbolizer;
	struct annotation *a;
	struct annotation_function *to;
	struct place *places; /* owned; by module, address */
	size_t n_places;
	struct insn *insns; /* owned; of one range */
	size_t n_insns, max_insns;
	uint64_t code;       /* bytes disassembled for the function so far */
	const char *missing; /* why some code of the function is not shown, so far */
};

/* ---- texts and rows ---- */

static const char *keep(struct annotation *a, const char *text)
{
	/* lines of one file come one after the other */
	if (a->n_texts && !strcmp(a->texts[a->n_texts - 1], text))
		return a->texts[a->n_texts - 1];
	if (a->n_texts == a->max_texts) {
		size_t max = a->max_texts ? 2 * a->max_texts : 256;
		char **bigger = realloc(a->texts, max * sizeof(*bigger));

		if (!bigger)
			return NULL;
		a->texts = bigger;
		a->max_texts = max;
	}
	a->texts[a->n_texts] = strdup(text);
	return a->texts[a->n_texts] ? a->texts[a->n_texts++] : NULL;
}

static struct annotation_row *add_row(struct making *m)
{
	struct annotation_function *f = m->to;

	if (f->n_rows == f->max_rows) {
		size_t max = f->max_rows ? 2 * f->max_rows : 256;
		struct annotation_row *bigger = realloc(f->rows, max * sizeof(*bigger));

		if (!bigger)
			return NULL;
		f->rows = bigger;
		f->max_rows = max;
	}
	f->rows[f->n_rows] = (struct annotation_row){ 0 };
	return &f->rows[f->n_rows++];
}

static int set_line(struct making *m, struct annotation_row *row, const struct symbol *s)
{
	if (!s->file)
		return 0;
	row->file = keep(m->a, s->file);
	row->line = s->line;
	row->column = s->column;
	return row->file ? 0 : RUCHY_E_NOMEM;
}

/* ---- places ---- */

static bool has_samples(const struct profile *p, const struct profile_weight *w)
{
	for (size_t i = 0; i < p->n_columns; i++)
		if (w[i].samples)
			return true;
	return false;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->frame > y->frame) - (x->frame < y->frame);
}

/* Where the function itself was sampled. */
static int find_places(struct making *m, uint32_t function)
{
	m->n_places = 0;
	free(m->places);
	m->places = calloc(m->p->n_frames + 1, sizeof(*m->places));
	if (!m->places)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < m->p->n_frames; i++) {
		const struct profile_frame *f = &m->p->frames[i];

		if (f->n_symbols && f->symbols[0].function == function &&
		    has_samples(m->p, f->self))
			m->places[m->n_places++] = (struct place){ f->module_id, f->address, f };
	}
	qsort(m->places, m->n_places, sizeof(*m->places), compare_places);
	return 0;
}

/* ---- code ---- */

/* The code around an address: its FDE's; a few bytes where there is none. Under the lock. */
static struct range range_of(struct module_elf *elf, uint64_t address)
{
	const struct module_fde *all[] = { module_elf_eh_frame(elf), module_elf_debug_frame(elf) };

	for (size_t i = 0; i < 2; i++) {
		size_t upto = module_fde_upto(all[i], address);
		struct module_fde_record fde;

		if (upto &&
		    module_fde_read(&all[i]->section, all[i]->entries[upto - 1].offset, &fde) &&
		    fde.start <= address && address < fde.end)
			return (struct range){ fde.start, fde.end };
	}
	return (struct range){ address, address + NO_CODE_BYTES };
}

static int take_insn(void *arg, uint64_t address, size_t size, const char *text)
{
	struct making *m = arg;

	if (m->n_insns == m->max_insns) {
		size_t max = m->max_insns ? 2 * m->max_insns : 1024;
		struct insn *bigger = realloc(m->insns, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		m->insns = bigger;
		m->max_insns = max;
	}
	m->insns[m->n_insns] = (struct insn){ address, size, strdup(text) };
	return m->insns[m->n_insns].text ? (m->n_insns++, 0) : RUCHY_E_NOMEM;
}

static void drop_insns(struct making *m)
{
	for (size_t i = 0; i < m->n_insns; i++)
		free(m->insns[i].text);
	m->n_insns = 0;
}

/* ---- rows of a range ---- */

static bool is_of(const struct making *m, const struct module *module, const struct symbol *s)
{
	const struct profile_function *f = &m->p->functions[m->to->function];

	return !strcmp(s->function, f->name) && !strcmp(module->name, f->module);
}

/* All places from `*next` on that are in the instruction, as one weight. */
static int add_places(struct making *m, const struct insn *insn, uint32_t module, size_t *next,
		      const struct profile_weight **ret)
{
	const struct place *first = &m->places[*next];

	*ret = NULL;
	if (*next == m->n_places || first->module != module ||
	    first->address >= insn->address + insn->size)
		return 0;
	*ret = first->frame->self;
	for (++*next; *next < m->n_places && m->places[*next].module == module &&
		      m->places[*next].address < insn->address + insn->size;
	     ++*next) { /* the same address, found in another way */
		struct profile_weight *sum = m->a->sums + m->a->n_sums;

		if (m->a->n_sums + m->p->n_columns > m->a->max_sums)
			return RUCHY_E_LIMIT;
		m->a->n_sums += m->p->n_columns;
		for (size_t c = 0; c < m->p->n_columns; c++) {
			sum[c].samples =
				(*ret)[c].samples + m->places[*next].frame->self[c].samples;
			sum[c].count = (*ret)[c].count + m->places[*next].frame->self[c].count;
		}
		*ret = sum;
	}
	return 0;
}

/* Rows of the instructions, named by `lists`; those of other functions are counted only. */
static int make_rows(struct making *m, const struct module *module, const struct symbol_list *lists,
		     size_t *next)
{
	struct annotation_row *skip = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n_insns; i++) {
		const struct symbol *s = &lists[i].symbols[0];
		const struct profile_weight *self;
		struct annotation_row *row;

		rc = add_places(m, &m->insns[i], module->id, next, &self);
		if (rc < 0)
			return rc;
		if (!self && !is_of(m, module, s)) {
			if (!skip)
				skip = add_row(m);
			if (!skip)
				return RUCHY_E_NOMEM;
			skip->address = skip->skipped ? skip->address : m->insns[i].address;
			skip->skipped++;
			continue;
		}
		skip = NULL;
		row = add_row(m);
		if (!row)
			return RUCHY_E_NOMEM;
		row->address = m->insns[i].address;
		row->self = self;
		row->text = keep(m->a, m->insns[i].text);
		rc = row->text ? set_line(m, row, s) : RUCHY_E_NOMEM;
	}
	return rc;
}

static int name_insns(struct making *m, const struct module *module, size_t *next)
{
	struct stack_frame *frames = calloc(m->n_insns + 1, sizeof(*frames));
	struct symbol_list *lists = calloc(m->n_insns + 1, sizeof(*lists));
	int rc = frames && lists ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; rc == 0 && i < m->n_insns; i++)
		frames[i] = (struct stack_frame){ .module = module->id,
						  .address = m->insns[i].address };
	rc = rc < 0 ? rc : symbolizer_run(m->symbolizer, frames, m->n_insns, lists);
	rc = rc < 0 ? rc : make_rows(m, module, lists, next);
	free(frames);
	free(lists);
	return rc;
}

/* A place without code: its line is known all the same. */
static int add_bare(struct making *m, const struct place *place)
{
	const struct profile_symbol *s = &place->frame->symbols[0];
	struct annotation_row *row = add_row(m);

	if (!row)
		return RUCHY_E_NOMEM;
	row->address = place->address;
	row->self = place->frame->self;
	row->file = s->file; /* the profile's, which outlives us */
	row->line = s->line;
	return 0;
}

/* The rows from place `*next` on, up to the end of the code that it is in. */
static int take_range(struct making *m, size_t *next)
{
	const struct place *place = &m->places[*next];
	struct module *module =
		place->module == MODULE_NONE ? NULL : module_table_at(m->modules, place->module);
	const uint8_t *code = NULL;
	struct range range;
	int rc = RUCHY_E_UNSUPPORTED;

	drop_insns(m);
	m->to->why = "the file is not here";
	if (module && module->kind == MODULE_KERNEL)
		m->to->why = "the kernel's code is not in a trace";
	else if (module && module_open(m->modules, module) && module->elf) {
		module_table_lock(m->modules);
		range = range_of(module->elf, place->address);
		module_table_unlock(m->modules);
		m->to->why = module_elf_kept(module->elf)
				     ? "the trace has the file without it; pack --full keeps it, "
				       "or have the file here"
				     : "the file does not have it";
		if (range.end - range.start > DISASM_MAX_CODE ||
		    m->code + (range.end - range.start) > MAX_CODE)
			m->to->why = "there is too much of it";
		else if (module_elf_code(module->elf, range.start, range.end - range.start,
					 &code)) {
			m->code += range.end - range.start;
			m->to->why = "there is no disassembler for it";
			rc = disasm_run(module_elf_machine(module->elf), code,
					range.end - range.start, range.start, take_insn, m);
		}
	}
	if (rc == RUCHY_E_UNSUPPORTED || rc == RUCHY_E_SYS)
		return add_bare(m, &m->places[(*next)++]);
	m->to->why = m->missing;
	return rc < 0 ? rc : name_insns(m, module, next);
}

static int take_function(struct making *m, uint32_t function)
{
	size_t next = 0;
	int rc;

	m->to = &m->a->functions[m->a->n_functions++];
	*m->to = (struct annotation_function){ .function = function };
	m->missing = NULL;
	m->code = 0;
	rc = find_places(m, function);
	while (rc == 0 && next < m->n_places) {
		size_t before = next;

		rc = take_range(m, &next);
		m->missing = m->to->why;
		if (rc == 0 && next == before)
			rc = add_bare(m, &m->places[next++]);
	}
	return rc;
}

/* ---- all of it ---- */

static int take_functions(struct making *m, const uint8_t *marks)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < m->p->n_functions; i++) {
		if (!marks[i] || !has_samples(m->p, m->p->functions[i].self))
			continue;
		if (m->a->n_functions < ANNOTATE_MAX_FUNCTIONS)
			rc = take_function(m, i);
		else
			m->a->n_more++;
	}
	return rc;
}

static struct annotation *annotation_new(const struct profile *p)
{
	struct annotation *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->functions = calloc(ANNOTATE_MAX_FUNCTIONS, sizeof(*a->functions));
	a->max_sums = p->n_frames * p->n_columns;
	a->sums = calloc(a->max_sums + 1, sizeof(*a->sums));
	if (a->functions && a->sums)
		return a;
	annotate_free(a);
	return NULL;
}

int annotate_make(const struct profile *p, const char *name, struct module_table *modules,
		  struct symbolizer *symbolizer, struct annotation **ret, struct ruchy_error *err)
{
	struct making m = { .p = p, .modules = modules, .symbolizer = symbolizer };
	uint8_t *marks;
	size_t n;
	int rc = report_calls_find(p, "--annotate", name, &marks, &n, err);

	if (rc < 0)
		return rc;
	m.a = annotation_new(p);
	rc = m.a ? take_functions(&m, marks) : RUCHY_E_NOMEM;
	if (rc == 0 && !m.a->n_functions)
		rc = ruchy_error_set(err, RUCHY_E_USAGE,
				     "--annotate: '%s' was never sampled itself, only what it "
				     "calls",
				     name);
	else if (rc < 0)
		ruchy_error_set(err, rc, "--annotate: %s", ruchy_error_name(rc));
	drop_insns(&m);
	free(m.insns);
	free(m.places);
	free(marks);
	if (rc == 0)
		*ret = m.a;
	else
		annotate_free(m.a);
	return rc;
}

void annotate_free(struct annotation *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->functions && i < a->n_functions; i++)
		free(a->functions[i].rows);
	free(a->functions);
	for (size_t i = 0; i < a->n_texts; i++)
		free(a->texts[i]);
	free(a->texts);
	free(a->sums);
	free(a);
}
