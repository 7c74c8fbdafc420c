/* SPDX-License-Identifier: Apache-2.0
 *
 * Version 1: a hierarchy per controller (some may share one). A process can be moved in only slowly, but children are born
 * where their parent is; so each slot has a forker that lives in its groups, which counts against pids by one.
 */
#include "cell/cgroup_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FORKERS 1
#define LIMITED "limited"

static const char *const controllers[V1_COUNT] = {
	[V1_MEMORY] = "memory",
	[V1_CPU] = "cpu",
	[V1_CPUACCT] = "cpuacct",
	[V1_PIDS] = "pids",
};

static int open_own(size_t i, int *ret_dir, char *ret_path, struct err *err)
{
	int r = cgroup_find_own(controllers[i], ret_path, NULL);

	if (r < 0)
		return err_set(err, r,
			       "the %s controller is not mounted (cgroup version 1); mount it, or boot with cgroup_enable=%s",
			       controllers[i], controllers[i]);
	*ret_dir = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_dir < 0 ? err_set(err, -errno, "the cgroup %s cannot be opened", ret_path) : 0;
}

/* The lock comes before the sweep: a living server's groups are not ours to sweep. */
static int take_lock(struct cgroup_tree *tree, int own, struct err *err)
{
	int r = cgroup_take_lock(tree, own, err);

	return r < 0 && r != -EBUSY
		       ? err_set(err, r,
				 "no cgroup can be made beneath %s; safexec needs to be root, or the owner of a delegated cgroup",
				 tree->path)
		       : r;
}

/* Folders of a server that was killed: emptied and removed, all but the subtree's own. */
static int sweep_slots(int dir)
{
	for (unsigned i = 0; i < 4096; i++) { /* an upper bound of --slots */
		char name[32];

		(void)snprintf(name, sizeof name, "slot-%u", i);
		if (faccessat(dir, name, F_OK, 0) < 0)
			continue;

		int r = cgroup_sweep(dir, name);

		if (r < 0)
			return r;
	}
	return 0;
}

/* An empty group with a CPU limit: the kernel patches the scheduler's code with the machine's first limited group and back with its
 * last (cfs_bandwidth_used, a static key), which would else be twice a run on a quiet machine. */
static int keep_cpu_limits_on(const struct cgroup_tree *tree)
{
	_cleanup_(fd_closep) int dir = -EBADF;
	int r = cgroup_open_dir(tree->dirs[V1_CPU], LIMITED, &dir);

	return r < 0 ? r : cgroup_write_number(dir, "cpu.cfs_quota_us", CGROUP_PERIOD_US);
}

static int tree_open(struct cgroup_tree *tree, struct err *err)
{
	for (size_t i = 0; i < V1_COUNT; i++) {
		char path[PATH_MAX];
		_cleanup_(fd_closep) int own = -EBADF;
		int r = open_own(i, &own, path, err);

		if (r < 0)
			return r;
		if (i == V1_MEMORY) {
			(void)snprintf(tree->path, sizeof tree->path, "%.3900s/%s", path, tree->folder);
			r = take_lock(tree, own, err);
			if (r < 0)
				return r;
		}
		r = cgroup_open_dir(own, tree->folder, &tree->dirs[i]);
		if (r == 0 && i != V1_MEMORY)
			r = cgroup_take_further(tree, own, tree->dirs[i]);
		if (r == 0)
			r = sweep_slots(tree->dirs[i]);
		if (r < 0)
			return err_set(err, r, "the %s cgroup of an earlier server cannot be swept", controllers[i]);
	}

	int r = keep_cpu_limits_on(tree);

	return r < 0 ? err_set(err, r, "a CPU limit cannot be set; the kernel needs CONFIG_CFS_BANDWIDTH") : 0;
}

static void tree_close(struct cgroup_tree *tree)
{
	const char *folder = strrchr(tree->path, '/');

	if (tree->dirs[V1_CPU] >= 0)
		(void)unlinkat(tree->dirs[V1_CPU], LIMITED, AT_REMOVEDIR);
	for (size_t i = 0; folder && i < V1_COUNT; i++) {
		char path[PATH_MAX];
		struct err err;
		_cleanup_(fd_closep) int own = -EBADF;

		if (tree->dirs[i] >= 0 && open_own(i, &own, path, &err) == 0)
			(void)unlinkat(own, folder + 1, AT_REMOVEDIR);
	}
}

static void folder_of(const struct cgroup_group *group, char ret_name[static 32])
{
	(void)snprintf(ret_name, 32, "slot-%u", group->index);
}

static int group_open(struct cgroup_group *group)
{
	char name[32];
	int r = 0;

	folder_of(group, name);
	for (size_t i = 0; r == 0 && i < V1_COUNT; i++)
		r = cgroup_open_dir(group->tree->dirs[i], name, &group->dirs[i]);
	/* Each of these is absent on some kernels: no swap accounting, or a flat hierarchy by default. */
	if (r == 0)
		(void)cgroup_write_number(group->dirs[V1_MEMORY], "memory.swappiness", 0);
	return r;
}

static void group_close(struct cgroup_group *group)
{
	char name[32];

	folder_of(group, name);
	for (size_t i = 0; i < V1_COUNT; i++)
		(void)cgroup_sweep(group->tree->dirs[i], name);
}

static int attach(struct cgroup_group *group, pid_t pid)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < V1_COUNT; i++)
		r = cgroup_write_number(group->dirs[i], "cgroup.procs", (uint64_t)pid);
	return r;
}

static struct meter meter_of(const struct cgroup_group *group)
{
	return (struct meter){ .memory = group->dirs[V1_MEMORY], .cpuacct = group->dirs[V1_CPUACCT], .pids = group->dirs[V1_PIDS] };
}

static int renew(struct cgroup_group *group)
{
	int r = fd_write_file(group->dirs[V1_CPU], "cpu.cfs_quota_us", "-1"); /* a throttled group would fork late */

	if (r == 0)
		r = cgroup_write_number(group->dirs[V1_MEMORY], "memory.max_usage_in_bytes", 0);

	struct meter meter = meter_of(group);

	if (r == 0)
		r = meter_count(&meter, &group->base);
	return r < 0 ? r : meter_read_peak(group->dirs[V1_PIDS], "pids.peak", &group->pids_base);
}

/* Limits of memory and of memory with swap must never cross: the larger one is raised first and lowered last. */
static int set_memory(int dir, uint64_t bytes)
{
	bool has_swap_accounting = faccessat(dir, "memory.memsw.limit_in_bytes", F_OK, 0) == 0;

	if (has_swap_accounting && cgroup_write_number(dir, "memory.memsw.limit_in_bytes", bytes) < 0) {
		int r = cgroup_write_number(dir, "memory.limit_in_bytes", bytes);

		return r < 0 ? r : cgroup_write_number(dir, "memory.memsw.limit_in_bytes", bytes);
	}
	return cgroup_write_number(dir, "memory.limit_in_bytes", bytes);
}

static int set_limits(struct cgroup_group *group, const struct limits *limits, const char **ret_file)
{
	int r = 0;

	*ret_file = "memory.limit_in_bytes";
	if (limits->memory_bytes != group->set.memory_bytes)
		r = set_memory(group->dirs[V1_MEMORY], limits->memory_bytes);
	if (r == 0 && limits->pids != group->set.pids) {
		*ret_file = "pids.max";
		r = cgroup_write_number(group->dirs[V1_PIDS], "pids.max", limits->pids + FORKERS);
	}
	if (r == 0) {
		*ret_file = "cpu.cfs_quota_us";
		r = cgroup_write_number(group->dirs[V1_CPU], "cpu.cfs_quota_us", limits->cpu_millis * (CGROUP_PERIOD_US / 1000));
	}
	group->set = *limits;
	if (r < 0)
		group->set.memory_bytes = 0;
	return r;
}

static void unthrottle(struct cgroup_group *group)
{
	(void)fd_write_file(group->dirs[V1_CPU], "cpu.cfs_quota_us", "-1");
}

static int count(const struct cgroup_group *group, uint64_t *ret_tasks)
{
	uint64_t all;
	int r = cgroup_read_number(group->dirs[V1_PIDS], "pids.current", NULL, &all);

	if (r == 0)
		*ret_tasks = all < FORKERS ? 0 : all - FORKERS;
	return r;
}

/* The kernel's peak (since 6.11) is that of all the cells that the group has held and cannot be set back: it is this cell's when it has
 * grown, or is the least that a cell can have. Else this cell had no more than an earlier one, and how many is not known. */
static uint64_t own_peak(const struct cgroup_group *group, uint64_t peak)
{
	bool is_known = peak > group->pids_base || peak == FORKERS + 1;

	return is_known && peak > FORKERS ? peak - FORKERS : 0;
}

static int read_group(struct cgroup_group *group, struct usage *usage, struct cgroup_events *events)
{
	struct meter meter = meter_of(group);
	int r = meter_read(&meter, &group->base, usage, events);

	if (r == 0)
		usage->pids_peak = own_peak(group, usage->pids_peak);
	return r;
}

const struct cgroup_ops cgroup_v1 = {
	.version = "v1",
	.tree_open = tree_open,
	.tree_close = tree_close,
	.group_open = group_open,
	.group_close = group_close,
	.attach = attach,
	.renew = renew,
	.set_limits = set_limits,
	.count = count,
	.unthrottle = unthrottle,
	.read = read_group,
};
