/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/unwind_libunwind.h"

#ifdef RUCHY_LIBUNWIND

#include <libunwind.h>
#include <stdlib.h>

#include "analyze/process/module_dwfl.h"

#ifdef __x86_64__
#define BUILT_FOR arch_x86_64
#else
#define BUILT_FOR arch_aarch64
#endif

/* libunwind does not bound its loops over CFI and expressions, but reads every byte of them here.
 * A binary search and a large FDE take some hundred reads. */
#define MAX_READS_PER_STEP (1u << 16)

/* Public, but in no header: the documented way to look a pc up in another process's table. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *,
					      unw_proc_info_t *, int, void *);

/* Where the search tables that we make lie: addresses that no process has. */
#define TABLES_AT (1ull << 63)

/* The search table of a module: its .eh_frame_hdr, or one that we made of its .eh_frame. */
struct search_table {
	bool tried;
	uint64_t header;  /* link-time; entries are relative to it */
	uint64_t entries; /* link-time, of the file's own; 0: `made` */
	uint64_t *made;   /* owned: two int32 each, start and FDE */
	size_t n;
};

/* Why the last step failed, as far as the accessors saw it. */
enum obstacle { NOTHING, STACK_BYTES, REGISTER, NO_MAPPING, NO_MODULE, NO_CFI };

struct unwind_libunwind {
	const struct arch *arch;
	struct module_table *modules; /* borrowed */
	unw_addr_space_t space;       /* owned */
	struct search_table *tables;  /* owned, by module id */
	size_t n_tables;
	/* one walk */
	const struct process_table *processes;
	const struct event *sample;
	const struct regs *regs;
	/* the module that addresses outside of the stack are looked for in first, and where it is:
	 * runtime = link-time + bias */
	const struct module *module;
	uint64_t bias;
	const struct search_table *table; /* of `module`, while it is searched */
	/* one step */
	enum obstacle obstacle;
	unsigned reads;
	bool zero_read; /* the last word of stack bytes that was read is zero */
};

/* The module of a runtime address becomes the current one; false where none is open. */
static bool enter_module(struct unwind_libunwind *e, uint64_t pc)
{
	struct mapping map;
	uint64_t at;

	e->module = NULL;
	if (!process_table_find(e->processes, e->sample->pid, pc, e->sample->time_ns, &map)) {
		e->obstacle = NO_MAPPING;
		return false;
	}
	if (map.module->kind == MODULE_ANON) {
		e->obstacle = NO_CFI;
		return false;
	}
	if (!module_open(e->modules, map.module) ||
	    !module_address(map.module, pc - map.start + map.file_offset, &at)) {
		e->obstacle = NO_MODULE;
		return false;
	}
	e->module = map.module;
	e->bias = pc - at;
	return true;
}

/* An aligned word, of which a part at least is in the file: tables end where they like. */
static bool read_file(const struct unwind_libunwind *e, uint64_t address, unw_word_t *ret)
{
	const uint8_t *byte;
	bool any = false;

	if (module_elf_constant(e->module->elf, address - e->bias, sizeof(*ret), &byte)) {
		*ret = ruchy_load64(byte);
		return true;
	}
	*ret = 0;
	for (unsigned i = 0; i < sizeof(*ret); i++)
		if (module_elf_constant(e->module->elf, address - e->bias + i, 1, &byte)) {
			*ret |= (unw_word_t)*byte << 8 * i;
			any = true;
		}
	return any;
}

/* ---- search tables ---- */

/* Of a file without .eh_frame_hdr, as linkers leave static programs. */
static void make_table(struct search_table *t, const struct module_fde *fdes)
{
	if (!fdes->n)
		return;
	t->made = calloc(fdes->n, sizeof(*t->made));
	if (!t->made)
		return;
	t->header = fdes->entries[0].start;
	for (size_t i = 0; i < fdes->n; i++) {
		int64_t start = (int64_t)(fdes->entries[i].start - t->header);
		uint64_t at = fdes->section.address + fdes->entries[i].offset;
		int64_t record = (int64_t)(at - t->header);

		if (start == (int32_t)start && record == (int32_t)record)
			t->made[t->n++] = (uint32_t)start | (uint64_t)(uint32_t)record << 32;
	}
}

static const struct search_table *table_of(struct unwind_libunwind *e, const struct module *m)
{
	struct module_eh_table file;
	struct search_table *t;

	if (m->id >= e->n_tables) {
		size_t n = module_table_count(e->modules);
		struct search_table *tables = realloc(e->tables, n * sizeof(*tables));

		if (!tables)
			return NULL;
		for (size_t i = e->n_tables; i < n; i++)
			tables[i] = (struct search_table){ 0 };
		e->tables = tables;
		e->n_tables = n;
	}
	t = &e->tables[m->id];
	if (!t->tried && module_elf_eh_table(m->elf, &file)) {
		t->header = file.header;
		t->entries = file.entries;
		t->n = file.n_entries;
	} else if (!t->tried) {
		module_table_lock(e->modules);
		make_table(t, module_elf_eh_frame(m->elf));
		module_table_unlock(e->modules);
	}
	t->tried = true;
	return t->n ? t : NULL;
}

/* ---- accessors ---- */

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
		      void *arg)
{
	struct unwind_libunwind *e = arg;

	(void)space;
	if (write || ++e->reads > MAX_READS_PER_STEP)
		return -UNW_EINVAL;
	if (sample_stack_read64(&e->sample->sample.stack, address, value)) {
		e->zero_read = !*value;
		return 0;
	}
	if (e->table && e->table->made && address - TABLES_AT < e->table->n * 8) {
		*value = e->table->made[(address - TABLES_AT) / 8];
		return 0;
	}
	if (e->module && read_file(e, address, value))
		return 0;
	/* The pointer to a personality routine lies where the loader writes; any will do. */
	if (e->table) {
		*value = 0;
		return 0;
	}
	e->obstacle = STACK_BYTES;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
		      void *arg)
{
	struct unwind_libunwind *e = arg;
	unsigned column = number == UNW_REG_IP ? e->arch->pc : (unsigned)number;

	(void)space;
	if (!write && number >= 0 && regs_get(e->regs, column, value))
		return 0;
	e->obstacle = REGISTER;
	return -UNW_EBADREG;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need,
			  void *arg)
{
	struct unwind_libunwind *e = arg;
	const struct search_table *table;
	unw_dyn_info_t where = { .format = UNW_INFO_FORMAT_REMOTE_TABLE };
	int result;

	if (!enter_module(e, ip))
		return -UNW_ENOINFO;
	table = table_of(e, e->module);
	if (!table) {
		e->obstacle = NO_CFI;
		return -UNW_ENOINFO;
	}
	where.start_ip = 0;
	where.end_ip = UINT64_MAX;
	where.u.rti.segbase = table->header + e->bias;
	where.u.rti.table_data = table->made ? TABLES_AT : table->entries + e->bias;
	where.u.rti.table_len = table->n * 8 / sizeof(unw_word_t);
	e->table = table;
	result = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &where, info, need, arg);
	e->table = NULL;
	if (result == 0)
		return 0;
	e->obstacle = NO_CFI;
	return -UNW_ENOINFO;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
	(void)space;
	(void)info;
	(void)arg;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *address, void *arg)
{
	(void)space;
	(void)address;
	(void)arg;
	return -UNW_ENOINFO;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t address, char *name, size_t size,
		   unw_word_t *offset, void *arg)
{
	(void)space;
	(void)address;
	(void)name;
	(void)size;
	(void)offset;
	(void)arg;
	return -UNW_EINVAL;
}

/* ---- the walk ---- */

/* One frame; false where there is no room. `address` is the pc, or the byte before it. */
static bool push(struct unwind_libunwind *e, uint64_t address, uint64_t sp, uint32_t flags,
		 struct stack *s)
{
	struct stack_frame frame = { .module = MODULE_NONE, .flags = flags, .sp = sp };
	struct mapping map;

	if (s->n_frames == STACK_MAX_FRAMES) {
		s->end = STACK_END_LIMIT;
		return false;
	}
	frame.address = address;
	if (process_table_find(e->processes, e->sample->pid, address, e->sample->time_ns, &map)) {
		module_use(map.module);
		frame.module = map.module->id;
		if (map.module->kind != MODULE_ANON)
			frame.address = address - map.start + map.file_offset;
		if (map.module->kind != MODULE_ANON && module_open(e->modules, map.module))
			module_address(map.module, frame.address, &frame.address);
	}
	s->frames[s->n_frames++] = frame;
	return true;
}

static enum stack_end end_of(const struct unwind_libunwind *e, int result)
{
	/* 0 is an undefined return address, and a zero; that it reads last. */
	if (result == 0 && e->obstacle == NOTHING)
		return e->zero_read ? STACK_END_BAD_CFA : STACK_END_ENTRY;
	switch (e->obstacle) {
	case STACK_BYTES:
		return STACK_END_TRUNCATED;
	case REGISTER:
		return STACK_END_NO_REGISTERS;
	case NO_MAPPING:
		return STACK_END_NO_MAPPING;
	case NO_MODULE:
		return STACK_END_NO_MODULE;
	case NO_CFI:
		return STACK_END_NO_CFI;
	case NOTHING:
		break;
	}
	return STACK_END_BAD_CFA;
}

/* Is the frame that it stepped to more than a guess? It guesses where there is no CFI. */
static bool is_sure(const struct unwind_libunwind *e, unw_cursor_t *cursor)
{
	struct mapping map;
	unw_word_t pc;

	if (e->obstacle == NO_MAPPING || e->obstacle == NO_MODULE)
		return false;
	return e->obstacle != NO_CFI ||
	       (unw_get_reg(cursor, UNW_REG_IP, &pc) == 0 &&
		process_table_find(e->processes, e->sample->pid, pc - 1, e->sample->time_ns, &map));
}

void unwind_libunwind_walk(struct unwind_libunwind *e, const struct process_table *processes,
			   const struct event *sample, const struct regs *regs, struct stack *s)
{
	uint32_t flags = 0;
	unw_cursor_t cursor;
	unw_word_t pc, sp;
	int result;

	e->processes = processes;
	e->sample = sample;
	e->regs = regs;
	e->module = NULL;
	s->end = STACK_END_NO_REGISTERS;
	if (unw_init_remote(&cursor, e->space, e) < 0)
		return;
	do {
		bool handler;

		if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 ||
		    unw_get_reg(&cursor, UNW_REG_SP, &sp) < 0)
			return;
		e->reads = 0;
		/* looks at the code there */
		handler = enter_module(e, pc) && unw_is_signal_frame(&cursor) > 0;
		if (handler)
			flags &= ~(uint32_t)STACK_FRAME_RETURN;
		if (!push(e, pc - (flags & STACK_FRAME_RETURN ? 1 : 0), sp, flags, s))
			return;
		e->obstacle = NOTHING;
		e->reads = 0;
		e->zero_read = false;
		result = unw_step(&cursor);
		flags = handler ? 0 : STACK_FRAME_RETURN;
		/* It then went by the frame pointer, or by what it knows of PLT entries. */
		if (e->obstacle == NO_CFI)
			flags |= STACK_FRAME_FALLBACK;
	} while (result > 0 && is_sure(e, &cursor));
	s->end = end_of(e, result);
}

/* ---- life ---- */

int unwind_libunwind_new(const struct arch *arch, struct module_table *modules,
			 struct unwind_libunwind **ret, struct ruchy_error *err)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = no_dynamic_info,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = no_resume,
		.get_proc_name = no_name,
	};
	struct unwind_libunwind *e;

	if (arch != &BUILT_FOR)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "libunwind here is for %s, the trace is of %s: use "
				       "--unwinder=rows",
				       BUILT_FOR.name, arch->name);
	e = calloc(1, sizeof(*e));
	if (e)
		e->space = unw_create_addr_space(&accessors, 0);
	if (!e || !e->space) {
		free(e);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	}
	e->arch = arch;
	e->modules = modules;
	/* What it caches is by pc, whatever process and moment the pc is of. */
	unw_set_caching_policy(e->space, UNW_CACHE_NONE);
	*ret = e;
	return 0;
}

void unwind_libunwind_free(struct unwind_libunwind *e)
{
	if (!e)
		return;
	unw_destroy_addr_space(e->space);
	for (size_t i = 0; i < e->n_tables; i++)
		free(e->tables[i].made);
	free(e->tables);
	free(e);
}

#else /* without the library */

int unwind_libunwind_new(const struct arch *arch, struct module_table *modules,
			 struct unwind_libunwind **ret, struct ruchy_error *err)
{
	(void)arch;
	(void)modules;
	(void)ret;
	return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
			       "this build is without libunwind: use --unwinder=rows");
}

void unwind_libunwind_walk(struct unwind_libunwind *e, const struct process_table *processes,
			   const struct event *sample, const struct regs *regs, struct stack *s)
{
	(void)e;
	(void)processes;
	(void)sample;
	(void)regs;
	s->end = STACK_END_NO_REGISTERS;
}

void unwind_libunwind_free(struct unwind_libunwind *e)
{
	(void)e;
}

#endif
