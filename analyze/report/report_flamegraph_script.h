/* SPDX-License-Identifier: MIT */
/*
 * report_flamegraph_script.h - the flame graph's script and style, built into the
 * program from flamegraph.js and flamegraph.css beside it, where they can be read,
 * changed and checked as what they are. Zero-terminated; neither may contain the
 * end of a CDATA section (two closing brackets and '>').
 */
#ifndef RUCHY_ANALYZE_REPORT_FLAMEGRAPH_SCRIPT_H
#define RUCHY_ANALYZE_REPORT_FLAMEGRAPH_SCRIPT_H

extern const char report_flamegraph_script[];
extern const char report_flamegraph_style[];

#endif
