/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/unwind.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/unwind/unwind_libunwind.h"
#include "analyze/unwind/walk.h"

#define ROW_CACHE   8192 /* entries, a power of two */
#define KERNEL_NAME "[kernel.kallsyms]"
/* kernel.perf_event_max_stack by default: a callchain of so many entries was cut. */
#define CALLCHAIN_MAX 127

/* Rows by (module, pc), in front of the modules' sorted tables; direct-mapped. */
struct row_slot {
	const struct cfi_row *row; /* NULL: empty */
	uint32_t module;
	uint64_t pc;
};

struct unwinder {
	const struct arch *arch;
	uint64_t pac_mask;                  /* of the trace's machine */
	struct unwind_tables *tables;       /* borrowed */
	struct module_table *modules;       /* borrowed: of `tables` */
	struct module *kernel;              /* owned by `modules` */
	struct unwind_libunwind *libunwind; /* owned; NULL: rows are the engine */
	struct row_slot cache[ROW_CACHE];
};

int unwinder_new(const struct trace_meta *meta, struct unwind_tables *tables, struct unwinder **ret,
		 struct ruchy_error *err)
{
	const struct arch *arch = arch_find(meta->arch ? meta->arch : "x86_64");
	struct unwinder *u;

	if (!arch)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "recordings of %s machines are not supported", meta->arch);
	u = calloc(1, sizeof(*u));
	if (!u)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	u->arch = arch;
	u->pac_mask = meta->has_pac_mask ? meta->pac_mask : arch->pac_mask;
	u->tables = tables;
	u->modules = unwind_tables_modules(tables);
	u->kernel = module_table_get(u->modules, MODULE_KERNEL, KERNEL_NAME, NULL, 0);
	if (!u->kernel) {
		unwinder_free(u);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	}
	*ret = u;
	return 0;
}

void unwinder_free(struct unwinder *u)
{
	if (u)
		unwind_libunwind_free(u->libunwind);
	free(u);
}

int unwinder_use(struct unwinder *u, enum unwind_engine engine, struct ruchy_error *err)
{
	unwind_libunwind_free(u->libunwind);
	u->libunwind = NULL;
	if (engine == UNWIND_ROWS)
		return 0;
	return unwind_libunwind_new(u->arch, u->modules, &u->libunwind, err);
}

/* ---- rows ---- */

/* The row of `pc` (link-time) in an open ELF module; NULL: no memory. */
static const struct cfi_row *row_of(struct unwinder *u, const struct module *m, uint64_t pc)
{
	uint64_t h = (pc ^ (uint64_t)m->id << 40) * 0x9e3779b97f4a7c15ull;
	struct row_slot *slot = &u->cache[h >> 51];

	_Static_assert(ROW_CACHE == 1u << (64 - 51), "the hash's top bits are the slot");
	if (slot->row && slot->pc == pc && slot->module == m->id)
		return slot->row;
	slot->row = unwind_tables_row(u->tables, m, u->arch, pc);
	slot->module = m->id;
	slot->pc = pc;
	return slot->row;
}

/* ---- frames ---- */

const struct mapping *walk_find(struct walk *w, uint64_t address)
{
	struct mapping *map;

	for (unsigned i = 0; i < w->n_mappings; i++)
		if (address - w->mappings[i].start < w->mappings[i].end - w->mappings[i].start)
			return &w->mappings[i];
	map = &w->mappings[w->next_mapping];
	if (!process_table_find(w->processes, w->pid, address, w->time_ns, map)) {
		map->start = map->end = 0;
		return NULL;
	}
	w->next_mapping = (w->next_mapping + 1) % WALK_MAPPINGS;
	if (w->n_mappings < WALK_MAPPINGS)
		w->n_mappings++;
	return map;
}

bool walk_low(const struct walk *w, uint64_t *ret_sp)
{
	*ret_sp = w->low;
	return regs_get(&w->regs, w->arch->sp, ret_sp) || w->low;
}

static bool push(struct stack *s, uint32_t module, uint64_t address, uint32_t flags)
{
	if (s->n_frames == STACK_MAX_FRAMES) {
		s->end = STACK_END_LIMIT;
		return false;
	}
	s->frames[s->n_frames++] =
		(struct stack_frame){ .module = module, .flags = flags, .address = address };
	return true;
}

/* Where a frame's pc is. */
struct place {
	struct module *module; /* NULL: no mapping */
	uint64_t address; /* link-time where the module's file is open, else its file offset; of
			     anonymous code and without a mapping absolute */
	bool open;        /* an ELF file is open and holds the address */
};

static struct place locate(struct unwinder *u, struct walk *w, uint64_t pc)
{
	const struct mapping *map = walk_find(w, pc);
	struct place p = { .address = pc };

	if (!map)
		return p;
	p.module = map->module;
	module_use(p.module);
	if (p.module->kind == MODULE_ANON)
		return p;
	p.address = pc - map->start + map->file_offset;
	if (module_open(u->modules, p.module))
		p.open = module_address(p.module, p.address, &p.address);
	return p;
}

static bool push_place(struct stack *s, const struct place *p, uint32_t flags)
{
	return push(s, p->module ? p->module->id : MODULE_NONE, p->address, flags);
}

/* From a located frame to its caller. False: the stack ends for `ret_end`. */
static bool step(struct unwinder *u, struct walk *w, const struct place *p, uint32_t *ret_flags,
		 enum stack_end *ret_end)
{
	const struct cfi_row *row = NULL;

	*ret_flags = 0;
	if (!p->module) {
		*ret_end = STACK_END_NO_MAPPING;
		return false;
	}
	if (p->module->status == MODULE_MISSING || p->module->status == MODULE_REFUSED) {
		*ret_end = STACK_END_NO_MODULE;
		return false;
	}
	if (p->open)
		row = row_of(u, p->module, p->address);
	if (row && row->kind == CFI_ROW_RULES)
		return unwind_rows_step(w, row, ret_end);
	if (row && row->kind != CFI_ROW_NONE) {
		*ret_end = row->kind == CFI_ROW_ENTRY ? STACK_END_ENTRY : STACK_END_BAD_CFA;
		return false;
	}
	*ret_flags = STACK_FRAME_FALLBACK;
	return unwind_fp_step(w, p->module->kind != MODULE_ANON && p->module->kind != MODULE_JIT,
			      ret_end);
}

/* In a system call the pc is behind its instruction, and that may be the function's last: sigreturn
 * and exit don't return. So where no function is at the pc, but one right before it. */
static bool after_syscall(struct unwinder *u, struct walk *w, uint64_t pc)
{
	struct place at = locate(u, w, pc), before = locate(u, w, pc - 1);
	const struct cfi_row *row;

	if (!at.open || !before.open)
		return false;
	row = row_of(u, at.module, at.address);
	if (!row || row->kind != CFI_ROW_NONE)
		return false;
	row = row_of(u, before.module, before.address);
	return row && row->kind == CFI_ROW_RULES;
}

/* Does the frame return to the kernel's trampoline, whose code no call precedes? `before` is the
 * place of the byte before `pc`. Looked at only where a row ends at `pc`, or there is none. */
static bool at_sigreturn(struct unwinder *u, struct walk *w, const struct place *before,
			 uint64_t pc)
{
	const struct cfi_row *row;
	struct place at;

	if (!u->arch->sigreturn || !before->open)
		return false;
	row = row_of(u, before->module, before->address);
	if (row && row->kind != CFI_ROW_NONE && row->end != before->address + 1)
		return false;
	at = locate(u, w, pc);
	row = at.open ? row_of(u, at.module, at.address) : NULL;
	return row && row->signal_frame && row->ra_column == u->arch->pc &&
	       row->start == at.address;
}

/* A thread that has done nothing yet. */
static bool is_new_thread(struct unwinder *u, struct walk *w, uint64_t pc)
{
	const struct arch *arch = u->arch;
	uint64_t all = (2ull << (arch->n_columns - 1)) - 1;
	const uint8_t *call;
	struct place p;

	if (!arch->is_new_thread || (w->regs.known & all) != all)
		return false;
	p = locate(u, w, pc - arch->syscall_size);
	return p.open && module_elf_code(p.module->elf, p.address, arch->syscall_size, &call) &&
	       arch->is_new_thread(w->regs.value, call);
}

static void walk_user(struct unwinder *u, struct walk *w, struct stack *s)
{
	bool in_kernel = s->n_frames;
	uint32_t flags = 0;
	uint64_t pc;
	bool first = true;

	while (regs_get(&w->regs, u->arch->pc, &pc)) {
		struct place p;
		/* A call may be the last instruction of its function: the byte before its return
		 * address is in the caller for sure. */
		bool back = !w->interrupted || (in_kernel && after_syscall(u, w, pc));

		p = locate(u, w, back ? pc - 1 : pc);
		if (back && at_sigreturn(u, w, &p, pc)) {
			p = locate(u, w, pc);
			back = false;
		}
		if (back)
			flags |= STACK_FRAME_RETURN;
		if (!push_place(s, &p, flags))
			return;
		if (first && is_new_thread(u, w, pc)) {
			s->end = STACK_END_ENTRY;
			return;
		}
		if (!step(u, w, &p, &flags, &s->end))
			return;
		in_kernel = first = false;
	}
	s->end = STACK_END_NO_REGISTERS;
}

/* ---- callchains ---- */

/* The kernel part of the callchain; returns the index where the user part starts. */
static uint64_t kernel_frames(struct unwinder *u, const struct event *ev, struct stack *s)
{
	const struct event_sample *sample = &ev->sample;
	uint64_t i, context = 0;

	for (i = 0; i < sample->n_callchain; i++) {
		uint64_t ip = ruchy_load64(sample->callchain + 8 * i);

		if (ip >= (uint64_t)PERF_CONTEXT_MAX) {
			context = ip;
			if (ip == (uint64_t)PERF_CONTEXT_USER)
				return i + 1;
		} else if (context == (uint64_t)PERF_CONTEXT_KERNEL ||
			   context == (uint64_t)PERF_CONTEXT_HV) {
			bool leaf = !s->n_frames;

			if (!push(s, u->kernel->id, leaf ? ip : ip - 1,
				  STACK_FRAME_KERNEL | (leaf ? 0 : STACK_FRAME_RETURN)))
				return sample->n_callchain;
		}
	}
	return i;
}

/* Is `p` the outermost frame of a thread? */
static bool is_entry(struct unwinder *u, const struct place *p)
{
	const struct cfi_row *row = p->open ? row_of(u, p->module, p->address) : NULL;

	return row &&
	       (row->kind == CFI_ROW_ENTRY || (row->kind == CFI_ROW_RULES && row->ra_undefined));
}

/*
 * The user part as the kernel walked it, by frame pointers. It ends with the first frame whose code
 * keeps none; only where that is an entry function the stack is complete.
 */
static void user_callchain(struct unwinder *u, struct walk *w, const struct event *ev,
			   uint64_t from, struct stack *s)
{
	const struct event_sample *sample = &ev->sample;
	struct place p = { 0 };
	bool leaf = true;

	for (uint64_t i = from; i < sample->n_callchain; i++) {
		uint64_t ip = ruchy_load64(sample->callchain + 8 * i);

		if (ip >= (uint64_t)PERF_CONTEXT_MAX)
			break;
		if (!leaf)
			ip &= ~w->pac_mask; /* kernels before 5.10 leave it to us */
		/* The kernel reads whatever the last frame pointer points to. */
		if (!ip || ip >= u->arch->address_end)
			break;
		p = locate(u, w, leaf ? ip : ip - 1);
		if (!push_place(s, &p, leaf ? 0 : STACK_FRAME_RETURN))
			return;
		leaf = false;
	}
	if (is_entry(u, &p))
		s->end = STACK_END_ENTRY;
	else if (sample->n_callchain >= CALLCHAIN_MAX)
		s->end = STACK_END_LIMIT;
	else
		s->end = STACK_END_NO_CFI;
}

/* A sample whose user registers are unusable: its ip is all there is, if that is user code. */
static void ip_only(struct unwinder *u, struct walk *w, const struct event *ev, struct stack *s)
{
	unsigned mode = ev->misc & PERF_RECORD_MISC_CPUMODE_MASK;

	s->end = STACK_END_NO_REGISTERS;
	if (mode == PERF_RECORD_MISC_USER && !s->n_frames) {
		struct place p = locate(u, w, ev->sample.ip);

		push_place(s, &p, 0);
	}
}

void unwinder_walk(struct unwinder *u, const struct process_table *processes,
		   const struct event *ev, struct stack *s)
{
	const struct event_sample *sample = &ev->sample;
	struct walk w = { .arch = u->arch,
			  .processes = processes,
			  .stack = &sample->stack,
			  .pid = ev->pid,
			  .time_ns = ev->time_ns,
			  .pac_mask = u->pac_mask,
			  .interrupted = true };
	unsigned mode = ev->misc & PERF_RECORD_MISC_CPUMODE_MASK;
	uint64_t user;

	s->n_frames = 0;
	s->end = STACK_END_KERNEL_ONLY;
	user = kernel_frames(u, ev, s);
	if (s->end == STACK_END_LIMIT)
		return;
	if (!s->n_frames &&
	    (mode == PERF_RECORD_MISC_KERNEL || mode == PERF_RECORD_MISC_HYPERVISOR))
		push(s, u->kernel->id, sample->ip, STACK_FRAME_KERNEL);
	if (s->n_frames)
		module_use(u->kernel);
	if (sample->regs.abi == PERF_SAMPLE_REGS_ABI_64)
		regs_load(&w.regs, u->arch, &sample->regs);
	/* With a dump the registers lead further than the kernel's walk by frame pointers. */
	if (w.regs.known && u->libunwind && sample->stack.size)
		unwind_libunwind_walk(u->libunwind, processes, ev, &w.regs, s);
	else if (w.regs.known && (sample->stack.size || user >= sample->n_callchain))
		walk_user(u, &w, s);
	else if (user < sample->n_callchain)
		user_callchain(u, &w, ev, user, s);
	else if (sample->regs.abi || !sample->walkable || !s->n_frames)
		ip_only(u, &w, ev, s);
}
