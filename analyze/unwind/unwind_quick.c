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

/* What stays the same from frame to frame. Copies, as are the registers: nothing that is written
 * meanwhile can be one of them, and the machine's registers hold them. */
struct still {
	const struct sample_stack *stack;
	const uint8_t *head;   /* the dump, as far as it is in one piece: */
	uint64_t low, n_words; /* words begin at [low, low + n_words) */
	uint64_t address_mask, address_end;
	bool leaf_at_cfa; /* the sample's own CFA may be SP */
};

/* What lies across the dump's two parts, in the second one, or in none. Not inline, for it is rare.
 */
static __attribute__((noinline)) bool read_split_word(const struct sample_stack *stack,
						      uint64_t address, uint64_t *ret)
{
	return sample_stack_read64(stack, address, ret);
}

/* A word of the dump. Inline, for this is the walk. */
static inline bool read_word(const struct still *c, uint64_t address, uint64_t *ret)
{
	uint64_t at = address - c->low, split;

	if (at < c->n_words) {
		*ret = ruchy_load64(c->head + at);
		return true;
	}
	if (!read_split_word(c->stack, address, &split))
		return false;
	*ret = split;
	return true;
}

/* The caller's registers. False: left to others, for whatever reason. */
static inline bool step(const struct still *c, struct cfi_step step, bool interrupted,
			struct quick *q)
{
	uint64_t cfa =
		(step.kind == CFI_STEP_FROM_SP ? q->sp : q->fp) + (uint64_t)((int64_t)step.cfa * 8);
	uint64_t ra_at = cfa + (uint64_t)((int64_t)step.ra * 8);
	uint64_t fp_at = cfa + (uint64_t)((int64_t)step.fp * 8);
	uint64_t ra = q->lr;

	if (step.kind == CFI_STEP_FROM_FP && !q->has_fp)
		return false;
	if (cfa <= q->sp && !(cfa == q->sp && c->leaf_at_cfa && interrupted))
		return false;
	if (step.ra ? ra_at < q->sp || !read_word(c, ra_at, &ra) : !q->has_lr)
		return false;
	ra &= c->address_mask;
	if (!ra || ra >= c->address_end)
		return false;
	/* A slot below SP was popped already: the register has its value back. */
	if (step.fp && fp_at >= q->sp)
		q->has_fp = read_word(c, fp_at, &q->fp);
	q->pc = ra;
	q->sp = cfa;
	q->has_lr = false; /* a call overwrote it */
	return true;
}

static struct still still_of(const struct walk *w)
{
	const struct sample_stack *stack = w->stack;
	uint64_t head = stack->head_size < stack->size ? stack->head_size : stack->size;

	return (struct still){ stack,
			       stack->head,
			       stack->sp,
			       head < 8 ? 0 : head - 7,
			       ~w->pac_mask,
			       w->arch->address_end,
			       w->arch->link_register };
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
	const struct still c = still_of(w);
	struct place_cache *const places = w->places;
	const struct addrspace *const space = w->space;
	const uint32_t space_id = w->space_id;
	uint32_t back = w->interrupted ? 0 : STACK_FRAME_RETURN;
	struct quick q = { 0 };
	size_t n = first, at;
	bool ended = false;

	if (!space_id || !regs_get(&w->regs, w->arch->pc, &q.pc) ||
	    !regs_get(&w->regs, w->arch->sp, &q.sp))
		return false;
	load(w, &q);
	at = place_at(places, space, space_id, q.pc - (back ? 1 : 0));
	while (n < STACK_MAX_FRAMES) {
		const struct place_slot *slot = &places->slots[at];

		/* kept only if it is passed */
		s->frames[n] =
			(struct stack_frame){ slot->module, flags | back, slot->address, q.sp };
		ended = slot->step.kind == CFI_STEP_ENTRY;
		n += ended;
		if (ended || slot->step.kind == CFI_STEP_NONE || !step(&c, slot->step, !back, &q))
			break;
		n++;
		back = STACK_FRAME_RETURN;
		flags = 0;
		at = place_caller(places, space, space_id, at, q.pc - 1);
	}
	s->n_frames = n;
	if (ended)
		s->end = STACK_END_ENTRY;
	else if (n > first)
		store(w, &q);
	return ended;
}
