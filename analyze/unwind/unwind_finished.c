/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/unwind_finished.h"

static const struct {
	uint32_t wire;
	enum stack_end end;
} ends[] = {
#define END_ROW(name, number) { (number), STACK_END_##name },
	WIRE_UNWOUND_ENDS(END_ROW)
#undef END_ROW
};

#define N_ENDS (sizeof(ends) / sizeof(ends[0]))

/* An end that a later version knows is one without registers to go on with. */
static enum stack_end end_of(uint32_t wire)
{
	for (size_t i = 0; i < N_ENDS; i++)
		if (ends[i].wire == wire)
			return ends[i].end;
	return STACK_END_NO_REGISTERS;
}

static uint32_t wire_of(enum stack_end end)
{
	for (size_t i = 0; i < N_ENDS; i++)
		if (ends[i].end == end)
			return ends[i].wire;
	return WIRE_UNWOUND_NO_REGISTERS;
}

static uint32_t flags_of(uint8_t wire)
{
	return (wire & WIRE_UNWOUND_RETURN ? STACK_FRAME_RETURN : 0) |
	       (wire & WIRE_UNWOUND_FALLBACK ? STACK_FRAME_FALLBACK : 0);
}

bool unwind_finished(struct walk *w, const struct process_table *processes, const struct event *ev,
		     struct stack *s)
{
	uint32_t n, wire;

	if (!sample_unwound_get(&ev->sample, &n, &wire))
		return false;
	s->end = end_of(wire);
	for (uint32_t i = 0; i < n && s->n_frames < STACK_MAX_FRAMES; i++) {
		struct sample_unwound_frame f = sample_unwound_frame(&ev->sample, i);
		struct place p;

		/* the one frame of a program that is gone */
		if (s->end == STACK_END_EXEC && i + 1 == n) {
			w->space = process_table_before_exec(processes, ev->pid, ev->time_ns);
			w->space_id = addrspace_id(w->space);
		}
		p = walk_place(w, f.address);
		s->frames[s->n_frames++] =
			(struct stack_frame){ .module = p.module ? p.module->id : MODULE_NONE,
					      .flags = flags_of(f.flags),
					      .address = p.address,
					      .sp = f.sp };
	}
	return true;
}

uint32_t unwind_finished_frames(const struct stack *s, const uint64_t *addresses,
				struct sample_unwound_frame *ret, uint32_t *ret_end)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->n_frames; i++) {
		const struct stack_frame *f = &s->frames[i];

		if (f->flags & STACK_FRAME_KERNEL)
			continue;
		ret[n++] = (struct sample_unwound_frame){
			.address = addresses[i],
			.sp = f->sp,
			.flags = (f->flags & STACK_FRAME_RETURN ? WIRE_UNWOUND_RETURN : 0) |
				 (f->flags & STACK_FRAME_FALLBACK ? WIRE_UNWOUND_FALLBACK : 0),
		};
	}
	*ret_end = wire_of(s->end);
	return n;
}
