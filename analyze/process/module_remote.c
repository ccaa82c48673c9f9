/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_remote.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libdebuginfod.so.1"

/* The types of debuginfod_find_debuginfo(3) and its sisters, version ELFUTILS_0.179. */
typedef void *begin_call(void);
typedef void end_call(void *client);
typedef int find_call(void *client, const unsigned char *id, int size, char **path);
typedef int progress_call(void *client, long done, long total);
typedef void set_progress_call(void *client, progress_call *progress);
typedef void set_data_call(void *client, void *data);
typedef void *get_data_call(void *client);

struct module_remote {
	void *library; /* never unloaded */
	void *client;  /* owned */
	find_call *find_debuginfo, *find_executable;
	end_call *end;
	module_remote_progress *progress;
	void *arg;
};

/* A function of the library; ISO C has no cast from an object's pointer to a function's. */
#define LOAD(library, name, to)                           \
	do {                                              \
		void *symbol_ = dlsym(library, name);     \
                                                          \
		memcpy(&(to), &symbol_, sizeof(symbol_)); \
	} while (0)

/* The library gives us its client only, whose user data leads back. */
static int on_progress(void *client, long done, long total)
{
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_NOLOAD);
	get_data_call *get_data = NULL;
	const struct module_remote *r;

	if (!library)
		return 0;
	LOAD(library, "debuginfod_get_user_data", get_data);
	r = get_data ? get_data(client) : NULL;
	dlclose(library);
	if (r && done > 0)
		r->progress(r->arg, (uint64_t)done, total > 0 ? (uint64_t)total : 0);
	return 0;
}

static int load(struct module_remote *r)
{
	begin_call *begin = NULL;
	set_progress_call *set_progress = NULL;
	set_data_call *set_data = NULL;

	r->library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	if (!r->library)
		return RUCHY_E_UNSUPPORTED;
	LOAD(r->library, "debuginfod_begin", begin);
	LOAD(r->library, "debuginfod_end", r->end);
	LOAD(r->library, "debuginfod_find_debuginfo", r->find_debuginfo);
	LOAD(r->library, "debuginfod_find_executable", r->find_executable);
	LOAD(r->library, "debuginfod_set_progressfn", set_progress);
	LOAD(r->library, "debuginfod_set_user_data", set_data);
	if (!begin || !r->end || !r->find_debuginfo || !r->find_executable || !set_progress ||
	    !set_data)
		return RUCHY_E_UNSUPPORTED;
	r->client = begin();
	if (!r->client)
		return RUCHY_E_NOMEM;
	if (r->progress) {
		set_data(r->client, r);
		set_progress(r->client, on_progress);
	}
	return 0;
}

int module_remote_new(module_remote_progress *progress, void *arg, struct module_remote **ret,
		      struct ruchy_error *err)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct module_remote *r;
	int rc;

	if (!urls || !*urls)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--debuginfod: DEBUGINFOD_URLS names no server");
	r = calloc(1, sizeof(*r));
	if (!r)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "--debuginfod: out of memory");
	r->progress = progress;
	r->arg = arg;
	rc = load(r);
	if (rc < 0) {
		module_remote_free(r);
		return ruchy_error_set(err, rc, "--debuginfod: " LIBRARY " cannot be loaded");
	}
	*ret = r;
	return 0;
}

void module_remote_free(struct module_remote *r)
{
	if (!r)
		return;
	if (r->client)
		r->end(r->client);
	/* The library stays: what it loads keeps state that outlives a client. */
	free(r);
}

int module_remote_executable(struct module_remote *r, const uint8_t *id, size_t id_size,
			     char **ret_path)
{
	return id_size ? r->find_executable(r->client, id, (int)id_size, ret_path) : -1;
}

int module_remote_debug(struct module_remote *r, const uint8_t *id, size_t id_size, char **ret_path)
{
	return id_size ? r->find_debuginfo(r->client, id, (int)id_size, ret_path) : -1;
}
