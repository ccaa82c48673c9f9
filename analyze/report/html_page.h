/* SPDX-License-Identifier: MIT */
/*
 * html_page.h - the page's body, style and scripts, built into the program from the files in
 * page/, where they can be read, changed and checked as what they are. Zero-terminated.
 */
#ifndef RUCHY_ANALYZE_HTML_PAGE_H
#define RUCHY_ANALYZE_HTML_PAGE_H

extern const char html_page_body[], html_page_style[], html_page_script[];

#endif
