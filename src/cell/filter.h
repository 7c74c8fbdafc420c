/* SPDX-License-Identifier: Apache-2.0
 * filter.h: the guests' seccomp filters, made once from syscalls.def and loaded as they are by every guest.
 */
#pragma once
#include "base/err.h"

#include <linux/filter.h>

#define FILTER_MAX_ROWS 2048

struct filter {
	uint16_t count;
	struct sock_filter rows[FILTER_MAX_ROWS];
};

struct filters {
	struct filter allow, refuse; /* to be loaded in this order: of two errnos the last filter's counts, seccomp(2) */
};

/* Fills both. -ENOTSUP or libseccomp's errno, with a sentence. */
int filters_build(struct filters *ret_filters, struct err *err);

/* How many different calls can be made, with whatever arguments; in *ret_conditional how many of them with some arguments only. */
unsigned filters_count_allowed(unsigned *ret_conditional);
