/* SPDX-License-Identifier: MIT */
/* text_ascii.h - a text for a terminal that shows ASCII only: bars and branches in its characters,
 * one '?' for any other. */
#ifndef RUCHY_ANALYZE_TEXT_ASCII_H
#define RUCHY_ANALYZE_TEXT_ASCII_H

#include <stdio.h>

/* `size` bytes of UTF-8. */
void text_ascii_put(FILE *out, const char *text, size_t size);

#endif
