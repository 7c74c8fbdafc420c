/* SPDX-License-Identifier: Apache-2.0
 *
 * The order is the design. The bounding set goes first, because emptying it needs CAP_SETPCAP; identity before the other
 * sets, because setresuid needs CAP_SETUID (capabilities(7)); no_new_privs before Landlock and seccomp, which need it
 * without CAP_SYS_ADMIN; dumpable and the parent-death signal after identity, because a change of uid resets both
 * (prctl(2)); seccomp last, because everything above makes calls that it refuses.
 */
#include "front/sandbox.h"

#include "base/fd.h"
#include "front/filter.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct stage {
	const char *name, *without;
	int (*enter)(const struct sandbox_ids *ids);
	int (*verify)(const struct sandbox_ids *ids); /* -EPERM: it did not take effect */
};

static int has_setpcap(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	return (data[0].effective & (1u << CAP_SETPCAP)) != 0;
}

static int drop_bounding_set(const struct sandbox_ids *ids)
{
	if (!ids->is_set && has_setpcap() == 0) /* nothing to gain from it: no_new_privs, and no way to be root */
		return 0;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap) < 0)
			return -errno;
	}
	return 0;
}

static int verify_bounding_set(const struct sandbox_ids *ids)
{
	if (!ids->is_set && has_setpcap() == 0)
		return 0;
	for (int cap = 0;; cap++) {
		int is_there = prctl(PR_CAPBSET_READ, cap);

		if (is_there < 0)
			return cap > 0 ? 0 : -errno;
		if (is_there > 0)
			return -EPERM;
	}
}

static int take_identity(const struct sandbox_ids *ids)
{
	if (!ids->is_set)
		return geteuid() == 0 ? -EPERM : 0;
	if (setgroups(0, NULL) < 0 || setresgid(ids->gid, ids->gid, ids->gid) < 0 || setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return -errno;
	return 0;
}

static int verify_identity(const struct sandbox_ids *ids)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return -errno;
	if (!ids->is_set)
		return r != 0 && e != 0 && s != 0 ? 0 : -EPERM;
	if (r != ids->uid || e != r || s != r || rg != ids->gid || eg != rg || sg != rg || getgroups(0, NULL) != 0)
		return -EPERM;
	return setuid(0) < 0 ? 0 : -EPERM;
}

static int drop_capabilities(const struct sandbox_ids *ids)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	(void)ids;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
		return -errno;
	return 0;
}

static int verify_capabilities(const struct sandbox_ids *ids)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)ids;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	array_for_each(data, word) {
		if (word->effective != 0 || word->permitted != 0 || word->inheritable != 0)
			return -EPERM;
	}
	return 0;
}

static int forbid_tracing(const struct sandbox_ids *ids)
{
	(void)ids;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

static int verify_tracing(const struct sandbox_ids *ids)
{
	(void)ids;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : -EPERM;
}

static int bind_to_parent(const struct sandbox_ids *ids)
{
	(void)ids;
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

static int verify_parent(const struct sandbox_ids *ids)
{
	int number = 0;

	(void)ids;
	return prctl(PR_GET_PDEATHSIG, &number) == 0 && number == SIGKILL ? 0 : -EPERM;
}

static int forbid_new_privs(const struct sandbox_ids *ids)
{
	(void)ids;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int verify_new_privs(const struct sandbox_ids *ids)
{
	(void)ids;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

/* The version of Landlock, or 0 where the kernel has none; then seccomp alone keeps the front from files. */
static int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

static int deny_files(const struct sandbox_ids *ids)
{
	/* Rights of the first version; every later right (refer, truncate, ioctl) needs a file that was opened with one of these. */
	const struct landlock_ruleset_attr all = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1 };

	(void)ids;
	if (landlock_version() == 0)
		return 0;

	_cleanup_(fd_closep) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

static int verify_files(const struct sandbox_ids *ids)
{
	(void)ids;
	if (landlock_version() == 0)
		return 0;

	_cleanup_(fd_closep) int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return root < 0 && errno == EACCES ? 0 : -EPERM;
}

static int load_filter(const struct sandbox_ids *ids)
{
	(void)ids;
	return filter_load();
}

static int verify_filter(const struct sandbox_ids *ids)
{
	(void)ids;
	return filter_verify();
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

int sandbox_enter(const struct sandbox_ids *ids, struct err *err)
{
	array_for_each(stages, stage) {
		int r = stage->enter(ids);

		if (r == 0)
			r = stage->verify(ids);
		if (r < 0)
			return err_set(err, r, "Cannot confine the front (%s), which could still %s", stage->name, stage->without);
	}
	return 0;
}
