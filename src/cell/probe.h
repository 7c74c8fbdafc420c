/* SPDX-License-Identifier: Apache-2.0
 * probe.h: what the native provider needs of the kernel, one check each. The same table is `safexec doctor`'s list and the
 * guard of every start: a missing feature stops it, and nothing weaker is ever used instead.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

struct probe {
	const char *name;
	/* 0 and what was found in ret_text; -errno and what to do about it. Changes nothing. */
	int (*check)(char ret_text[static ERR_TEXT_BYTES]);
	bool is_optional; /* a miss is reported and does not stop the start */
};

extern const struct probe probes[];
extern const size_t probes_count;
