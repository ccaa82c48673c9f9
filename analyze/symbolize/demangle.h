/* SPDX-License-Identifier: MIT */
/*
 * demangle.h - readable names for Rust (legacy and v0, without the hash) and C++
 * symbols, through libiberty; no other file includes it.
 *
 * Mangled names are input: a few bytes can stand for gigabytes of text. Output is
 * cut at DEMANGLE_MAX bytes (it then ends in "..."), and control characters
 * become '?'. A name that is not mangled comes back as it is, under the same rules.
 */
#ifndef RUCHY_ANALYZE_DEMANGLE_H
#define RUCHY_ANALYZE_DEMANGLE_H

#define DEMANGLE_MAX 4096 /* bytes of a name, without the NUL */

/* The readable form of `name`, malloc'ed; NULL: no memory. A symbol version ("@@GLIBC_2.2") is
 * dropped. */
char *demangle(const char *name);

#endif
