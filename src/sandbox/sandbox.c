/* SPDX-License-Identifier: Apache-2.0
 *
 * The order is the design. The bounding set goes first, because emptying it needs CAP_SETPCAP; identity before the other
 * sets, because setresuid needs CAP_SETUID (capabilities(7)); no_new_privs before Landlock and seccomp, which need it
 * without CAP_SYS_ADMIN; dumpable and the parent-death signal after identity, because a change of uid resets both
 * (prctl(2)); seccomp last, because everything above makes calls that it refuses.
 */
#include "sandbox/sandbox.h"

#include "base/fd.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct task {
	const struct sandbox_profile *profile;
	const struct sandbox_ids *ids;
	int folder;
};

struct stage {
	const char *name, *without;
	int (*enter)(const struct task *task);
	int (*verify)(const struct task *task); /* -EPERM: it did not take effect */
};

static int has_setpcap(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	return (data[0].effective & (1u << CAP_SETPCAP)) != 0;
}

static int drop_bounding_set(const struct task *task)
{
	if (!task->ids->is_set && has_setpcap() == 0) /* nothing to gain from it: no_new_privs, and no way to be root */
		return 0;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap) < 0)
			return -errno;
	}
	return 0;
}

static int verify_bounding_set(const struct task *task)
{
	if (!task->ids->is_set && has_setpcap() == 0)
		return 0;
	for (int cap = 0;; cap++) {
		int is_there = prctl(PR_CAPBSET_READ, cap);

		if (is_there < 0)
			return cap > 0 ? 0 : -errno;
		if (is_there > 0)
			return -EPERM;
	}
}

static int take_identity(const struct task *task)
{
	if (!task->ids->is_set)
		return geteuid() == 0 ? -EPERM : 0;
	if (setgroups(0, NULL) < 0 || setresgid(task->ids->gid, task->ids->gid, task->ids->gid) < 0 ||
	    setresuid(task->ids->uid, task->ids->uid, task->ids->uid) < 0)
		return -errno;
	return 0;
}

static int verify_identity(const struct task *task)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return -errno;
	if (!task->ids->is_set)
		return r != 0 && e != 0 && s != 0 ? 0 : -EPERM;
	if (r != task->ids->uid || e != r || s != r || rg != task->ids->gid || eg != rg || sg != rg || getgroups(0, NULL) != 0)
		return -EPERM;
	return setuid(0) < 0 ? 0 : -EPERM;
}

static int drop_capabilities(const struct task *task)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	(void)task;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
		return -errno;
	return 0;
}

static int verify_capabilities(const struct task *task)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)task;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	array_for_each(data, word) {
		if (word->effective != 0 || word->permitted != 0 || word->inheritable != 0)
			return -EPERM;
	}
	return 0;
}

static int forbid_tracing(const struct task *task)
{
	(void)task;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

static int verify_tracing(const struct task *task)
{
	(void)task;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : -EPERM;
}

static int bind_to_parent(const struct task *task)
{
	(void)task;
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

static int verify_parent(const struct task *task)
{
	int number = 0;

	(void)task;
	return prctl(PR_GET_PDEATHSIG, &number) == 0 && number == SIGKILL ? 0 : -EPERM;
}

static int forbid_new_privs(const struct task *task)
{
	(void)task;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int verify_new_privs(const struct task *task)
{
	(void)task;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

/* The version of Landlock, or 0 where the kernel has none; then ids and seccomp alone keep a program from files. */
static int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

static int deny_files(const struct task *task)
{
	/* Rights of the first version; every later right (refer, truncate, ioctl) needs a file that was opened with one of these. */
	const struct landlock_ruleset_attr all = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1 };
	const struct landlock_path_beneath_attr below = { .allowed_access = task->profile->rights, .parent_fd = task->folder };

	if (landlock_version() == 0)
		return 0;

	_cleanup_(fd_closep) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

	if (ruleset < 0)
		return -errno;
	if (task->folder >= 0 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int verify_files(const struct task *task)
{
	(void)task;
	if (landlock_version() == 0)
		return 0;

	_cleanup_(fd_closep) int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return root < 0 && errno == EACCES ? 0 : -EPERM;
}

/* Never writable code, never new code. */
static const int mapping_calls[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };

static int add_rules(scmp_filter_ctx filter, const struct sandbox_profile *profile)
{
	int r = 0;

	for (size_t i = 0; i < profile->calls_count && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, profile->calls[i], 0);
	array_for_each(mapping_calls, call) {
		if (r == 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, *call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	}
	return r;
}

static int load_filter(const struct task *task)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_rules(filter, task->profile);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static int verify_filter(const struct task *task)
{
	(void)task;
	/* Before the filter was there this returned 2 or more: the mode is asked through a call that no profile has. */
	return prctl(PR_GET_SECCOMP) < 0 && errno == EPERM && syscall(SYS_getppid) < 0 && errno == EPERM ? 0 : -EPERM;
}

static const struct stage stages[] = {
	{ "bounding set", "gain a privilege through a file it executes", drop_bounding_set, verify_bounding_set },
	{ "identity", "act as root", take_identity, verify_identity },
	{ "capabilities", "use a privilege of root", drop_capabilities, verify_capabilities },
	{ "dumpable", "be traced by others of its user", forbid_tracing, verify_tracing },
	{ "parent", "outlive its supervisor", bind_to_parent, verify_parent },
	{ "no_new_privs", "gain a privilege through a setuid file", forbid_new_privs, verify_new_privs },
	{ "landlock", "open files", deny_files, verify_files },
	{ "seccomp", "make any system call", load_filter, verify_filter },
};

int sandbox_enter(const struct sandbox_profile *profile, const struct sandbox_ids *ids, int folder, struct err *err)
{
	const struct task task = { .profile = profile, .ids = ids, .folder = folder };

	array_for_each(stages, stage) {
		int r = stage->enter(&task);

		if (r == 0)
			r = stage->verify(&task);
		if (r < 0)
			return err_set(err, r, "Cannot confine %s (%s), which could still %s", profile->who, stage->name,
				       stage->without);
	}
	return 0;
}
