/* SPDX-License-Identifier: Apache-2.0
 * place.h: a tree of cgroups under a name that no server uses, with one group in it, for tests. Needs root, and skips loudly.
 */
#pragma once
#include "cell/cgroup_impl.h"
#include "unit.h"

#include <unistd.h>

#define OWNER 0x77000000u

struct place {
	char name[32];
	struct cgroup_tree *tree;
	struct cgroup_group *group;
};

static inline int need_root(void)
{
	if (geteuid() == 0)
		return 0;
	print_message("SKIPPED: only root can make cgroups\n");
	return -1;
}

static inline void open_place(struct place *place, const char *suffix)
{
	struct err err = { 0 };

	if (need_root() < 0)
		skip();
	(void)snprintf(place->name, sizeof place->name, "unit-%d-%s", getpid(), suffix);
	if (cgroup_tree_open(place->name, 1, OWNER, &place->tree, &err) < 0 ||
	    cgroup_group_new(place->tree, 0, &place->group, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void close_place(struct place *place)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s", cgroup_tree_path(place->tree));
	cgroup_group_free(place->group);
	cgroup_tree_close(place->tree);
	assert_int_equal(access(path, F_OK), -1);
}
