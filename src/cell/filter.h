/* SPDX-License-Identifier: Apache-2.0
 * filter.h: the guests' seccomp filters, made once from syscalls.def and loaded as they are by every guest.
 */
#pragma once
#include "base/err.h"

#include <asm/unistd.h>
#include <linux/filter.h>

#define FILTER_MAX_ROWS 2048

struct filter {
	uint16_t count;
	struct sock_filter rows[FILTER_MAX_ROWS];
};

/* Whatever order they are loaded in: of the two answers to a call the kernel takes the stricter one, seccomp(2). What `allow` does not know is
 * left to a tracer; there is none, so it answers ENOSYS. What `refuse` knows is told to the filter's listener, who says the errno; when nobody
 * listens it is ENOSYS. */
struct filters {
	struct filter allow, refuse;
	struct filter
		refuse_alone; /* in the place of refuse where there can be no listener: the errnos stand in the filter itself */
};

/* Fills all. -ENOTSUP or libseccomp's errno, with a sentence. */
int filters_build(struct filters *ret_filters, struct err *err);

/* By which a guest tells its listener that its own has all been done, and only its end is left: a call that takes no arguments and that no filter
 * around us refuses, with this first argument. The second one is the status. Whoever hears of it answers with an errno. */
#define FILTER_END_CALL __NR_getpgrp
#define FILTER_END_MARK UINT64_C(0x5afe0e7d1a57ca11)

/* What `refuse` says of a call that it has told its listener of: the refusal's number (spec/refused.h), or REFUSED_COUNT when it is none; and the
 * errno for the caller, never 0. */
struct seccomp_data;
uint32_t filters_judge(const struct seccomp_data *call, int *ret_errno);

/* How many different calls can be made, with whatever arguments; in *ret_conditional how many of them with some arguments only. */
unsigned filters_count_allowed(unsigned *ret_conditional);
