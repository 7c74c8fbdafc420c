/* SPDX-License-Identifier: Apache-2.0
 * cgroup.h: a subtree of the machine's cgroups that is ours, and in it a group per slot. One interface over version 1
 * (memory, cpu, cpuacct, pids) and version 2; which it is, is decided once, at the start. cgroups(7)
 */
#pragma once
#include "spec/limits.h"
#include "spec/result.h"

#include <stdbool.h>
#include <sys/types.h>

struct cgroup_tree;  /* opaque */
struct cgroup_group; /* opaque: the group of one slot */

struct cgroup_events {
	bool is_oom;       /* the kernel killed something in the group for memory */
	bool is_pids_full; /* a fork or a thread was refused */
};

/* Makes (or sweeps and takes over) the subtree `safexec-NAME` beneath our own cgroup, or at the hierarchy's root where our
 * own is not delegated. turn tells the wardens of one server apart, which live side by side while it reloads: the first has 1, the
 * others have the subtree `safexec-NAME.TURN`. owner is the host's id that may fork into the groups (version 2). -EBUSY: a server of
 * that name is running; -ENOENT: a controller is missing; -EACCES, -EROFS: not delegated; err says which, and the cure. */
int cgroup_tree_open(const char *name, unsigned turn, uid_t owner, struct cgroup_tree **ret_tree, struct err *err);

/* Removes everything. The groups must be closed. */
void cgroup_tree_close(struct cgroup_tree *tree);

/* "v1" or "v2", and for people where the subtree is. */
const char *cgroup_tree_version(const struct cgroup_tree *tree);
const char *cgroup_tree_path(const struct cgroup_tree *tree);

/* The cgroup beside the groups that nurseries are born in, from where their zygotes may fork into the groups (version 2); on
 * version 1 -EBADF, as there our own will do. */
int cgroup_tree_nursery_fd(const struct cgroup_tree *tree);

int cgroup_group_new(struct cgroup_tree *tree, unsigned index, struct cgroup_group **ret_group, struct err *err);
void cgroup_group_free(struct cgroup_group *group);

/* Version 1: moves a forker in. Sleeps some 10 ms a controller: call it from a process that has the time. */
int cgroup_group_attach(struct cgroup_group *group, pid_t pid);

/* Whether cells are born here through a forker that lives in the group (version 1) or through the descriptor (2; else -EBADF). */
bool cgroup_group_needs_forker(const struct cgroup_group *group);
int cgroup_group_fd(const struct cgroup_group *group);

/* Makes the empty group as new for the next cell: usage and events start from nothing, CPU is not limited yet. */
int cgroup_group_renew(struct cgroup_group *group, struct err *err);

/* Sets memory (without swap) and pids, and from now on the CPU share. */
int cgroup_group_set_limits(struct cgroup_group *group, const struct limits *limits, struct err *err);

/* Lifts the CPU limit: what is being killed needs CPU to die, and its slot is waited for. */
void cgroup_group_unthrottle(struct cgroup_group *group);

/* Whether no process of the cell is left; a forker does not count. False too when the kernel does not say. */
bool cgroup_group_is_empty(const struct cgroup_group *group);

/* Whether one task lives in it, a thread counting as one. */
bool cgroup_group_has_one(const struct cgroup_group *group);

/* Since the last renewal. wall_us is left alone. Peaks that the kernel does not keep are 0. -errno: the kernel does not say, and what the
 * run's end is to be put down to is not known. */
int cgroup_group_read(struct cgroup_group *group, struct usage *usage, struct cgroup_events *ret_events, struct err *err);
