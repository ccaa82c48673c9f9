/* SPDX-License-Identifier: MIT */
/* What stands in a static recorder for the parts of zstd that its level never calls: see ZSTD_HIGH
 * in the Makefile. */
#include <stdlib.h>

#include "format/codec.h"

void codec_absent(void)
{
	abort();
}
