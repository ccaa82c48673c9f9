/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/unwind.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/unwind/unwind_finished.h"
#include "analyze/unwind/unwind_libunwind.h"
#include "analyze/unwind/walk.h"

/* Frames of a walk whose words are prefetched for the next. */
#define PREFETCH_FRAMES 64
/* What leads to a frame lies below its stack pointer, on x86-64 a return address first of all. */
#define RETURN_WORD 8

#define KERNEL_NAME "[kernel.kallsyms]"
/* kernel.perf_event_max_stack by default: a callchain of so many entries was cut. */
#define CALLCHAIN_MAX 127

struct unwinder {
	const struct arch *arch;
	uint64_t pac_mask;                  /* of the trace's machine */
	struct module_table *modules;       /* borrowed: of `tables` */
	struct module *kernel;              /* owned by `modules` */
	struct unwind_libunwind *libunwind; /* owned; NULL: rows are the engine */
	bool quick;                         /* by quick steps where they lead */
	bool finished;                      /* the trace's stacks were walked before */
	uint64_t *addresses;                /* borrowed: as of struct walk */
	struct regs_layout layout;          /* of the last sample's registers */
	struct place_cache places;
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
	u->quick = true;
	u->finished = meta->unwound != NULL;
	regs_layout_init(&u->layout, arch, 0);
	u->places.tables = tables;
	u->places.arch = arch;
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
	u->quick = engine == UNWIND_ROWS;
	if (engine != UNWIND_LIBUNWIND)
		return 0;
	return unwind_libunwind_new(u->arch, u->modules, &u->libunwind, err);
}

void unwinder_note_addresses(struct unwinder *u, uint64_t *addresses)
{
	u->addresses = addresses;
}

/* ---- frames ---- */

struct place walk_place(const struct walk *w, uint64_t pc)
{
	if (!w->space_id)
		return (struct place){ .address = pc };
	return w->places->places[place_at(w->places, w->space, w->space_id, pc)];
}

bool walk_low(const struct walk *w, uint64_t *ret_sp)
{
	*ret_sp = w->low;
	return regs_get(&w->regs, w->arch->sp, ret_sp) || w->low;
}

static bool push(struct stack *s, uint32_t module, uint64_t address, uint32_t flags, uint64_t sp)
{
	if (s->n_frames == STACK_MAX_FRAMES) {
		s->end = STACK_END_LIMIT;
		return false;
	}
	s->frames[s->n_frames++] = (struct stack_frame){ module, flags, address, sp };
	return true;
}

static bool push_place(struct stack *s, const struct place *p, uint32_t flags, uint64_t sp)
{
	return push(s, p->module ? p->module->id : MODULE_NONE, p->address, flags, sp);
}

/* The next frame was looked up at `address`. */
static void note_address(const struct walk *w, const struct stack *s, uint64_t address)
{
	if (w->addresses && s->n_frames < STACK_MAX_FRAMES)
		w->addresses[s->n_frames] = address;
}

/* From a located frame to its caller. False: the stack ends for `ret_end`. */
static bool step(struct walk *w, const struct place *p, uint32_t *ret_flags,
		 enum stack_end *ret_end)
{
	const struct cfi_row *row = p->row;

	*ret_flags = 0;
	if (!p->module) {
		*ret_end = STACK_END_NO_MAPPING;
		return false;
	}
	if (p->module->status == MODULE_MISSING || p->module->status == MODULE_REFUSED) {
		*ret_end = STACK_END_NO_MODULE;
		return false;
	}
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
static bool after_syscall(const struct walk *w, uint64_t pc)
{
	struct place at = walk_place(w, pc), before = walk_place(w, pc - 1);

	return at.row && at.row->kind == CFI_ROW_NONE && before.row &&
	       before.row->kind == CFI_ROW_RULES;
}

/* Does the frame return to the kernel's trampoline, whose code no call precedes? `before` is the
 * place of the byte before `pc`. Looked at only where a row ends at `pc`, or there is none. */
static bool at_sigreturn(const struct walk *w, const struct place *before, uint64_t pc)
{
	const struct cfi_row *row = before->row;
	struct place at;

	if (!w->arch->sigreturn || !before->open)
		return false;
	if (row && row->kind != CFI_ROW_NONE && row->end != before->address + 1)
		return false;
	at = walk_place(w, pc);
	return at.row && at.row->signal_frame && at.row->ra_column == w->arch->pc &&
	       at.row->start == at.address;
}

/* A thread that has done nothing yet. */
static bool is_new_thread(const struct walk *w, uint64_t pc)
{
	const struct arch *arch = w->arch;
	uint64_t all = (2ull << (arch->n_columns - 1)) - 1;
	const uint8_t *call;
	struct place p;

	if (!arch->is_new_thread || (w->regs.known & all) != all)
		return false;
	p = walk_place(w, pc - arch->syscall_size);
	return p.open && module_elf_code(p.module->elf, p.address, arch->syscall_size, &call) &&
	       arch->is_new_thread(w->regs.value, call);
}

/* The frame at hand is pushed and left by whatever it takes. `ret_flags` in: of this frame; out: of
 * its caller. False: the stack ended. */
static bool exact_frame(struct walk *w, struct stack *s, bool first, bool in_kernel,
			uint32_t *ret_flags)
{
	uint64_t pc = w->regs.value[w->arch->pc], sp = 0;
	/* A call may be the last instruction of its function: the byte before its return address is
	 * in the caller for sure. */
	bool back = !w->interrupted || (in_kernel && after_syscall(w, pc));
	struct place p = walk_place(w, back ? pc - 1 : pc);

	if (back && at_sigreturn(w, &p, pc)) {
		p = walk_place(w, pc);
		back = false;
	}
	if (back)
		*ret_flags |= STACK_FRAME_RETURN;
	regs_get(&w->regs, w->arch->sp, &sp);
	note_address(w, s, back ? pc - 1 : pc);
	if (!push_place(s, &p, *ret_flags, sp))
		return false;
	if (first && is_new_thread(w, pc)) {
		s->end = STACK_END_ENTRY;
		return false;
	}
	return step(w, &p, ret_flags, &s->end);
}

/*
 * From the sample's registers, of which the main ones are loaded, to the stack's end. `quick`: by
 * quick steps where they lead. They don't keep all registers, so where one is missing afterwards
 * the end is not known: false.
 */
static bool walk_frames(const struct unwinder *u, struct walk *w, const struct sample_regs *regs,
			struct stack *s, bool quick)
{
	const size_t n_kernel = s->n_frames;
	uint32_t flags = 0;

	w->partial = quick;
	w->interrupted = true;
	w->low = 0;
	for (;;) {
		bool first = s->n_frames == n_kernel;

		/* A new thread is seen by all its registers. */
		if (quick && !(first && w->arch->is_new_thread)) {
			size_t before = s->n_frames;

			if (unwind_quick(w, s, flags))
				return true;
			first = s->n_frames == n_kernel;
			flags = s->n_frames > before ? 0 : flags;
		}
		if (first) {
			regs_load(&w->regs, w->arch, &u->layout, regs);
			w->partial = false;
		}
		s->end = STACK_END_NO_REGISTERS;
		if (!(w->regs.known >> w->arch->pc & 1) ||
		    !exact_frame(w, s, first, first && n_kernel, &flags))
			break;
	}
	return !w->partial || (s->end != STACK_END_NO_REGISTERS && s->end != STACK_END_NO_CFI &&
			       s->end != STACK_END_BAD_CFA);
}

static void walk_user(const struct unwinder *u, struct walk *w, const struct sample_regs *regs,
		      struct stack *s)
{
	const size_t n_kernel = s->n_frames;

	if (u->quick && walk_frames(u, w, regs, s, true))
		return;
	s->n_frames = n_kernel;
	walk_frames(u, w, regs, s, false);
}

/*
 * Inside execve(2) the registers are still those that the old program called it with, when its
 * memory is gone already. That it is so takes: a sample in the kernel; a pc that nothing is mapped
 * at; that before the process's last exec code was mapped there, and it is a system call's. Then
 * the caller of execve is named, and that is all that there is.
 */
static void walk_before_exec(struct walk *w, const struct process_table *processes,
			     const struct event *ev, struct stack *s)
{
	size_t size = w->arch->syscall_size;
	const uint8_t *code;
	struct place call;
	uint64_t pc;

	if (ev->pid != ev->tid || !regs_get(&w->regs, w->arch->pc, &pc))
		return;
	w->space = process_table_before_exec(processes, ev->pid, ev->time_ns);
	w->space_id = addrspace_id(w->space);
	call = walk_place(w, pc - size);
	if (!call.open || !module_elf_code(call.module->elf, call.address, size, &code) ||
	    memcmp(code, w->arch->syscall, size) != 0)
		return;
	/* by the instruction's last byte: execve may be the last of its function */
	if (w->addresses)
		w->addresses[s->n_frames - 1] = pc - 1;
	s->frames[s->n_frames - 1] = (struct stack_frame){
		.module = call.module->id,
		.flags = STACK_FRAME_RETURN,
		.address = call.address + size - 1,
	};
	s->end = STACK_END_EXEC;
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
				  STACK_FRAME_KERNEL | (leaf ? 0 : STACK_FRAME_RETURN), 0))
				return sample->n_callchain;
		}
	}
	return i;
}

/* Is `p` the outermost frame of a thread? */
static bool is_entry(const struct place *p)
{
	return p->row && (p->row->kind == CFI_ROW_ENTRY ||
			  (p->row->kind == CFI_ROW_RULES && p->row->ra_undefined));
}

/*
 * Address `i` of the user part, innermost first; 0: there is none. The kernel's walk by frame
 * pointers, or, in LBR call stack mode, the interrupted address and the calls that have not
 * returned. A call's own address is given as if it were the last byte before a return address.
 */
static uint64_t user_address(const struct event_sample *sample, uint64_t from, uint64_t i)
{
	if (i && sample->call_stack && sample->n_branches)
		return i <= sample->n_branches ? event_branch(sample, i - 1).from + 1 : 0;
	return from + i < sample->n_callchain ? ruchy_load64(sample->callchain + 8 * (from + i))
					      : 0;
}

/* Was the user part as long as its recorder's memory? The LBR has 8, 16 or 32 entries. */
static bool is_cut(const struct event_sample *sample)
{
	uint64_t n = sample->n_branches;

	return sample->call_stack && n ? n == 8 || n == 16 || n >= 32
				       : sample->n_callchain >= CALLCHAIN_MAX;
}

/*
 * The user part as the kernel or the CPU knew it. It ends with the first frame whose code keeps no
 * frame pointer, or the first call that is known; only where that is an entry function the stack is
 * complete.
 */
static void user_callchain(const struct walk *w, const struct event *ev, uint64_t from,
			   struct stack *s)
{
	const struct event_sample *sample = &ev->sample;
	struct place p = { 0 };
	bool leaf = true;
	uint64_t ip;

	for (uint64_t i = 0; (ip = user_address(sample, from, i)) != 0; i++) {
		if (ip >= (uint64_t)PERF_CONTEXT_MAX)
			break;
		if (!leaf)
			ip &= ~w->pac_mask; /* kernels before 5.10 leave it to us */
		/* The kernel reads whatever the last frame pointer points to. */
		if (ip >= w->arch->address_end)
			break;
		p = walk_place(w, leaf ? ip : ip - 1);
		note_address(w, s, leaf ? ip : ip - 1);
		if (!push_place(s, &p, leaf ? 0 : STACK_FRAME_RETURN, 0))
			return;
		leaf = false;
	}
	if (is_entry(&p))
		s->end = STACK_END_ENTRY;
	else if (is_cut(sample))
		s->end = STACK_END_LIMIT;
	else
		s->end = STACK_END_NO_CFI;
}

/* A sample whose user registers are unusable: its ip is all there is, if that is user code. */
static void ip_only(const struct walk *w, const struct event *ev, struct stack *s)
{
	unsigned mode = ev->misc & PERF_RECORD_MISC_CPUMODE_MASK;

	s->end = STACK_END_NO_REGISTERS;
	if (mode == PERF_RECORD_MISC_USER && !s->n_frames) {
		struct place p = walk_place(w, ev->sample.ip);

		note_address(w, s, ev->sample.ip);
		push_place(s, &p, 0, 0);
	}
}

/* What the engine begins with; rows load what they need themselves. */
static void known_regs(struct unwinder *u, struct regs *regs, const struct sample_regs *sample)
{
	if (sample->mask != u->layout.mask)
		regs_layout_init(&u->layout, u->arch, sample->mask);
	if (!u->libunwind)
		regs_load_main(regs, u->arch, &u->layout, sample);
	if (!regs->known)
		regs_load(regs, u->arch, &u->layout, sample);
}

void unwinder_prefetch(const struct event *sample, const struct stack *last)
{
	const struct sample_stack *stack = &sample->sample.stack;

	if (sample->type != PERF_RECORD_SAMPLE)
		return;
	for (size_t i = last->n_frames; i > 0 && last->n_frames - i < PREFETCH_FRAMES; i--) {
		uint64_t at = last->frames[i - 1].sp - RETURN_WORD - stack->sp;

		if (at < stack->head_size)
			__builtin_prefetch(stack->head + at);
	}
}

void unwinder_walk(struct unwinder *u, const struct process_table *processes,
		   const struct event *ev, struct stack *s)
{
	const struct event_sample *sample = &ev->sample;
	struct walk w;
	unsigned mode = ev->misc & PERF_RECORD_MISC_CPUMODE_MASK;
	size_t n_kernel;
	uint64_t user;

	/* by hand: most of the registers are not to be touched */
	w.arch = u->arch;
	w.places = &u->places;
	w.space = process_table_space(processes, ev->pid, ev->time_ns);
	w.space_id = addrspace_id(w.space);
	w.stack = &sample->stack;
	w.pac_mask = u->pac_mask;
	w.regs.known = 0;
	w.addresses = u->addresses;
	s->n_frames = 0;
	s->end = STACK_END_KERNEL_ONLY;
	user = kernel_frames(u, ev, s);
	if (s->end == STACK_END_LIMIT)
		return;
	if (!s->n_frames &&
	    (mode == PERF_RECORD_MISC_KERNEL || mode == PERF_RECORD_MISC_HYPERVISOR))
		push(s, u->kernel->id, sample->ip, STACK_FRAME_KERNEL, 0);
	n_kernel = s->n_frames;
	if (n_kernel)
		module_use(u->kernel);
	if (u->finished && unwind_finished(&w, processes, ev, s))
		return;
	if (sample->regs.abi == PERF_SAMPLE_REGS_ABI_64)
		known_regs(u, &w.regs, &sample->regs);
	/* With a dump the registers lead further than the kernel's walk by frame pointers. */
	if (w.regs.known && u->libunwind && sample->stack.size)
		unwind_libunwind_walk(u->libunwind, processes, ev, &w.regs, s);
	else if (w.regs.known && (sample->stack.size || user >= sample->n_callchain))
		walk_user(u, &w, &sample->regs, s);
	else if (user < sample->n_callchain)
		user_callchain(&w, ev, user, s);
	else if (sample->regs.abi || !sample->walkable || !s->n_frames)
		ip_only(&w, ev, s);
	if (s->end == STACK_END_NO_MAPPING && n_kernel && s->n_frames == n_kernel + 1)
		walk_before_exec(&w, processes, ev, s);
}
