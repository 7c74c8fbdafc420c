/* SPDX-License-Identifier: Apache-2.0
 * stats.h: what the Engine says that a container has used, for an Engine whose processes cannot be seen from here (another pid
 * namespace, a virtual machine), so that the kernel cannot be asked. Only while the container lives, and by an Engine of API 1.41 (20.10)
 * or later: an older one takes seconds over it.
 */
#pragma once
#include "spec/result.h"

#include <stddef.h>

struct slot;

/* Reads the answer to GET /containers/ID/stats. What it does not tell is 0: peaks of memory on cgroups of version 2, of processes always.
 * -EBADMSG: it tells nothing of CPU time. */
int stats_read(const char *body, size_t size, struct usage *ret_usage);

/* Asks; done is called later, with the usage or without. -ENOSYS: this Engine is too old; -ENOMEM; then it is not called. The call is the
 * slot's inspection, and dropped as that. */
int stats_ask(struct slot *slot, void (*done)(struct slot *slot, const struct usage *usage));

/* What came between two answers; peaks are the later one's. */
struct usage stats_between(const struct usage *before, const struct usage *after);
