/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the numbers of the trace format. docs/format.md is normative; this
 * page and that one change together.
 *
 * A trace is a sequence of Zstandard frames. Ours are skippable frames
 * (u32 magic, u32 body size, body); every body starts with WIRE_TAG and the
 * CRC-32 of all body bytes that follow the CRC. All numbers are little-endian.
 */
#ifndef RUCHY_WIRE_H
#define RUCHY_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC_HEADER 0x184D2A51u
#define WIRE_MAGIC_CHUNK  0x184D2A52u
#define WIRE_MAGIC_ROUND  0x184D2A53u
#define WIRE_MAGIC_INDEX  0x184D2A54u
#define WIRE_TAG          0x43525452u /* "RTRC" */

#define WIRE_VERSION_MAJOR 1
#define WIRE_VERSION_MINOR 0

#define WIRE_TRACE_ID_BYTES 16

/* Body sizes of this version; a reader accepts longer bodies and ignores the rest. */
#define WIRE_HEADER_BYTES      48
#define WIRE_CHUNK_BYTES       80
#define WIRE_ROUND_BYTES       48
#define WIRE_INDEX_BYTES       40 /* before the entries */
#define WIRE_INDEX_ENTRY_BYTES 48
#define WIRE_INDEX_TRAILER_BYTES \
	16 /* u64 bytes from the index frame's start to the end of file, then "RTRCINDX" */
#define WIRE_INDEX_TRAILER_MAGIC "RTRCINDX"

/* Bounds that writers keep and readers enforce. */
#define WIRE_MAX_CHUNK_BYTES (64u << 20) /* a chunk's raw size */
#define WIRE_MAX_META_BYTES  (64u << 20) /* all META payloads of a trace together */
#define WIRE_MAX_INDEX_BYTES (64u << 20) /* the body of the index frame */
#define WIRE_MAX_BODY_BYTES  1024u       /* the body of any other frame of ours */
#define WIRE_MAX_EVENTS      4096u       /* META items of that kind */
#define WIRE_MAX_COUNTERS    1024u       /* a report has something to say of each */
#define WIRE_MAX_FALLBACKS   1024u
#define WIRE_MAX_OBJECT_ID   64u   /* bytes of an object's build-id */
#define WIRE_MAX_NAME_BYTES  4096u /* of an event or counter: it may stand in every line */

/* Incompatible features: a reader that does not know a set bit must refuse. */
#define WIRE_INCOMPAT_STACK_SHARE UINT64_C(1) /* stack dumps may be cut and shared */
#define WIRE_INCOMPAT_STACK_PATCH UINT64_C(2) /* stack dumps may be patches */
#define WIRE_INCOMPAT_UNWOUND     UINT64_C(4) /* samples hold finished call chains */
#define WIRE_INCOMPAT_COMPACT     UINT64_C(8) /* payloads may be compact */
#define WIRE_INCOMPAT_KNOWN                                                              \
	(WIRE_INCOMPAT_STACK_SHARE | WIRE_INCOMPAT_STACK_PATCH | WIRE_INCOMPAT_UNWOUND | \
	 WIRE_INCOMPAT_COMPACT)

/* In dyn_size of a stack dump: what is stored is a patch. */
#define WIRE_STACK_PATCH (UINT64_C(1) << 63)

/* Chunk kinds; unknown ones are skipped by their length. */
enum wire_chunk_kind {
	WIRE_CHUNK_META = 1,     /* items: u32 tag, u32 length, bytes, zero padding to 8 */
	WIRE_CHUNK_SIDEBAND = 2, /* perf records that are not samples */
	WIRE_CHUNK_SAMPLES =
		3, /* perf records: samples, and what stands among them (LOST, THROTTLE, SWITCH) */
	WIRE_CHUNK_KALLSYMS = 4, /* whole lines of /proc/kallsyms, those that samples need */
	WIRE_CHUNK_PERF_MAP = 5, /* whole lines of a process's perf map */
	WIRE_CHUNK_JITDUMP = 6,  /* a part of a process's jitdump */
	WIRE_CHUNK_OBJECT = 7,   /* a part of a file of the target, see below */
};

/* How a chunk's payload is stored; no other form can be read. */
enum wire_form {
	WIRE_FORM_PLAIN = 0,
	WIRE_FORM_COMPACT = 1, /* perf records without what can be told from others */
};

/*
 * OBJECT:  u32 role, u32 flags, u64 size of the file, u32 build-id bytes, u32 path bytes, u32 name
 *          bytes, u32 zero, build-id, path, name, zero padding to 8; then pieces of the file: u64
 *          offset, u64 size, bytes, zero padding to 8.
 */
enum wire_object_role {
	WIRE_OBJECT_FILE = 0,    /* the file that was mapped */
	WIRE_OBJECT_DEBUG = 1,   /* its separate debug file */
	WIRE_OBJECT_ALT = 2,     /* the supplementary file of its debug information (dwz) */
	WIRE_OBJECT_PACKAGE = 3, /* the package of its split units (.dwp) */
	WIRE_OBJECT_UNIT = 4,    /* a split unit (.dwo): the name is directory, zero byte, name */
};

#define WIRE_OBJECT_PARTIAL 1u /* flags: parts of the file are left out and read as zeros */
#define WIRE_OBJECT_BYTES   32 /* of the header, before build-id, path and name */

/* META items: tag, value, how many. One list makes the enum and the reader's and writer's names. */
#define WIRE_META_ITEMS(X)                                                                        \
	X(RECORDER, 1)         /* text: program and version */                                    \
	X(HOSTNAME, 2)         /* text */                                                         \
	X(KERNEL, 3)           /* text: release */                                                \
	X(ARCH, 4)             /* text: uname machine, "x86_64" or "aarch64" */                   \
	X(CPU_MODEL, 5)        /* text */                                                         \
	X(PAGE_SIZE, 6)        /* u64 bytes */                                                    \
	X(CPUS, 7)             /* u64: CPUs online */                                             \
	X(COMMAND, 8)          /* argv, each word ended by a zero byte */                         \
	X(CLOCK, 9)            /* u64 CLOCK_MONOTONIC ns, u64 CLOCK_REALTIME ns, one moment */    \
	X(ASKED, 10)           /* text: the recording options in effect, as flags */              \
	X(KERNEL_BUILD_ID, 11) /* 1 to 20 bytes */                                                \
	X(VDSO, 12)            /* the recorder's own vdso, an ELF image */                        \
	X(EVENT, 13)           /* an opened event, see below; numbered from 0 in order */         \
	X(COUNTER, 14)         /* a counter asked for or added, see below, in order */            \
	X(FALLBACK, 15)        /* text: one fallback taken, in order */                           \
	X(TOTAL, 16)       /* u32 event, u32 has_lost, u64 count, enabled_ns, running_ns, lost */ \
	X(LOSS, 17)        /* u32 event, u32 cpu, u64 from_ns, u64 to_ns, u64 lost */             \
	X(END, 18)         /* see below: how the recording ended */                               \
	X(PAC_MASK, 19)    /* u64: bits of a return address that may be its signature */          \
	X(COUNTER_HOW, 20) /* how a counter was opened, see below */                              \
	X(RECORDING, 21)   /* how the events were opened together, see below */                   \
	X(STACK_PRIVACY, 22) /* text: what was done to stacks and registers: "redact" */          \
	X(UNWOUND, 24)       /* text: program and version that unwound the samples */             \
	X(PAUSED, 25)        /* u64: the time since when nothing was sampled, for a while */

#define WIRE_META_ENUM(name, value) WIRE_META_##name = (value),
enum wire_meta_tag { WIRE_META_ITEMS(WIRE_META_ENUM) };
#undef WIRE_META_ENUM

/*
 * EVENT:   u32 role, u32 id count, u32 attr bytes, u32 name bytes, attr, ids (u64 each), name.
 * COUNTER: u32 flags, i32 event (-1: unavailable), i32 fallback event (-1: none), u32 name bytes,
 *          u32 reason bytes, u32 zero, name, reason.
 * COUNTER_HOW: u32 counter (its number among COUNTER items), u32 group (0: none), u64 scale (bits
 *          of an IEEE 754 double), u32 unit bytes, u32 mode bytes, u32 pmus bytes, u32 zero, unit,
 *          mode, pmus.
 * RECORDING: u32 flags (WIRE_RECORDING_*), i32 event whose time running is the CPU time of the
 * tasks
 *          (-1: none), text.
 * END:     u32 wait status of the command (as wait(2)), u32 how (WIRE_END_*), u64 duration_ns,
 *          u64 recorder's user+system CPU ns, u64 samples written, u64 stack dumps withheld.
 */
/*
 * RAW of a sample of an UNWOUND trace: u32 number of user frames, u32 how the stack ends, then for
 * each frame, leaf first, its u64 address, then for each its u64 stack pointer, then for each u8
 * flags, padded so that the record stays a multiple of 8.
 */
enum wire_unwound_flags {
	WIRE_UNWOUND_RETURN = 1,   /* the address is the last byte of a call */
	WIRE_UNWOUND_FALLBACK = 2, /* found by frame pointer where CFI is missing */
};
#define WIRE_UNWOUND_ENDS(X) \
	X(ENTRY, 0)          \
	X(KERNEL_ONLY, 1)    \
	X(EXEC, 2)           \
	X(TRUNCATED, 3)      \
	X(NO_CFI, 4)         \
	X(NO_MODULE, 5)      \
	X(NO_MAPPING, 6)     \
	X(BAD_CFA, 7)        \
	X(NO_REGISTERS, 8)   \
	X(LIMIT, 9)
#define WIRE_UNWOUND_ENUM(name, value) WIRE_UNWOUND_##name = (value),
enum wire_unwound_end { WIRE_UNWOUND_ENDS(WIRE_UNWOUND_ENUM) };
#undef WIRE_UNWOUND_ENUM

enum wire_event_role {
	WIRE_ROLE_TIME_BASE = 0, /* only its samples weigh time */
	WIRE_ROLE_COUNTER = 1,   /* sampled on its own overflow */
	WIRE_ROLE_SIDEBAND = 2,  /* the dummy event that carries MMAP2, COMM, FORK, EXIT */
	WIRE_ROLE_OFF_CPU = 3,   /* sampled where a thread leaves the CPU; weighs no time */
};

#define WIRE_STATUS_RUNNING \
	0xffffffffu /* END: the command still ran when the recording was stopped */

#define WIRE_COUNTER_REQUESTED 1u /* the user named it; else the recorder added it */

#define WIRE_RECORDING_READ         1u /* samples hold counter values (PERF_SAMPLE_READ) */
#define WIRE_RECORDING_READ_REFUSED 2u /* the kernel refuses them for inherited events */
#define WIRE_RECORDING_TURNS        4u /* more counters than the PMU has: they take turns */
#define WIRE_RECORDING_SWITCHES     8u /* among the samples stand SWITCH records of all threads */

enum wire_end {
	WIRE_END_COMMAND = 0, /* the command ended */
	WIRE_END_SIGNAL = 1,  /* the recorder was asked to stop */
	WIRE_END_FAILED = 2,  /* recording failed before the command ended */
	WIRE_END_GOES_ON = 3, /* the recording goes on, in another trace */
};

#endif
