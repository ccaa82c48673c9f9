/* SPDX-License-Identifier: MIT */
/*
 * near_name.h - which counters somebody may have meant who misspelled one.
 */
#ifndef RUCHY_RECORD_NEAR_NAME_H
#define RUCHY_RECORD_NEAR_NAME_H

#include "record/pmu.h"

/* Up to three known names near `name`, nearest first, "a, b or c", into `buf`. False: none is. */
bool near_name_find(const char *name, const struct pmu_tree *pmus, char *buf, size_t size);

#endif
