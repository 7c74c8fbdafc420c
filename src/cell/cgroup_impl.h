/* SPDX-License-Identifier: Apache-2.0
 * cgroup_impl.h: what cgroup.c and the two versions share. For them only.
 */
#pragma once
#include "base/fd.h"
#include "cell/cgroup.h"
#include "cell/meter.h"

#include <limits.h>

#define CGROUP_PERIOD_US    100000
#define CGROUP_FOLDER_BYTES 64

struct cgroup_ops;

enum { V1_MEMORY, V1_CPU, V1_CPUACCT, V1_PIDS, V1_COUNT };
enum { V2_TREE, V2_NURSERY };

struct cgroup_tree {
	const struct cgroup_ops *ops;
	char path[PATH_MAX];              /* of the subtree; on version 1 in the memory hierarchy */
	char folder[CGROUP_FOLDER_BYTES]; /* its last part */
	const char *name;                 /* of the server; the opener's */
	unsigned turn;
	int dirs[V1_COUNT]; /* version 1: the subtree's folder in each hierarchy; version 2: it, and the nursery's */
	int lock;           /* flock on path: the kernel lets it go when we die */
	uid_t owner;
	bool has_main; /* version 2: we live in the leaf that room was made in, beside the subtree */
};

struct cgroup_group {
	struct cgroup_tree *tree;
	unsigned index;
	int dirs[V1_COUNT];         /* version 1: in each hierarchy; version 2: the first */
	uint64_t generation;        /* version 2: a new folder each cell */
	uint64_t old_generation;    /* version 2: one that was busy when it should have gone; 0 is none */
	struct limits set;          /* version 1: what the files hold now; memory_bytes 0 is "not known" */
	struct meter_counters base; /* version 1: at the last renewal */
	uint64_t pids_base;         /* version 1: the most tasks that the group had held by then */
};

struct cgroup_ops {
	const char *version;
	int (*tree_open)(struct cgroup_tree *tree, struct err *err);
	void (*tree_close)(struct cgroup_tree *tree);
	int (*group_open)(struct cgroup_group *group);
	void (*group_close)(struct cgroup_group *group);
	int (*attach)(struct cgroup_group *group, pid_t pid);
	int (*renew)(struct cgroup_group *group);
	int (*set_limits)(struct cgroup_group *group, const struct limits *limits, const char **ret_file);
	int (*count)(const struct cgroup_group *group, uint64_t *ret_tasks); /* but for the forker */
	void (*unthrottle)(struct cgroup_group *group);
	int (*read)(struct cgroup_group *group, struct usage *usage, struct cgroup_events *events);
};

extern const struct cgroup_ops cgroup_v1, cgroup_v2;

/* Where a process's cgroup is mounted in the hierarchy that has this controller ("" for version 2). -ENOENT: nowhere. When
 * ret_root is not NULL it gets the mount's own folder. Both have room for PATH_MAX. */
int cgroup_find(pid_t pid, const char *controller, char *ret_path, char *ret_root);
int cgroup_find_own(const char *controller, char *ret_own, char *ret_root);

/* Whether word is in a list with commas, as mount options are, or with blanks, as cgroup.controllers is. */
bool cgroup_has_word(const char *list, const char *word);

/* Makes or opens the folder dir/name. */
int cgroup_open_dir(int parent, const char *name, int *ret_dir);

/* Ends every process in dir/name and below (depth at most 3) and removes the folders. 0 also when there is none. */
int cgroup_sweep(int parent, const char *name);

/* Takes the lock of tree->folder in base, the folder that holds it; what a killed server of that name has left in base is swept,
 * its other turns too. -EBUSY: a server of that name is running. */
int cgroup_take_lock(struct cgroup_tree *tree, int base, struct err *err);

/* The same in a further hierarchy, where own is the folder that it made there: version 1. */
int cgroup_take_further(const struct cgroup_tree *tree, int base, int own);

/* Whether another turn of this server is there. */
bool cgroup_has_other_turns(const struct cgroup_tree *tree, int dir);

/* A number from a file; from the line `key N` when key is not NULL, and 0 when there is no such line. -ENOENT: no such file; -errno. */
int cgroup_read_number(int dir, const char *file, const char *key, uint64_t *ret_number);
int cgroup_write_number(int dir, const char *file, uint64_t number);
