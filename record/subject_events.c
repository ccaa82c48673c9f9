/* SPDX-License-Identifier: MIT */
#include "record/subject_events.h"

#define MAX_OPENS 5 /* how often events are opened anew, for threads born meanwhile */

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "opening events: out of memory");
}

static int open_once(struct subject *subject, const struct subject_events_config *config,
		     struct fallback_list *fallbacks, struct event_set **ret,
		     struct ruchy_error *err)
{
	struct event_set_config set = { .sys = &perf_sys_kernel,
					.scope = subject_scope(subject),
					.plan = config->plan,
					.pmus = config->pmus };
	struct perf_attr_request request = config->request;
	/* a stand-in for the time base, the sideband */
	size_t n_events = config->plan->n + 2 + config->request.off_cpu;
	int rc = subject_list(subject, config->command, config->cpus, n_events,
			      perf_sys_may_observe_all(&perf_sys_kernel), err);

	if (rc < 0)
		return rc;
	if (set.scope->tasks[0] < 0) { /* everything: nothing is inherited */
		request.inherit = false;
		request.not_idle = true;
	}
	return event_set_open(&set, &request, fallbacks, ret, err);
}

static int open_until_none_is_new(struct subject *subject,
				  const struct subject_events_config *config,
				  struct fallback_list *fallbacks, struct event_set **ret,
				  struct ruchy_error *err)
{
	int rc, born = 0;

	for (int i = 0; i < MAX_OPENS; i++) {
		event_set_free(*ret);
		*ret = NULL;
		fallback_list_fini(fallbacks);
		rc = open_once(subject, config, fallbacks, ret, err);
		if (rc < 0)
			return rc;
		born = subject_count_new(subject);
		if (born <= 0)
			break;
	}
	if (born < 0 ||
	    (born && fallback_add(fallbacks, true,
				  "%d threads were born while events were opened: those may be "
				  "recorded in part",
				  born) < 0))
		return no_memory(err);
	return 0;
}

int subject_events_open(struct subject *subject, const struct subject_events_config *config,
			struct fallback_list *fallbacks, struct event_set **ret,
			struct ruchy_error *err)
{
	struct event_set *events = NULL;
	int rc = open_until_none_is_new(subject, config, fallbacks, &events, err);

	if (!rc && subject_filter(subject) &&
	    fallback_add(fallbacks, true,
			 "more threads than open files are allowed (`ulimit -Hn`): everything is "
			 "recorded, and the rest left out; exact totals are not known") < 0)
		rc = no_memory(err);
	if (rc < 0) {
		event_set_free(events);
		return rc;
	}
	*ret = events;
	return 0;
}
