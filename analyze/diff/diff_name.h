/* SPDX-License-Identifier: MIT */
/*
 * diff_name.h - the name under which a function of two builds is the same function.
 * Removed are what a compiler adds and changes from build to build: the suffixes of
 * clones (.part.N .isra.N .constprop.N .cold .llvm.N .lto_priv.N, and libiberty's
 * " [clone .isra.0]") and the hash of Rust's legacy mangling. docs/ci.md lists them.
 * Pure functions.
 */
#ifndef RUCHY_ANALYZE_DIFF_NAME_H
#define RUCHY_ANALYZE_DIFF_NAME_H

#include "ruchy/bytes.h"

/* Replace the contents of `out` by the name without those; its terminator follows data[size]. */
void diff_name_normalise(struct ruchy_buf *out, const char *name);
/*
 * The same without generic arguments: "f<…>(…)" becomes "f<>(…)". What stands in brackets at the
 * beginning of a path is no argument ("<T as Trait>::f" stays), nor are operators. False where
 * nothing was removed.
 */
bool diff_name_generic(struct ruchy_buf *out, const char *name);

#endif
