/* SPDX-License-Identifier: MIT */
/*
 * Nearly every frame is left by a row that needs SP and FP and nothing else. This loop takes such
 * frames as long as they come: a slot of the cache, one or two words of the stack. What is not as
 * usual in any way, it leaves to the steps that know all rules, so it decides nothing on its own.
 */
#include "analyze/unwind/walk.h"

/* The registers that are tracked. */
struct quick {
	uint64_t pc, sp, fp, lr;
	bool has_fp, has_lr;
};

/* A word of the dump. Inline, for this is the walk; what lies across the dump's two parts takes the
 * long way. */
static inline bool read_word(const struct sample_stack *stack, uint64_t address, uint64_t *ret)
{
	uint64_t at = address - stack->sp;

	if (at < stack->head_size && stack->head_size - at >= 8 && at + 8 <= stack->size) {
		*ret = ruchy_load64(stack->head + at);
		return true;
	}
	return sample_stack_read64(stack, address, ret);
}

/* The caller's registers. False: left to others, for whatever reason. */
static inline bool step(const struct walk *w, struct cfi_step step, struct quick *q)
{
	uint64_t cfa =
		(step.kind == CFI_STEP_FROM_SP ? q->sp : q->fp) + (uint64_t)((int64_t)step.cfa * 8);
	uint64_t ra_at = cfa + (uint64_t)(step.ra * 8), fp_at = cfa + (uint64_t)(step.fp * 8);
	uint64_t ra = q->lr;

	if (step.kind == CFI_STEP_FROM_FP && !q->has_fp)
		return false;
	if (cfa <= q->sp && !(cfa == q->sp && w->arch->link_register && w->interrupted))
		return false;
	if (step.ra ? ra_at < q->sp || !read_word(w->stack, ra_at, &ra) : !q->has_lr)
		return false;
	ra &= ~w->pac_mask;
	if (!ra || ra >= w->arch->address_end)
		return false;
	/* A slot below SP was popped already: the register has its value back. */
	if (step.fp && fp_at >= q->sp)
		q->has_fp = read_word(w->stack, fp_at, &q->fp);
	q->pc = ra;
	q->sp = cfa;
	q->has_lr = false; /* a call overwrote it */
	return true;
}

static void load(const struct walk *w, struct quick *q)
{
	q->has_fp = regs_get(&w->regs, w->arch->fp, &q->fp);
	q->has_lr = w->arch->link_register && regs_get(&w->regs, w->arch->ra, &q->lr);
}

static void store(struct walk *w, const struct quick *q)
{
	w->regs.known = 0;
	regs_set(&w->regs, w->arch->pc, q->pc);
	regs_set(&w->regs, w->arch->sp, q->sp);
	if (q->has_fp)
		regs_set(&w->regs, w->arch->fp, q->fp);
	w->partial = true;
	w->interrupted = false;
}

bool unwind_quick(struct walk *w, struct stack *s, uint32_t flags)
{
	const size_t first = s->n_frames;
	struct quick q = { 0 };
	bool ended = false;

	if (!w->space_id || !regs_get(&w->regs, w->arch->pc, &q.pc) ||
	    !regs_get(&w->regs, w->arch->sp, &q.sp))
		return false;
	load(w, &q);
	while (s->n_frames < STACK_MAX_FRAMES) {
		uint32_t back = w->interrupted ? 0 : STACK_FRAME_RETURN;
		const struct place_slot *slot = &w->places->slots[place_at(
			w->places, w->space, w->space_id, q.pc - (back ? 1 : 0))];
		struct stack_frame frame = { slot->module, flags | back, slot->address, q.sp };

		ended = slot->step.kind == CFI_STEP_ENTRY;
		if (!ended && (slot->step.kind == CFI_STEP_NONE || !step(w, slot->step, &q)))
			break;
		s->frames[s->n_frames++] = frame;
		if (ended)
			break;
		w->interrupted = false;
		flags = 0;
	}
	if (ended)
		s->end = STACK_END_ENTRY;
	else if (s->n_frames > first)
		store(w, &q);
	return ended;
}
