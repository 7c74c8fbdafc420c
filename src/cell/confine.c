/* SPDX-License-Identifier: Apache-2.0
 *
 * The order is the design. Namespaces and root come first, while the process still may join them. The bounding set goes
 * before identity, because emptying it needs CAP_SETPCAP, and identity before the other sets, because setresuid needs
 * CAP_SETUID (capabilities(7)); no_new_privs before Landlock and seccomp, which need it without CAP_SYS_ADMIN; seccomp
 * last, because everything above makes calls that it refuses. Each stage is verified by reading back from the kernel, not
 * by trusting its return value: a cell that cannot prove a stage does not run.
 */
#include "cell/confine.h"

#include "cell/landlock.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define GUEST_OOM_SCORE    "1000"
#define GUEST_MEMLOCK      (64 * KIB)
#define GUEST_MQUEUE_BYTES (800 * KIB)
#define LAST_KNOWN_CAP     40

struct stage {
	enum layer layer;
	const char *name;
	int (*enter)(struct confine_cell *cell);
	int (*verify)(struct confine_cell *cell);
	const char *without; /* "the guest could still ..." */
};

/* --- descriptors ---------------------------------------------------------------------------------------------------- */

enum { FIRST_NS_FD = CONFINE_LAST_FD + 1, JOINED = NS_COUNT - NS_MNT, FIRST_SPARE_FD = FIRST_NS_FD + JOINED };

static int close_all_but_ours(struct confine_cell *cell)
{
	/* Where each is wanted; the namespaces only until they are joined. */
	const struct {
		int from, to;
	} moves[] = {
		{ GUEST_STDOUT, STDOUT_FILENO }, { GUEST_STDERR, STDERR_FILENO }, { GUEST_GATE, CONFINE_GATE_FD },
		{ NS_MNT, FIRST_NS_FD },         { NS_NET, FIRST_NS_FD + 1 },     { NS_IPC, FIRST_NS_FD + 2 },
		{ NS_UTS, FIRST_NS_FD + 3 },
	};

	/* First out of the way, so that no dup below closes a descriptor that a later one needs. */
	array_for_each(moves, move) {
		int moved = fcntl(cell->fds[move->from], F_DUPFD_CLOEXEC, FIRST_SPARE_FD);

		if (moved < 0)
			return -errno;
		cell->fds[move->from] = moved;
	}
	array_for_each(moves, move) {
		if (dup3(cell->fds[move->from], move->to, move->to > STDERR_FILENO ? O_CLOEXEC : 0) < 0)
			return -errno;
		cell->fds[move->from] = move->to;
	}
	return close_range(FIRST_SPARE_FD, ~0u, 0) < 0 ? -errno : 0;
}

static int nothing_else_is_open(struct confine_cell *cell)
{
	(void)cell;
	int lowest_free = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);

	if (lowest_free < 0)
		return -errno;
	(void)fd_close(lowest_free);
	return lowest_free == FIRST_SPARE_FD ? 0 : -EBADF;
}

/* --- namespaces ----------------------------------------------------------------------------------------------------- */

static int join_namespaces(struct confine_cell *cell)
{
	/* While /proc is still the zygote's: the victim of the cell's OOM is the guest, never what keeps the slot. */
	int r = fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", GUEST_OOM_SCORE);

	if (r < 0)
		return r;
	for (size_t ns = NS_MNT; ns < NS_COUNT; ns++) {
		if (setns(cell->fds[ns], 0) < 0)
			return -errno;
		cell->fds[ns] = fd_close(cell->fds[ns]);
	}
	return unshare(CLONE_NEWCGROUP) < 0 ? -errno : 0;
}

static int namespaces_are_the_cells(struct confine_cell *cell)
{
	for (size_t i = 0; i < NS_COUNT; i++) {
		struct stat st;

		if (stat(namespace_paths[i], &st) < 0)
			return -errno;
		if (st.st_ino != cell->namespaces[i])
			return -EXDEV;
	}
	return 0;
}

/* --- root ----------------------------------------------------------------------------------------------------------- */

static int enter_root(struct confine_cell *cell)
{
	(void)cell;
	if (chdir("/app") < 0)
		return -errno;

	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	if (null != STDIN_FILENO && (dup3(null, STDIN_FILENO, 0) < 0 || close(null) < 0))
		return -errno;
	if (null == STDIN_FILENO && fcntl(null, F_SETFD, 0) < 0)
		return -errno;
	return 0;
}

static int root_is_read_only(struct confine_cell *cell)
{
	static const char *const read_only[] = { "/", "/usr", "/proc" };
	struct statvfs fs;
	char cwd[8];

	(void)cell;
	array_for_each(read_only, path) {
		if (statvfs(*path, &fs) < 0)
			return -errno;
		if (!(fs.f_flag & ST_RDONLY))
			return -EROFS;
	}
	/* runc CVE-2024-21626: a working directory outside the root is a way out. */
	if (!getcwd(cwd, sizeof cwd))
		return -errno;
	return strcmp(cwd, "/app") == 0 ? 0 : -EXDEV;
}

/* --- resource limits ------------------------------------------------------------------------------------------------ */

static int set_rlimits(struct confine_cell *cell)
{
	static const struct {
		__rlimit_resource_t resource;
		rlim_t max;
	} limits[] = {
		/* 1, not 0: with a core_pattern that is a pipe the kernel ignores 0 and runs the host's handler, as root, on the
		 * guest's memory; 1 stops it, and no core file is that small (core(5), fs/coredump.c). */
		{ RLIMIT_CORE, 1 },
		{ RLIMIT_MEMLOCK, GUEST_MEMLOCK },
		{ RLIMIT_MSGQUEUE, GUEST_MQUEUE_BYTES },
		{ RLIMIT_RTPRIO, 0 },
		{ RLIMIT_NICE, 0 },
	};

	(void)cell;
	array_for_each(limits, limit) {
		struct rlimit now;

		if (getrlimit(limit->resource, &now) < 0)
			return -errno;
		if (now.rlim_max > limit->max) /* only ever down: raising needs CAP_SYS_RESOURCE */
			now.rlim_max = limit->max;
		now.rlim_cur = now.rlim_max;
		if (setrlimit(limit->resource, &now) < 0)
			return -errno;
	}
	return 0;
}

static int no_core_is_written(struct confine_cell *cell)
{
	struct rlimit core;

	(void)cell;
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return -errno;
	return core.rlim_max <= 1 ? 0 : -EPERM;
}

/* --- privilege ------------------------------------------------------------------------------------------------------ */

static int empty_bounding_set(struct confine_cell *cell)
{
	(void)cell;
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

static int bounding_set_is_empty(struct confine_cell *cell)
{
	(void)cell;
	for (unsigned long cap = 0; cap <= LAST_KNOWN_CAP; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return -EPERM;
	}
	return 0;
}

static int take_slot_id(struct confine_cell *cell)
{
	gid_t id = cell->guest_id;

	/* Raw calls: glibc's would look for other threads to tell. */
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, id, id, id) < 0 || syscall(SYS_setresuid, id, id, id) < 0)
		return -errno;
	return 0;
}

static int ids_are_the_slots(struct confine_cell *cell)
{
	uid_t want = cell->guest_id, uid[3];
	gid_t gid[3];

	if (want == 0 || getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return -EPERM;
	for (size_t i = 0; i < ARRAY_SIZE(uid); i++) {
		if (uid[i] != want || gid[i] != want)
			return -EPERM;
	}
	return getgroups(0, NULL) == 0 ? 0 : -EPERM;
}

static int drop_capabilities(struct confine_cell *cell)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)cell;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int all_sets_are_empty(struct confine_cell *cell)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	(void)cell;
	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	array_for_each(sets, set) {
		if (set->effective || set->permitted || set->inheritable)
			return -EPERM;
	}
	return 0;
}

static int forbid_new_privs(struct confine_cell *cell)
{
	(void)cell;
	/* The change of identity made /proc/self ours no more (proc(5)); Python looks into its own. Nothing secret is in
	 * this memory, and ptrace is refused by the filter. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int new_privs_forbidden(struct confine_cell *cell)
{
	(void)cell;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

/* --- Landlock ------------------------------------------------------------------------------------------------------- */

static int restrict_paths(struct confine_cell *cell)
{
	return cell->plan->landlock_abi > 0 ? landlock_restrict(cell->plan) : 0;
}

static int landlock_is_active(struct confine_cell *cell)
{
	if (cell->plan->landlock_abi <= 0)
		return 0;

	_cleanup_(fd_closep) int fd = open(CONFINE_CANARY, O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EACCES ? 0 : -EPERM;
}

/* --- seccomp -------------------------------------------------------------------------------------------------------- */

static int load(const struct filter *filter)
{
	struct sock_fprog program = { filter->count, (struct sock_filter *)(uintptr_t)filter->rows };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

static int load_unheard(const struct filters *filters)
{
	int r = load(&filters->refuse_alone);

	return r == 0 ? load(&filters->allow) : r;
}

/* A process has one listener at most: where what we were started by has one for all that is below it, ours is refused with EBUSY. */
static int load_filters(struct confine_cell *cell)
{
	const struct filters *filters = &cell->plan->filters;
	struct sock_fprog refuse = { filters->refuse.count, (struct sock_filter *)(uintptr_t)filters->refuse.rows };
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &refuse);

	if (listener < 0)
		return errno == EBUSY ? load_unheard(filters) : -errno;
	cell->listener = listener; /* close-on-exec at birth, seccomp_unotify(2) */
	return load(&filters->allow);
}

static int filter_is_active(struct confine_cell *cell)
{
	(void)cell;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
		return -EPERM;
	/* A call of each filter that nobody is told of. Without filters both would be EBADF, without `refuse` the first is ENOSYS. */
	if (syscall(SYS_syncfs, -1) == 0 || errno != EPERM)
		return -EPERM;
	return syscall(SYS_vmsplice, -1, NULL, 0, 0) < 0 && errno == ENOSYS ? 0 : -EPERM;
}

/* -------------------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct stage stages[] = {
	/* layer               name            enter               verify                    what the guest could still do without it */
	{ LAYER_DESCRIPTORS,   "descriptors",  close_all_but_ours, nothing_else_is_open,     "reach a descriptor of ours" },
	{ LAYER_NAMESPACES,    "namespaces",   join_namespaces,    namespaces_are_the_cells, "see other processes, networks and mounts" },
	{ LAYER_ROOT,          "root",         enter_root,         root_is_read_only,        "write the environment's files" },
	{ LAYER_RLIMITS,       "rlimits",      set_rlimits,        no_core_is_written,       "leave a core file" },
	{ LAYER_BOUNDING_SET,  "bounding set", empty_bounding_set, bounding_set_is_empty,    "gain a privilege through exec" },
	{ LAYER_IDENTITY,      "identity",     take_slot_id,       ids_are_the_slots,        "act as another slot's user" },
	{ LAYER_CAPABILITIES,  "capabilities", drop_capabilities,  all_sets_are_empty,       "use a privilege it still holds" },
	{ LAYER_NO_NEW_PRIVS,  "no_new_privs", forbid_new_privs,   new_privs_forbidden,      "gain one through a setuid file" },
	{ LAYER_LANDLOCK,      "landlock",     restrict_paths,     landlock_is_active,       "open what the root still shows" },
	{ LAYER_SECCOMP,       "seccomp",      load_filters,       filter_is_active,         "make a call that is not on the list" },
};
/* clang-format on */

static bool is_left_out(const struct confine_cell *cell, const struct stage *stage)
{
#ifdef SAFEXEC_TEST_STAGES
	return strcmp(cell->plan->skip_stage, stage->name) == 0;
#else
	(void)cell;
	(void)stage;
	return false;
#endif
}

int confine(struct confine_cell *cell, struct err *err)
{
	cell->listener = -EBADF;
	array_for_each(stages, stage) {
		if (is_left_out(cell, stage))
			continue;

		int r = stage->enter(cell);

		if (r == 0)
			r = stage->verify(cell);
		if (r < 0)
			return err_set(err, r, "%s: the guest could still %s", stage->name, stage->without);
		if (stage->layer != LAYER_LANDLOCK || cell->plan->landlock_abi > 0)
			cell->layers |= UINT32_C(1) << stage->layer;
	}
	return 0;
}

int confine_reader(const struct confine_plan *plan, const char *folder)
{
	int r = plan->landlock_abi > 0 ? landlock_restrict_reader(plan->landlock_abi, folder) : 0;

	if (r == 0)
		r = load_unheard(&plan->filters);
	return r == 0 ? filter_is_active(NULL) : r;
}
