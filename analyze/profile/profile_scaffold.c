/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_scaffold.h"

#include <stddef.h>
#include <string.h>

/* How names begin, return types and "std::__1::" (libc++) apart. */
static const char *const prefixes[] = {
	"std::rt::",
	"std::sys::backtrace::__rust_",
	"std::sys_common::backtrace::__rust_",
	"std::panic::catch_unwind",
	"std::panicking::catch_unwind",
	"std::panicking::try",
	"std::thread::Builder::spawn_unchecked",
	"std::thread::lifecycle::spawn_unchecked",
	"std::thread::_Invoker<",
	"std::thread::_State_impl<",
	"std::__future_base::",
	"std::once_flag::_Prepare_execution",
	"std::call_once<",
	"std::__call_once",
	"std::_Function_handler<",
	"std::_Function_base::",
	"std::function<",
	"std::__function::",
	"std::__invoke",
	"std::invoke<",
	"std::_Bind<",
	"std::__thread_proxy<",
	"std::__thread_execute<",
	"core::ops::function::",
	"core::panic::unwind_safe::",
};

/* Reserved names, or such as nobody else uses. */
static const char *const names[] = {
	"_start",
	"__libc_start_main",
	"__libc_start_call_main",
	"__libc_start_main_impl",
	"__libc_start_main_stage2",
	"__rust_try",
	"__rust_begin_short_backtrace",
	"__rust_end_short_backtrace",
	"execute_native_thread_routine",
	"__gthread_once",
	"__pthread_once_slow",
};

/* Names that a program may have, too. */
static const char *const c_names[] = { "start_thread", "thread_start", "clone", "clone3",
				       "__clone",      "__clone3",     "start" };

static bool is_one_of(const char *name, const char *const *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, at[i]))
			return true;
	return false;
}

/* Behind the return type that the name of a C++ template's instance begins with: what follows the
 * last blank that stands in no brackets, before the parameters. */
static const char *behind_type(const char *name)
{
	const char *start = name;
	unsigned depth = 0;

	for (const char *at = name; *at; at++) {
		if (strchr("<([{", *at)) {
			if (*at == '(' && !depth)
				break;
			depth++;
		} else if (strchr(">)]}", *at)) {
			if (depth && !(at > name && at[0] == '>' && at[-1] == '-'))
				depth--;
		} else if (*at == ' ' && !depth) {
			start = at + 1;
		}
	}
	return start;
}

/* "<F as core::ops::function::FnOnce<()>>::call_once" */
static bool is_closure_call(const char *name)
{
	return name[0] == '<' && strstr(name, " as core::ops::function::Fn") &&
	       strstr(name, ">::call");
}

/* "std::sys::pal::unix::thread::Thread::new::thread_start", wherever it stands this year */
static bool is_thread_start(const char *name)
{
	return !strncmp(name, "std::sys::", 10) && strstr(name, "thread_start");
}

static bool is_c_library(const char *module)
{
	return !strncmp(module, "libc.", 5) || !strncmp(module, "libc-", 5) ||
	       !strncmp(module, "libpthread", 10) || !strncmp(module, "ld-", 3);
}

bool profile_scaffold_is(const char *module, const char *function)
{
	static const char versioned[] = "std::__1::";
	const char *name = behind_type(function);

	if (is_one_of(name, names, sizeof(names) / sizeof(names[0])))
		return true;
	if (is_c_library(module) && is_one_of(name, c_names, sizeof(c_names) / sizeof(c_names[0])))
		return true;
	if (is_closure_call(name) || is_thread_start(name))
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const char *prefix = prefixes[i], *at = name;

		if (!strncmp(name, versioned, sizeof(versioned) - 1) &&
		    !strncmp(prefix, "std::", 5)) {
			at = name + sizeof(versioned) - 1;
			prefix += 5;
		}
		if (!strncmp(at, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

bool profile_scaffold_is_rust_start(const char *function)
{
	return !strncmp(function, "std::rt::lang_start", 19);
}
