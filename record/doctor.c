/* SPDX-License-Identifier: MIT */
#include "record/doctor.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "record/perf_attr.h"
#include "record/refusal.h"

#ifndef CAP_PERFMON /* Linux 5.8 */
#define CAP_PERFMON 38
#endif

#define RING_BYTES ((4u << 20) + (512u << 10)) /* of a CPU, asked for first: event_rings.c */
#define LOW_DISK   (UINT64_C(1) << 30)

struct doctor {
	const struct perf_sys *sys;
	const struct pmu_tree *pmus;
	const struct doctor_host *host;
	FILE *out;
	bool works;
	long paranoid;
};

/* ---- lines ---- */

/* "yes  what: how it is" */
__attribute__((format(printf, 4, 5))) static void say(const struct doctor *d, bool yes,
						      const char *what, const char *fmt, ...)
{
	va_list args;

	fprintf(d->out, "%-4s %-18s ", yes ? "yes" : "no", what);
	va_start(args, fmt);
	vfprintf(d->out, fmt, args);
	va_end(args);
	fputc('\n', d->out);
}

/* The one command that makes the line above a yes. */
__attribute__((format(printf, 2, 3))) static void enable(const struct doctor *d, const char *fmt,
							 ...)
{
	va_list args;

	fprintf(d->out, "%-23s -> ", "");
	va_start(args, fmt);
	vfprintf(d->out, fmt, args);
	va_end(args);
	fputc('\n', d->out);
}

static bool has(const struct doctor *d, unsigned capability)
{
	return d->host->capabilities >> capability & 1;
}

/* CAP_SYS_ADMIN is what it was before Linux 5.8, and still does. */
static bool is_privileged(const struct doctor *d)
{
	return has(d, CAP_PERFMON) || has(d, CAP_SYS_ADMIN);
}

/* ---- what may be recorded ---- */

static void say_host(struct doctor *d)
{
	bool filtered = d->sys->filtered(d->sys->ctx);

	fprintf(d->out, "kernel %s, %" PRIu64 " CPUs, kernel.perf_event_paranoid %ld\n",
		d->host->kernel, d->host->cpus, d->paranoid);
	fprintf(d->out, "capabilities:%s%s%s%s%s; seccomp filter: %s\n",
		has(d, CAP_PERFMON) ? " CAP_PERFMON" : "",
		has(d, CAP_SYS_ADMIN) ? " CAP_SYS_ADMIN" : "",
		has(d, CAP_SYS_PTRACE) ? " CAP_SYS_PTRACE" : "",
		has(d, CAP_IPC_LOCK) ? " CAP_IPC_LOCK" : "",
		is_privileged(d) ? "" : " none for recording", filtered ? "yes" : "none");
}

static void say_programs(struct doctor *d, int rc, const struct ruchy_error *why)
{
	if (rc == 0) {
		say(d, true, "own programs", "perf_event_open(2) works");
		return;
	}
	say(d, false, "own programs", "%s", why->text);
	if (d->sys->filtered(d->sys->ctx) && d->paranoid < 3)
		enable(d, "docker run --cap-add PERFMON ...");
	else
		enable(d, "sysctl kernel.perf_event_paranoid=2");
}

static void say_kernel(struct doctor *d, bool granted)
{
	say(d, granted, "kernel samples", "%s",
	    granted ? "system calls and interrupts are seen" : "user space only is recorded");
	if (!granted)
		enable(d, "sysctl kernel.perf_event_paranoid=1");
}

static void say_symbols(struct doctor *d)
{
	say(d, d->host->symbols, "kernel symbols", "/proc/kallsyms %s",
	    d->host->symbols ? "shows addresses" : "hides the addresses (kernel.kptr_restrict)");
	if (!d->host->symbols)
		enable(d, is_privileged(d) ? "sysctl kernel.kptr_restrict=0"
					   : "sysctl kernel.kptr_restrict=0 "
					     "kernel.perf_event_paranoid=1");
}

static void say_system_wide(struct doctor *d)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.disabled = 1,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	struct perf_sys_cpus cpus;
	int cpu = 0, fd;

	if (d->sys->get_cpus(d->sys->ctx, &cpus) == 0)
		while (cpu < 8191 && !(cpus.bits[cpu / 64] >> (cpu % 64) & 1))
			cpu++;
	fd = d->sys->open(d->sys->ctx, &attr, -1, cpu, -1);
	say(d, fd >= 0, "whole system", "%s",
	    fd >= 0 ? "all processes of a CPU can be recorded"
		    : "only programs of one's own can be recorded");
	if (fd >= 0)
		close(fd);
	else
		enable(d, "setcap cap_perfmon,cap_sys_ptrace+ep %s", d->host->program);
}

/* ---- counters ---- */

/* How many of the counters with names of their own open, and which do not. */
static void say_counters(struct doctor *d, bool kernel)
{
	static const char *const names[] = { "cycles",       "instructions", "cache references",
					     "cache misses", "branches",     "branch misses" };
	static const uint8_t configs[] = {
		PERF_COUNT_HW_CPU_CYCLES,          PERF_COUNT_HW_INSTRUCTIONS,
		PERF_COUNT_HW_CACHE_REFERENCES,    PERF_COUNT_HW_CACHE_MISSES,
		PERF_COUNT_HW_BRANCH_INSTRUCTIONS, PERF_COUNT_HW_BRANCH_MISSES
	};
	const struct pmu *core = pmu_tree_core(d->pmus, 0);
	char missing[128] = "";
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(configs); i++) {
		struct perf_event_attr attr = { .size = sizeof(attr),
						.type = PERF_TYPE_HARDWARE,
						.config = configs[i],
						.sample_period = UINT64_C(1) << 40,
						.disabled = 1,
						.exclude_kernel = !kernel,
						.exclude_hv = !kernel };
		int fd = d->sys->open(d->sys->ctx, &attr, 0, -1, -1);

		if (fd >= 0) {
			close(fd);
			n++;
		} else {
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", *missing ? ", " : "; not ", names[i]);
		}
	}
	if (n)
		say(d, true, "hardware counters", "%s: %u of %zu%s (--list tries them all)",
		    core ? core->name : "PMU", n, sizeof(configs), missing);
	else if (!core)
		say(d, false, "hardware counters",
		    "this machine has no PMU, or its hypervisor hides it: cpu_clock instead");
	else
		say(d, false, "hardware counters", "%s: none opens: cpu_clock instead", core->name);
	if (!n && !core)
		enable(d, "of a QEMU virtual machine, on its host: -cpu host,pmu=on");
}

static void say_watchdog(struct doctor *d)
{
	long watchdog;

	if (!pmu_tree_core(d->pmus, 0) || !d->sys->sysctl(d->sys->ctx, "nmi_watchdog", &watchdog))
		return;
	say(d, watchdog == 0, "all counters", "the NMI watchdog %s",
	    watchdog ? "holds one" : "is off");
	if (watchdog)
		enable(d, "sysctl kernel.nmi_watchdog=0");
}

/* ---- the kernel's features, and room ---- */

static void say_features(const struct doctor *d, const struct perf_attr_grant *g)
{
	const struct {
		const char *what, *version;
		bool yes;
	} features[] = {
		{ "counter values in samples of threads and children", "6.12", g->read },
		{ "lost samples counted by event", "6.0", g->lost },
		{ "build-ids in mappings", "5.12", g->build_id },
		{ "files of containers opened safely (openat2)", "5.6", d->host->openat2 },
		{ "CLOCK_MONOTONIC times", "4.1", g->clockid },
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		say(d, features[i].yes, "kernel feature", "%s", features[i].what);
		if (!features[i].yes)
			enable(d, "boot Linux %s or later", features[i].version);
	}
}

static void say_rings(struct doctor *d)
{
	uint64_t wanted = RING_BYTES * d->host->cpus, allowed = d->host->memlock_bytes;
	long per_cpu_kb = 516; /* the kernel's default */
	bool enough;

	d->sys->sysctl(d->sys->ctx, "perf_event_mlock_kb", &per_cpu_kb);
	if (per_cpu_kb > 0 && allowed != UINT64_MAX)
		allowed += (uint64_t)per_cpu_kb * 1024 * d->host->cpus;
	enough = has(d, CAP_IPC_LOCK) || is_privileged(d) || d->paranoid < 0 || allowed >= wanted;
	if (enough)
		say(d, true, "large rings", "%" PRIu64 " KiB of locked memory may be taken",
		    wanted >> 10);
	else
		say(d, false, "large rings",
		    "%" PRIu64 " KiB of locked memory may be taken, %" PRIu64
		    " are wanted: smaller rings",
		    allowed >> 10, wanted >> 10);
	if (!enough)
		enable(d, "sysctl kernel.perf_event_mlock_kb=%" PRIu64,
		       (uint64_t)RING_BYTES / 1024 + 4);
}

static void say_room(struct doctor *d)
{
	uint64_t files = 64 + 8 * d->host->cpus; /* eight events on each CPU */
	bool room = d->host->writable && d->host->free_bytes >= LOW_DISK;

	say(d, d->host->files >= files, "open files",
	    "%" PRIu64 " may be open; an event takes one for each CPU", d->host->files);
	if (d->host->files < files)
		enable(d, "ulimit -n %" PRIu64, files);
	say(d, room, "disk",
	    d->host->writable ? "%" PRIu64 " MiB are free in this directory"
			      : "this directory may not be written (%" PRIu64 " MiB are free)",
	    d->host->free_bytes >> 20);
	if (!room)
		enable(d, "ruchy-record -o /a/larger/disk/trace.rtrace ...");
}

int doctor_print(const struct perf_sys *sys, const struct pmu_tree *pmus,
		 const struct doctor_host *host, FILE *out, bool *ret_works,
		 struct ruchy_error *err)
{
	struct doctor d = { .sys = sys, .pmus = pmus, .host = host, .out = out, .paranoid = 2 };
	struct perf_attr_request request = { .rate_hz = 1000,
					     .stack_bytes = 16384,
					     .inherit = true };
	struct perf_attr_grant grant = { 0 };
	struct fallback_list fallbacks = { 0 };
	struct ruchy_error why = { 0 };
	int rc;

	sys->sysctl(sys->ctx, "perf_event_paranoid", &d.paranoid);
	rc = perf_attr_probe(sys, 0, -1, &request, &grant, &fallbacks, &why);
	fallback_list_fini(&fallbacks);
	if (rc == RUCHY_E_NOMEM)
		return ruchy_error_set(err, rc, "%s", why.text);
	say_host(&d);
	say_programs(&d, rc, &why);
	if (rc == 0) {
		say_kernel(&d, grant.kernel);
		say_symbols(&d);
		say_system_wide(&d);
		say_counters(&d, grant.kernel);
		say_watchdog(&d);
		say_features(&d, &grant);
	}
	say_rings(&d);
	say_room(&d);
	*ret_works = rc == 0;
	return 0;
}
