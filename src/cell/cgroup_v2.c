/* SPDX-License-Identifier: Apache-2.0
 *
 * Version 2: one hierarchy, and processes only in its leaves. Beneath our own cgroup, or at the root where our own holds
 * strangers: safexec-NAME.main (this program, its parent and what that started, when we had to make room), and safexec-NAME, or while
 * a server reloads one for each of its wardens, with the leaves "nursery", "limited" (empty, see below), and a new one for each cell, which the zygote forks into (CLONE_INTO_CGROUP, Linux 5.7) because we gave it those files.
 */
#include "base/num.h"
#include "cell/cgroup_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static const char *const controllers[] = { "memory", "pids", "cpu" };

static int check_controllers(int dir, const char *path, struct err *err)
{
	char text[KIB];
	ssize_t n = fd_read_file(dir, "cgroup.controllers", text, sizeof text);

	if (n < 0)
		return err_set(err, (int)n, "the cgroup %s cannot be read", path);
	array_for_each(controllers, name) {
		if (!cgroup_has_word(text, *name))
			return err_say(err, -ENOENT,
				       "the %s controller is not available in the cgroup %s; delegate it (systemd: Delegate=yes), "
				       "or boot with cgroup_enable=%s",
				       *name, path, *name);
	}
	return 0;
}

static int enable_controllers(int dir)
{
	return fd_write_file(dir, "cgroup.subtree_control", "+memory +pids +cpu");
}

/* The real root has no type; what a container sees as its root has one. Only the real root may hold processes and have
 * controllers for its children. */
static bool is_real_root(int dir)
{
	return faccessat(dir, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

/* This program, its parent, the supervisor, or another of the programs that that one has started. */
static bool is_ours(pid_t pid)
{
	char path[32], text[KIB];
	int parent = 0;

	if (pid == getpid() || pid == getppid())
		return true;
	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if (fd_read_file(AT_FDCWD, path, text, sizeof text) < 0)
		return true; /* it has just ended */
	return sscanf(text, "%*d (safexec%*[^)]) %*c %d", &parent) == 1 && parent == getppid();
}

/* Whether nobody but we live in the cgroup. */
static bool is_all_ours(int dir)
{
	char text[16 * KIB];
	char *rest = text;

	if (fd_read_file(dir, "cgroup.procs", text, sizeof text) < 0)
		return false;
	for (char *line; (line = strsep(&rest, "\n"));) {
		uint64_t pid;

		if (line[0] && (num_parse_u64(line, 1, INT32_MAX, &pid) < 0 || !is_ours((pid_t)pid)))
			return false;
	}
	return true;
}

/* Only who is there: the doctor's parent may be a shell elsewhere, or the machine's first process. */
static int move_all(int from, int to)
{
	char text[16 * KIB];
	char *rest = text;
	int r = 0;

	if (fd_read_file(from, "cgroup.procs", text, sizeof text) < 0)
		return -EIO;
	for (char *line; r == 0 && (line = strsep(&rest, "\n"));) {
		if (line[0])
			r = fd_write_file(to, "cgroup.procs", line);
		if (r == -ESRCH)
			r = 0; /* it has just ended */
	}
	return r;
}

static void main_of(const struct cgroup_tree *tree, char ret_folder[static CGROUP_FOLDER_BYTES])
{
	(void)snprintf(ret_folder, CGROUP_FOLDER_BYTES, "safexec-%s.main", tree->name);
}

static int make_room(struct cgroup_tree *tree, int base)
{
	char folder[CGROUP_FOLDER_BYTES];
	_cleanup_(fd_closep) int main_dir = -EBADF;

	main_of(tree, folder);

	int r = cgroup_open_dir(base, folder, &main_dir);

	tree->has_main = r == 0;
	return r < 0 ? r : move_all(base, main_dir);
}

static int let_zygote_fork_into(const struct cgroup_tree *tree, int dir)
{
	return fchownat(dir, "cgroup.procs", tree->owner, tree->owner, 0) < 0 ? -errno : 0;
}

static int sweep_all(int dir)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	int r = 0;

	if (!entries)
		return -errno;
	rewinddir(entries);
	for (struct dirent *entry; r == 0 && (entry = readdir(entries));) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = cgroup_sweep(dir, entry->d_name);
	}
	(void)closedir(entries);
	return r;
}

/* What a killed server left where it had made room, unless that is where we are. */
static int sweep_main(const struct cgroup_tree *tree, int base, bool is_again)
{
	char folder[CGROUP_FOLDER_BYTES];

	main_of(tree, folder);
	return is_again || tree->turn > 1 ? 0 : cgroup_sweep(base, folder);
}

/* What the kernel cannot count it cannot limit; the file is there as soon as the parent has the controller enabled. */
static int check_swap(const struct cgroup_tree *tree, struct err *err)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0 || info.totalswap == 0 || faccessat(tree->dirs[V2_TREE], "memory.swap.max", F_OK, 0) == 0)
		return 0;
	return err_say(err, -ENOTSUP, "there is swap and it is not accounted; boot with swapaccount=1, or run `swapoff -a`");
}

/* An empty group with a CPU limit. With the machine's first limited group the kernel patches the scheduler's code, and back with
 * its last (cfs_bandwidth_used, a static key): without this one, twice a run on a quiet machine. */
static int keep_cpu_limits_on(const struct cgroup_tree *tree)
{
	_cleanup_(fd_closep) int dir = -EBADF;
	int r = cgroup_open_dir(tree->dirs[V2_TREE], "limited", &dir);
	char cpu[64];

	(void)snprintf(cpu, sizeof cpu, "%d %d", CGROUP_PERIOD_US, CGROUP_PERIOD_US);
	return r < 0 ? r : fd_write_file(dir, "cpu.max", cpu);
}

/* From the bottom up: a cgroup that has controllers for its children holds no processes itself. */
static int furnish(struct cgroup_tree *tree, int base)
{
	int r = is_real_root(base) || !is_all_ours(base) ? 0 : make_room(tree, base);

	if (r == 0)
		r = enable_controllers(base);
	if (r == 0)
		r = enable_controllers(tree->dirs[V2_TREE]);
	if (r == 0)
		r = cgroup_open_dir(tree->dirs[V2_TREE], "nursery", &tree->dirs[V2_NURSERY]);
	if (r == 0)
		r = keep_cpu_limits_on(tree);
	/* A fork into a group takes leave to write the group's file and that of the common ancestor (cgroups(7)). */
	return r < 0 ? r : let_zygote_fork_into(tree, tree->dirs[V2_TREE]);
}

/* Takes over its folder in base. is_again: we were started where room had been made. */
static int take_place(struct cgroup_tree *tree, const char *base, bool is_again, struct err *err)
{
	_cleanup_(fd_closep) int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(err, -errno, "the cgroup %s cannot be opened", base);

	int r = check_controllers(dir, base, err);

	if (r < 0)
		return r;
	(void)snprintf(tree->path, sizeof tree->path, "%.3900s/%s", base, tree->folder);
	r = cgroup_take_lock(tree, dir, err);
	if (r == -EBUSY)
		return r;
	if (r == 0)
		r = cgroup_open_dir(dir, tree->folder, &tree->dirs[V2_TREE]);
	if (r < 0)
		return err_set(
			err, r,
			"no cgroup can be made beneath %s; run safexec as root, or under systemd-run --scope -p Delegate=yes",
			base);
	r = sweep_all(tree->dirs[V2_TREE]);
	if (r == 0)
		r = sweep_main(tree, dir, is_again);
	if (r < 0)
		return err_set(err, r, "the cgroups of an earlier server cannot be swept");
	r = furnish(tree, dir);
	return r < 0 ? err_set(err, r,
			       "the controllers cannot be enabled beneath %s; run safexec under systemd-run --scope -p "
			       "Delegate=yes",
			       base)
		     : check_swap(tree, err);
}

static int tree_open(struct cgroup_tree *tree, struct err *err)
{
	char own[PATH_MAX], root[PATH_MAX], leaf[CGROUP_FOLDER_BYTES];
	int r = cgroup_find_own("", own, root);

	if (r < 0)
		return err_set(err, r, "no cgroup hierarchy is mounted; mount cgroup2 at /sys/fs/cgroup");

	/* A warden that is started again finds itself where its predecessor put the supervisor. */
	main_of(tree, leaf);

	char *last = strrchr(own, '/');
	bool is_again = last && strcmp(last + 1, leaf) == 0;

	if (is_again)
		*last = '\0';

	_cleanup_(fd_closep) int dir = open(own, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && is_all_ours(dir) ? take_place(tree, own, is_again, err) : take_place(tree, root, false, err);
}

/* Back to where we came from; a cgroup with controllers for its children holds no processes. */
static void leave_main(const struct cgroup_tree *tree, int base)
{
	char folder[CGROUP_FOLDER_BYTES];

	main_of(tree, folder);
	(void)fd_write_file(base, "cgroup.subtree_control", "-memory -pids -cpu");

	_cleanup_(fd_closep) int main_dir = openat(base, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (main_dir >= 0 && move_all(main_dir, base) == 0)
		(void)unlinkat(base, folder, AT_REMOVEDIR);
}

static void tree_close(struct cgroup_tree *tree)
{
	char base[PATH_MAX];

	if (tree->dirs[V2_TREE] < 0 || tree->lock < 0)
		return;
	(void)snprintf(base, sizeof base, "%s", tree->path);
	*strrchr(base, '/') = '\0';

	_cleanup_(fd_closep) int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)sweep_all(tree->dirs[V2_TREE]);
	if (dir < 0)
		return;
	(void)unlinkat(dir, tree->folder, AT_REMOVEDIR);
	if (tree->has_main && !cgroup_has_other_turns(tree, dir))
		leave_main(tree, dir);
}

static void folder_of(const struct cgroup_group *group, uint64_t generation, char ret_name[static 64])
{
	(void)snprintf(ret_name, 64, "slot-%u-%" PRIu64, group->index, generation);
}

static int group_open(struct cgroup_group *group)
{
	char name[64];

	group->generation++;
	folder_of(group, group->generation, name);

	int r = cgroup_open_dir(group->tree->dirs[V2_TREE], name, &group->dirs[0]);

	return r < 0 ? r : let_zygote_fork_into(group->tree, group->dirs[0]);
}

/* Ends what may be left and removes the folder; one that the kernel still holds is remembered and tried again. */
static void group_remove(struct cgroup_group *group)
{
	char name[64];

	if (group->old_generation > 0) {
		folder_of(group, group->old_generation, name);
		if (unlinkat(group->tree->dirs[V2_TREE], name, AT_REMOVEDIR) == 0)
			group->old_generation = 0;
	}
	folder_of(group, group->generation, name);
	(void)fd_write_file(group->dirs[0], "cgroup.kill", "1");
	group->dirs[0] = fd_close(group->dirs[0]);
	if (unlinkat(group->tree->dirs[V2_TREE], name, AT_REMOVEDIR) < 0)
		group->old_generation = group->generation;
}

static void group_close(struct cgroup_group *group)
{
	char name[64];

	folder_of(group, group->generation, name);
	(void)cgroup_sweep(group->tree->dirs[V2_TREE], name);
}

static int attach(struct cgroup_group *group, pid_t pid)
{
	(void)group;
	(void)pid;
	return -ENOSYS; /* nobody needs to be moved */
}

static int renew(struct cgroup_group *group)
{
	group_remove(group);
	return group_open(group);
}

static int set_limits(struct cgroup_group *group, const struct limits *limits, const char **ret_file)
{
	int dir = group->dirs[0];
	char cpu[64];

	*ret_file = "memory.max";
	int r = cgroup_write_number(dir, "memory.max", limits->memory_bytes);

	if (r == 0 && faccessat(dir, "memory.swap.max", F_OK, 0) == 0) {
		*ret_file = "memory.swap.max";
		r = cgroup_write_number(dir, "memory.swap.max", 0);
	}
	if (r == 0) {
		*ret_file = "memory.oom.group";
		r = cgroup_write_number(dir, "memory.oom.group", 1);
	}
	if (r == 0) {
		*ret_file = "pids.max";
		r = cgroup_write_number(dir, "pids.max", limits->pids);
	}
	if (r == 0) {
		*ret_file = "cpu.max";
		(void)snprintf(cpu, sizeof cpu, "%" PRIu64 " %d", limits->cpu_millis * (CGROUP_PERIOD_US / 1000), CGROUP_PERIOD_US);
		r = fd_write_file(dir, "cpu.max", cpu);
	}
	return r;
}

static void unthrottle(struct cgroup_group *group)
{
	(void)fd_write_file(group->dirs[0], "cpu.max", "max");
}

static int count(const struct cgroup_group *group, uint64_t *ret_tasks)
{
	return cgroup_read_number(group->dirs[0], "pids.current", NULL, ret_tasks);
}

static int read_group(struct cgroup_group *group, struct usage *usage, struct cgroup_events *events)
{
	struct meter meter = { .is_v2 = true, .memory = group->dirs[0], .cpuacct = group->dirs[0], .pids = group->dirs[0] };

	return meter_read(&meter, NULL, usage, events);
}

const struct cgroup_ops cgroup_v2 = {
	.version = "v2",
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
