/* SPDX-License-Identifier: MIT */
/*
 * profile_scaffold.h - the functions that the runtimes of Rust, C++ and C put between
 * the program's own: what starts a program or a thread, and what calls a closure or a
 * function object. --trim-std folds them into their callers. Private to profile/.
 */
#ifndef RUCHY_ANALYZE_PROFILE_SCAFFOLD_H
#define RUCHY_ANALYZE_PROFILE_SCAFFOLD_H

#include <stdbool.h>

/* `module`: its name; short names of C are the runtime's only in a C library. */
bool profile_scaffold_is(const char *module, const char *function);
/* What Rust's C main calls: that main is scaffolding, too. */
bool profile_scaffold_is_rust_start(const char *function);

#endif
