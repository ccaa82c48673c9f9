/* SPDX-License-Identifier: MIT */
#include "record/urgency.h"

#include <sys/resource.h>
#include <sys/time.h>

#define MOST_URGENT (-20) /* sched(7) */

void urgency_raise(void)
{
	struct rlimit limit;

	if (setpriority(PRIO_PROCESS, 0, MOST_URGENT) == 0)
		return;
	/* getrlimit(2): RLIMIT_NICE allows down to 20 - rlim_cur. A refusal changes nothing. */
	if (getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur > 20 && limit.rlim_cur <= 40)
		setpriority(PRIO_PROCESS, 0, 20 - (int)limit.rlim_cur);
}
