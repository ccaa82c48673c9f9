/* SPDX-License-Identifier: MIT */
#include "record/run_as.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_GROUPS 65536 /* NGROUPS_MAX of Linux */

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "--user: out of memory");
}

/* ---- looking up ---- */

static int find_user(FILE *passwd, const char *name, struct run_as *u, struct ruchy_error *err)
{
	struct passwd *p;

	while ((p = fgetpwent(passwd)))
		if (!strcmp(p->pw_name, name))
			break;
	if (!p)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--user: there is no user '%s' in /etc/passwd", name);
	u->uid = p->pw_uid;
	u->gid = p->pw_gid;
	u->name = strdup(p->pw_name);
	u->home = strdup(*p->pw_dir ? p->pw_dir : "/");
	u->shell = strdup(*p->pw_shell ? p->pw_shell : "/bin/sh"); /* as passwd(5) has it */
	return u->name && u->home && u->shell ? 0 : no_memory(err);
}

static int add_group(struct run_as *u, gid_t gid, struct ruchy_error *err)
{
	gid_t *bigger;

	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups == MAX_GROUPS)
		return ruchy_error_set(err, RUCHY_E_USAGE, "--user: '%s' is in more than %d groups",
				       u->name, MAX_GROUPS);
	bigger = reallocarray(u->groups, u->n_groups + 1, sizeof(*bigger));
	if (!bigger)
		return no_memory(err);
	u->groups = bigger;
	u->groups[u->n_groups++] = gid;
	return 0;
}

static bool has_member(const struct group *g, const char *name)
{
	for (char **member = g->gr_mem; *member; member++)
		if (!strcmp(*member, name))
			return true;
	return false;
}

static int find_groups(FILE *group, struct run_as *u, struct ruchy_error *err)
{
	int rc = add_group(u, u->gid, err);
	struct group *g;

	while (rc == 0 && group && (g = fgetgrent(group)))
		if (has_member(g, u->name))
			rc = add_group(u, g->gr_gid, err);
	return rc;
}

int run_as_find_in(const char *name, const char *passwd, const char *group, struct run_as *ret,
		   struct ruchy_error *err)
{
	FILE *users = fopen(passwd, "re"), *groups;
	struct run_as u = { 0 };
	int rc;

	if (!users)
		return ruchy_error_errno(err, "--user: %s", passwd);
	groups = fopen(group, "re");
	if (!groups && errno != ENOENT)
		rc = ruchy_error_errno(err, "--user: %s", group);
	else
		rc = find_user(users, name, &u, err);
	rc = rc < 0 ? rc : find_groups(groups, &u, err);
	fclose(users);
	if (groups)
		fclose(groups);
	if (rc < 0)
		run_as_fini(&u);
	else
		*ret = u;
	return rc;
}

int run_as_find(const char *name, struct run_as *ret, struct ruchy_error *err)
{
	if (geteuid() != 0)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--user: only root can run a command as another user");
	return run_as_find_in(name, "/etc/passwd", "/etc/group", ret, err);
}

void run_as_fini(struct run_as *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	free(u->shell);
	*u = (struct run_as){ 0 };
}

/* ---- becoming ---- */

/* setresuid clears them already, unless a secure bit keeps it from that (capabilities(7)); the
 * inheritable ones it leaves. Ambient ones go with them. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return (int)syscall(SYS_capset, &header, none);
}

int run_as_become(const struct run_as *u)
{
	if (setgroups(u->n_groups, u->groups) || setresgid(u->gid, u->gid, u->gid) ||
	    setresuid(u->uid, u->uid, u->uid))
		return -1;
	if (u->uid != 0 && drop_capabilities())
		return -1;
	if (u->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EPERM; /* there is a way back: then this is not what was asked for */
		return -1;
	}
	return setenv("HOME", u->home, 1) || setenv("SHELL", u->shell, 1) ||
			       setenv("USER", u->name, 1) || setenv("LOGNAME", u->name, 1)
		       ? -1
		       : 0;
}
