/* SPDX-License-Identifier: MIT */
/* Samples that hold finished call chains instead of registers and stack bytes. */
#include <linux/perf_event.h>

#include "format/sample_layout.h"
#include "ruchy/trace_writer.h"

#define HEAD_BYTES  8  /* number of frames, end */
#define FRAME_BYTES 17 /* address, stack pointer, flags */

/* What tells when, where and how often, and nothing of what the thread holds. */
#define KEPT_FIELDS                                                                     \
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | \
	 PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |  \
	 PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN)
#define WALKED_FIELDS                                                             \
	(PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_CALLCHAIN | \
	 PERF_SAMPLE_BRANCH_STACK)

uint64_t sample_unwound_type(uint64_t sample_type)
{
	uint64_t kept = sample_type & (uint64_t)KEPT_FIELDS;

	return sample_type & (uint64_t)WALKED_FIELDS ? kept | PERF_SAMPLE_RAW : kept;
}

/* The kernel's part of the chain: what stands before the user's. */
static void put_kernel_chain(const struct event_sample *s, struct ruchy_buf *out)
{
	uint64_t n = 0;

	while (n < s->n_callchain &&
	       ruchy_load64(s->callchain + 8 * n) != (uint64_t)PERF_CONTEXT_USER)
		n++;
	ruchy_buf_put64(out, n);
	ruchy_buf_put(out, s->callchain, 8 * n);
}

static void put_raw(const struct sample_unwound_frame *frames, uint32_t n, uint32_t end,
		    struct ruchy_buf *out)
{
	uint32_t size = HEAD_BYTES + n * FRAME_BYTES;

	size += -(size + 4) & 7; /* with its own size a multiple of 8, as the kernel has it */
	ruchy_buf_put32(out, size);
	ruchy_buf_put32(out, n);
	ruchy_buf_put32(out, end);
	for (uint32_t i = 0; i < n; i++)
		ruchy_buf_put64(out, frames[i].address);
	for (uint32_t i = 0; i < n; i++)
		ruchy_buf_put64(out, frames[i].sp);
	for (uint32_t i = 0; i < n; i++)
		ruchy_buf_put(out, &frames[i].flags, 1);
	for (uint32_t i = HEAD_BYTES + n * FRAME_BYTES; i < size; i++)
		ruchy_buf_put(out, "", 1);
}

int sample_unwound_put(const struct event_desc *desc, const uint8_t *record, size_t size,
		       const struct sample_unwound_frame *frames, uint32_t n, uint32_t end,
		       struct ruchy_buf *out)
{
	size_t start = out->size;
	struct sample_layout layout;
	int rc = sample_layout(desc, record, size, &layout);

	if (rc < 0)
		return rc;
	ruchy_buf_put(out, record, layout.chain_at);
	if (desc->sample_type & PERF_SAMPLE_CALLCHAIN)
		put_kernel_chain(&layout.event.sample, out);
	if (sample_unwound_type(desc->sample_type) & PERF_SAMPLE_RAW)
		put_raw(frames, n, end, out);
	if (out->failed)
		return RUCHY_E_NOMEM;
	if (out->size - start > UINT16_MAX) {
		out->size = start;
		return RUCHY_E_LIMIT;
	}
	ruchy_store16(out->data + start + 6, (uint16_t)(out->size - start));
	return 0;
}

bool sample_unwound_get(const struct event_sample *sample, uint32_t *ret_n, uint32_t *ret_end)
{
	uint32_t n;

	if (!sample->raw || sample->raw_size < HEAD_BYTES)
		return false;
	n = ruchy_load32(sample->raw);
	if (n > (sample->raw_size - HEAD_BYTES) / FRAME_BYTES)
		return false;
	*ret_n = n;
	*ret_end = ruchy_load32(sample->raw + 4);
	return true;
}

struct sample_unwound_frame sample_unwound_frame(const struct event_sample *sample, uint32_t i)
{
	const uint8_t *frames = sample->raw + HEAD_BYTES;
	size_t n = ruchy_load32(sample->raw);

	return (struct sample_unwound_frame){ .address = ruchy_load64(frames + 8 * (size_t)i),
					      .sp = ruchy_load64(frames + 8 * (n + i)),
					      .flags = frames[16 * n + i] };
}
