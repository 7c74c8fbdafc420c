/* SPDX-License-Identifier: Apache-2.0
 * confine.h: turns a fresh copy of the zygote into a guest, stage by stage, each read back from the kernel.
 * Runs between fork and Python, in a process with one thread: no allocation, no locks.
 */
#pragma once
#include "cell/filter.h"
#include "cell/orders.h"
#include "spec/layers.h"

#define CONFINE_MAX_PATHS  32
#define CONFINE_PATH_BYTES 64
#define CONFINE_CANARY     "/run/canary" /* readable by its mode, not by Landlock: how the landlock stage is proven */

/* What is the same for all guests of a zygote. Made by the warden and the nursery, kept in a sealed memfd. */
struct confine_plan {
	struct filters filters;
	int32_t landlock_abi; /* 0: the kernel has none, and the stage is left out */
	uint32_t paths_count;
	char paths[CONFINE_MAX_PATHS][CONFINE_PATH_BYTES]; /* the root's folders: readable and executable */
	char skip_stage[32];                               /* test builds only: the stage to leave out; else empty */
};

/* Where the gate is when the guest is confined; stdin comes with the job. */
enum { CONFINE_GATE_FD = 3, CONFINE_LAST_FD = CONFINE_GATE_FD };

struct confine_cell {
	const struct confine_plan *plan;
	uint32_t guest_id;             /* uid and gid inside the user namespace */
	uint64_t namespaces[NS_COUNT]; /* inode numbers, as the cell's init told */
	int fds[GUEST_FDS];            /* of ORDER_GUEST; its pid namespace and cgroup were entered by the fork */
	uint32_t layers;               /* those that were verified so far: bits of spec/layers.h */
	int listener; /* who holds it answers the guest's refused calls (cell/listener.h); -EBADF: the filter answers them itself */
};

/* All stages in order. On success the process has descriptors 0 (/dev/null), 1, 2, CONFINE_GATE_FD and the listener, which it
 * must not keep, stands in /app, and may do nothing that a guest may not. On failure err names the stage and what the guest could still do; the caller exits. */
int confine(struct confine_cell *cell, struct err *err);

/* For a process that has no_new_privs and is to read what a guest has left: no path but those beneath folder, and those only for
 * reading; no call that a guest may not make. -errno: it is not so confined as it should be. */
int confine_reader(const struct confine_plan *plan, const char *folder);
