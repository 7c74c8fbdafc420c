/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/cgroup.h"

#include "base/num.h"
#include "cell/cgroup_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_TRIES    100
#define SWEEP_PAUSE_NS 10000000

/* --- finding our place -------------------------------------------------------------------------------------------------------- */

bool cgroup_has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += size) {
		bool begins = at == list || at[-1] == ',' || at[-1] == ' ';
		bool ends = at[size] == '\0' || at[size] == ',' || at[size] == ' ';

		if (begins && ends)
			return true;
	}
	return false;
}

/* The path of a process's cgroup in /proc/PID/cgroup: lines `id:controllers:path`; version 2 has no controllers. */
static int read_path(pid_t pid, const char *controller, char *ret_path)
{
	char text[8 * KIB], file[40];

	(void)snprintf(file, sizeof file, "/proc/%d/cgroup", pid);

	ssize_t n = fd_read_file(AT_FDCWD, file, text, sizeof text);
	char *rest = text;

	if (n < 0)
		return (int)n;
	for (char *line; (line = strsep(&rest, "\n"));) {
		(void)strsep(&line, ":");
		char *controllers = strsep(&line, ":");

		if (!line || !controllers || strlen(line) >= PATH_MAX)
			continue;
		if (controller[0] ? cgroup_has_word(controllers, controller) : controllers[0] == '\0') {
			(void)snprintf(ret_path, PATH_MAX, "%s", line);
			return 0;
		}
	}
	return -ENOENT;
}

/* /proc/self/mountinfo: `36 35 98:0 /root /mount/point options... - type source super,options`, proc(5). */
static int read_mount(const char *controller, char *ret_root, char *ret_point)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX];
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	while (r < 0 && fgets(line, sizeof line, mounts)) {
		char root[PATH_MAX], point[PATH_MAX], type[32], super[PATH_MAX];
		const char *tail = strstr(line, " - ");

		if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 ||
		    sscanf(tail, " - %31s %*s %4095s", type, super) != 2)
			continue;
		if (controller[0] ? strcmp(type, "cgroup") == 0 && cgroup_has_word(super, controller)
				  : strcmp(type, "cgroup2") == 0) {
			(void)snprintf(ret_root, PATH_MAX, "%s", root);
			(void)snprintf(ret_point, PATH_MAX, "%s", point);
			r = 0;
		}
	}
	(void)fclose(mounts);
	return r;
}

int cgroup_find(pid_t pid, const char *controller, char *ret_path, char *ret_root)
{
	char own[PATH_MAX], root[PATH_MAX], point[PATH_MAX];
	int r = read_path(pid, controller, own);

	if (r == 0)
		r = read_mount(controller, root, point);
	if (r < 0)
		return r;

	/* A container's mount shows a part of the hierarchy only; the path is then given from the whole's root. */
	size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);
	const char *below = strncmp(own, root, shown) == 0 ? own + shown : "";

	if (strcmp(below, "/") == 0)
		below = "";
	if ((size_t)snprintf(ret_path, PATH_MAX, "%s%s", point, below) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (ret_root)
		(void)snprintf(ret_root, PATH_MAX, "%s", point);
	return 0;
}

int cgroup_find_own(const char *controller, char *ret_own, char *ret_root)
{
	return cgroup_find(getpid(), controller, ret_own, ret_root);
}

/* --- folders ---------------------------------------------------------------------------------------------------------------------- */

int cgroup_open_dir(int parent, const char *name, int *ret_dir)
{
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;

	int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	*ret_dir = dir;
	return 0;
}

static void kill_processes(int dir)
{
	char text[16 * KIB];
	ssize_t n = fd_read_file(dir, "cgroup.procs", text, sizeof text);
	char *rest = text;

	if (n <= 0)
		return;
	for (char *line; (line = strsep(&rest, "\n"));) {
		uint64_t pid;

		if (num_parse_u64(line, 2, INT32_MAX, &pid) == 0 && (pid_t)pid != getpid() && (pid_t)pid != getppid())
			(void)kill((pid_t)pid, SIGKILL);
	}
}

static int remove_dir(int parent, const char *name)
{
	struct timespec pause = { .tv_nsec = SWEEP_PAUSE_NS };

	for (int i = 0; i < SWEEP_TRIES; i++) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;

		_cleanup_(fd_closep) int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0)
			kill_processes(dir);
		(void)nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

static int sweep_below(int parent, const char *name, int depth)
{
	int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;

	DIR *entries = fdopendir(dir);
	int r = 0;

	if (!entries) {
		r = -errno;
		(void)fd_close(dir);
		return r;
	}
	for (struct dirent *entry; depth > 0 && r == 0 && (entry = readdir(entries));) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = sweep_below(dir, entry->d_name, depth - 1);
	}
	(void)closedir(entries);
	return r < 0 ? r : remove_dir(parent, name);
}

int cgroup_sweep(int parent, const char *name)
{
	return sweep_below(parent, name, 3);
}

/* --- the turns of one server ------------------------------------------------------------------------------------------------------ */

/* Whether a folder is safexec-NAME or safexec-NAME.TURN; names hold no dot. */
static bool is_turn(const struct cgroup_tree *tree, const char *folder)
{
	char first[CGROUP_FOLDER_BYTES];
	int size = snprintf(first, sizeof first, "safexec-%s", tree->name);

	if (strncmp(folder, first, (size_t)size) != 0)
		return false;
	folder += size;
	return folder[0] == '\0' || (folder[0] == '.' && folder[1] != '\0' && folder[1 + strspn(folder + 1, "0123456789")] == '\0');
}

/* Calls visit for every turn in dir but our own, until it returns something else than 0. */
static int visit_turns(const struct cgroup_tree *tree, int dir, int (*visit)(int dir, const char *folder))
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	int r = 0;

	if (!entries) {
		r = -errno;
		(void)fd_close(copy);
		return r;
	}
	for (struct dirent *entry; r == 0 && (entry = readdir(entries));) {
		if (entry->d_type == DT_DIR && is_turn(tree, entry->d_name) && strcmp(entry->d_name, tree->folder) != 0)
			r = visit(dir, entry->d_name);
	}
	(void)closedir(entries);
	return r;
}

static int check_free(int dir, const char *folder)
{
	_cleanup_(fd_closep) int lock = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;
}

static int sweep_free(int dir, const char *folder)
{
	return check_free(dir, folder) < 0 ? 0 : cgroup_sweep(dir, folder);
}

static int say_no(int dir, const char *folder)
{
	(void)dir;
	(void)folder;
	return -EEXIST;
}

bool cgroup_has_other_turns(const struct cgroup_tree *tree, int dir)
{
	return visit_turns(tree, dir, say_no) < 0;
}

int cgroup_take_lock(struct cgroup_tree *tree, int base, struct err *err)
{
	int r = tree->turn == 1 ? visit_turns(tree, base, check_free) : 0;

	if (r == 0) {
		r = cgroup_open_dir(base, tree->folder, &tree->lock);
		if (r < 0)
			return r;
		if (flock(tree->lock, LOCK_EX | LOCK_NB) < 0) {
			tree->lock = fd_close(tree->lock); /* what is there is not ours to remove */
			r = -EBUSY;
		}
	}
	if (r == -EBUSY)
		return err_say(err, r,
			       "a server named '%s' is already running here; stop it, or start this one with another --name",
			       tree->name);
	return r < 0 ? r : visit_turns(tree, base, sweep_free);
}

int cgroup_take_further(const struct cgroup_tree *tree, int base, int own)
{
	return flock(own, LOCK_EX | LOCK_NB) < 0 ? -errno : visit_turns(tree, base, sweep_free);
}

/* --- files ------------------------------------------------------------------------------------------------------------------------ */

int cgroup_read_number(int dir, const char *file, const char *key, uint64_t *ret_number)
{
	char text[4 * KIB];
	ssize_t n = fd_read_file(dir, file, text, sizeof text);
	size_t size = key ? strlen(key) : 0;

	if (n < 0)
		return (int)n;
	if (!key) {
		*ret_number = strtoull(text, NULL, 10);
		return 0;
	}
	*ret_number = 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, key, size) == 0 && line[size] == ' ')
			*ret_number = strtoull(line + size, NULL, 10);
	}
	return 0;
}

int cgroup_write_number(int dir, const char *file, uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%" PRIu64, number);
	return fd_write_file(dir, file, text);
}

/* --- the interface ---------------------------------------------------------------------------------------------------------------- */

static const struct cgroup_ops *choose_version(void)
{
	char own[PATH_MAX], file[PATH_MAX + 32], controllers[KIB];

	if (cgroup_find_own("", own, NULL) < 0)
		return &cgroup_v1;
	(void)snprintf(file, sizeof file, "%s/cgroup.controllers", own);
	if (fd_read_file(AT_FDCWD, file, controllers, sizeof controllers) > 0 && cgroup_has_word(controllers, "memory"))
		return &cgroup_v2;
	/* Hybrid: version 2 is mounted and does not have what counts. With neither, version 2 says what is missing. */
	return cgroup_find_own("memory", own, NULL) == 0 ? &cgroup_v1 : &cgroup_v2;
}

int cgroup_tree_open(const char *name, unsigned turn, uid_t owner, struct cgroup_tree **ret_tree, struct err *err)
{
	struct cgroup_tree *tree = calloc(1, sizeof *tree);

	if (!tree)
		return err_set(err, -ENOMEM, "no memory");
	tree->ops = choose_version();
	tree->owner = owner;
	tree->name = name;
	tree->turn = turn;
	(void)snprintf(tree->folder, sizeof tree->folder, turn == 1 ? "safexec-%s" : "safexec-%s.%u", name, turn);
	tree->lock = -EBADF;
	array_for_each(tree->dirs, dir)
		*dir = -EBADF;

	int r = tree->ops->tree_open(tree, err);

	if (r < 0) {
		cgroup_tree_close(tree);
		return r;
	}
	*ret_tree = tree;
	return 0;
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	tree->ops->tree_close(tree);
	array_for_each(tree->dirs, dir)
		*dir = fd_close(*dir);
	tree->lock = fd_close(tree->lock);
	free(tree);
}

const char *cgroup_tree_version(const struct cgroup_tree *tree)
{
	return tree->ops->version;
}

const char *cgroup_tree_path(const struct cgroup_tree *tree)
{
	return tree->path;
}

int cgroup_tree_nursery_fd(const struct cgroup_tree *tree)
{
	return tree->ops == &cgroup_v2 ? tree->dirs[V2_NURSERY] : -EBADF;
}

int cgroup_group_new(struct cgroup_tree *tree, unsigned index, struct cgroup_group **ret_group, struct err *err)
{
	struct cgroup_group *group = calloc(1, sizeof *group);

	if (!group)
		return err_set(err, -ENOMEM, "no memory");
	group->tree = tree;
	group->index = index;
	array_for_each(group->dirs, dir)
		*dir = -EBADF;

	int r = tree->ops->group_open(group);

	if (r < 0) {
		cgroup_group_free(group);
		return err_set(err, r, "the cgroup of slot %u cannot be made beneath %s", index, tree->path);
	}
	*ret_group = group;
	return 0;
}

void cgroup_group_free(struct cgroup_group *group)
{
	group->tree->ops->group_close(group);
	array_for_each(group->dirs, dir)
		*dir = fd_close(*dir);
	free(group);
}

int cgroup_group_attach(struct cgroup_group *group, pid_t pid)
{
	return group->tree->ops->attach(group, pid);
}

bool cgroup_group_needs_forker(const struct cgroup_group *group)
{
	return group->tree->ops == &cgroup_v1;
}

int cgroup_group_fd(const struct cgroup_group *group)
{
	return cgroup_group_needs_forker(group) ? -EBADF : group->dirs[0];
}

int cgroup_group_renew(struct cgroup_group *group, struct err *err)
{
	int r = group->tree->ops->renew(group);

	return r < 0 ? err_set(err, r, "the cgroup of slot %u cannot be renewed", group->index) : 0;
}

int cgroup_group_set_limits(struct cgroup_group *group, const struct limits *limits, struct err *err)
{
	const char *file = "a limit";
	int r = group->tree->ops->set_limits(group, limits, &file);

	return r < 0 ? err_set(err, r, "%s of slot %u cannot be set", file, group->index) : 0;
}

void cgroup_group_unthrottle(struct cgroup_group *group)
{
	group->tree->ops->unthrottle(group);
}

bool cgroup_group_is_empty(const struct cgroup_group *group)
{
	uint64_t tasks;

	return group->tree->ops->count(group, &tasks) == 0 && tasks == 0;
}

bool cgroup_group_has_one(const struct cgroup_group *group)
{
	uint64_t tasks;

	return group->tree->ops->count(group, &tasks) == 0 && tasks == 1;
}

int cgroup_group_read(struct cgroup_group *group, struct usage *usage, struct cgroup_events *ret_events, struct err *err)
{
	int r = group->tree->ops->read(group, usage, ret_events);

	return r < 0 ? err_set(err, r, "what the run in slot %u has used cannot be read", group->index) : 0;
}
