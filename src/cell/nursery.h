/* SPDX-License-Identifier: Apache-2.0
 * nursery.h: where the cells of one environment are born. The nursery is a small process, root of a user namespace that
 * owns nothing on the host and pid 1 of a pid namespace that holds the zygote and every cell: when it dies, the kernel
 * kills them all. It builds the environment's root, starts the zygote, and makes each cell's init, which as a copy of this
 * small process costs a fraction of a copy of the interpreter.
 */
#pragma once
#include "cell/orders.h"
#include "cell/root.h"

struct nursery_spec {
	uint32_t id_base, id_count; /* the host's ids that the user namespace maps, 0 inside being id_base */
	struct root_spec root;
	const char *python;        /* path of the interpreter inside the environment */
	struct confine_plan *plan; /* filters filled in; the nursery adds the paths */
	int cgroup_fd;             /* where it is born, as cgroup_tree_nursery_fd gives it */
};

struct nursery {
	pid_t pid;
	int pidfd;       /* readable when the nursery has died */
	int link;        /* ORDER_CELL; non-blocking */
	int zygote_link; /* ORDER_FORKER, ORDER_GUEST; non-blocking */
	int output;      /* what the zygote prints before it is ready, and errors of the nursery; non-blocking */
};

/* Starts a nursery and its zygote; the zygote says ORDER_HELLO on zygote_link when it is warm. err names the missing feature.
 * Errors that come later (in the nursery itself) arrive as a line on output, followed by its death. */
int nursery_start(const struct nursery_spec *spec, struct nursery *ret_nursery, struct err *err);

/* Kills it and all it holds, and waits until the kernel says so. Safe on a nursery that has died. */
void nursery_kill(struct nursery *nursery);
