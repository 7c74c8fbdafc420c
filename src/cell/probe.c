/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/probe.h"

#include "base/fd.h"
#include "base/num.h"
#include "cell/cgroup_impl.h"
#include "cell/filter.h"
#include "cell/landlock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NEEDED_TASKS 100 /* a program of 64, the programs of the server, a few cells that wait */

static int found(char *text, const char *what)
{
	(void)snprintf(text, ERR_TEXT_BYTES, "%s", what);
	return 0;
}

static int missing(char *text, int r, const char *cure)
{
	(void)snprintf(text, ERR_TEXT_BYTES, "%s", cure);
	return r;
}

static int check_kernel(char *text)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	(void)uname(&name);
	(void)sscanf(name.release, "%u.%u", &major, &minor);
	if (strcmp(name.machine, "x86_64") != 0)
		return missing(text, -ENOTSUP, "only x86_64 is supported; this machine is another");
	if (major < 5 || (major == 5 && minor < 14))
		return missing(text, -ENOTSUP, "the kernel is older than 5.14; install a newer one");
	return found(text, name.release);
}

static int check_privileges(char *text)
{
	static const int needed[] = { CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (geteuid() != 0)
		return missing(text, -EPERM, "safexec needs root to make namespaces and cgroups; start it with sudo");
	if (syscall(SYS_capget, &header, sets) < 0)
		return missing(text, -errno, "the kernel does not tell our capabilities");
	array_for_each(needed, cap) {
		if (!(sets[CAP_TO_INDEX(*cap)].effective & CAP_TO_MASK(*cap)))
			return missing(text, -EPERM,
				       "root lacks a capability (SYS_ADMIN, SETUID, SETGID, CHOWN, DAC_OVERRIDE, KILL); in a "
				       "container, run it with these");
	}
	return found(text, "root with the capabilities that it takes");
}

static int check_calls(char *text)
{
	static const struct {
		const char *name;
		long call;
	} calls[] = {
		{ "clone3", SYS_clone3 },   { "pidfd_open", SYS_pidfd_open },       { "close_range", SYS_close_range },
		{ "openat2", SYS_openat2 }, { "mount_setattr", SYS_mount_setattr },
	};

	array_for_each(calls, call) {
		/* Arguments that every version refuses: the errno tells whether the call is there. */
		if (syscall(call->call, -1, -1, -1, -1, -1, -1) < 0 && (errno == ENOSYS || errno == EPERM)) {
			(void)snprintf(text, ERR_TEXT_BYTES,
				       "%s is refused; in a container, loosen its seccomp profile for safexec", call->name);
			return -ENOSYS;
		}
	}
	return found(text, "clone3, pidfd_open, close_range, openat2, mount_setattr");
}

static int check_thread_id(char *text)
{
	int *address;

	if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) < 0)
		return missing(text, -errno,
			       "the kernel is built without CONFIG_CHECKPOINT_RESTORE, which the zygote's fork needs");
	return found(text, "PR_GET_TID_ADDRESS");
}

static int check_user_namespaces(char *text)
{
	struct statvfs fs;
	char value[32];
	uint64_t max;

	if (access("/proc/self/ns/user", F_OK) < 0)
		return missing(text, -ENOSYS, "the kernel is built without user namespaces (CONFIG_USER_NS)");
	if (fd_read_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", value, sizeof value) < 0 ||
	    num_parse_u64(value, 0, UINT64_MAX, &max) < 0 || max == 0)
		return missing(text, -ENOSPC, "user namespaces are switched off; run `sysctl user.max_user_namespaces=1000`");
	/* Its mode says nothing: inside a namespace its root may write what is read-only here (proc_sys(5)). */
	if (statvfs("/proc/sys/user", &fs) < 0 || (fs.f_flag & ST_RDONLY))
		return missing(text, -EROFS, "/proc/sys/user is read-only; in a container, run it with an unmasked /proc");
	return found(text, "user, pid, mount, net, ipc, uts, cgroup");
}

static int check_seccomp(char *text)
{
	static struct filters filters; /* 32 kB, too large for a stack */
	struct err err;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return missing(text, -ENOSYS, "the kernel is built without seccomp (CONFIG_SECCOMP_FILTER)");

	int r = filters_build(&filters, &err);

	if (r < 0)
		return missing(text, r, err.text);

	unsigned conditional, allowed = filters_count_allowed(&conditional);

	(void)snprintf(text, ERR_TEXT_BYTES,
		       "filters of %u and %u instructions; a run can make %u calls, %u of them with some arguments only",
		       filters.allow.count, filters.refuse.count, allowed, conditional);
	return 0;
}

static int check_landlock(char *text)
{
	int abi = landlock_probe();

	if (abi == 0)
		return missing(
			text, -ENOTSUP,
			"the kernel has none or it is switched off (lsm=landlock,... on its command line); the other layers hold");
	(void)snprintf(text, ERR_TEXT_BYTES, "ABI %d", abi);
	return 0;
}

/* At the hierarchy's root: what is missing there is missing everywhere. What our own cgroup lacks, the trial cell tells. */
static int check_version_2(char *text)
{
	static const char *const controllers[] = { "memory", "pids", "cpu" };
	char own[PATH_MAX], root[PATH_MAX], file[PATH_MAX + 32], list[KIB];

	if (cgroup_find_own("", own, root) < 0)
		return missing(text, -ENOENT, "no cgroup hierarchy is mounted; mount cgroup2 at /sys/fs/cgroup");
	(void)snprintf(file, sizeof file, "%s/cgroup.controllers", root);
	if (fd_read_file(AT_FDCWD, file, list, sizeof list) < 0)
		return missing(text, -EACCES, "the root of the cgroup hierarchy cannot be read");
	array_for_each(controllers, name) {
		if (cgroup_has_word(list, *name))
			continue;
		(void)snprintf(text, ERR_TEXT_BYTES,
			       "version 2 without the %s controller; boot with cgroup_enable=%s and without cgroup_disable=%s",
			       *name, *name, *name);
		return -ENOENT;
	}
	(void)snprintf(text, ERR_TEXT_BYTES, "version 2: %.200s", list);
	return 0;
}

static int check_cgroups(char *text)
{
	static const char *const controllers[] = { "memory", "pids", "cpu", "cpuacct" };
	char own[PATH_MAX];

	if (cgroup_find_own("memory", own, NULL) == 0) {
		array_for_each(controllers, name) {
			if (cgroup_find_own(*name, own, NULL) == 0)
				continue;
			(void)snprintf(text, ERR_TEXT_BYTES,
				       "version 1 without the %s controller; mount it, or boot with cgroup_enable=%s", *name,
				       *name);
			return -ENOENT;
		}
		return found(text, "version 1: memory, pids, cpu, cpuacct");
	}
	return check_version_2(text);
}

/* How many processes may still be made in the cgroup at path and in those above it, up to root; the tightest is stored. */
static uint64_t find_room(char *path, const char *root, char *ret_tightest)
{
	uint64_t room = UINT64_MAX;

	for (size_t shortest = strlen(root); strlen(path) > shortest; *strrchr(path, '/') = '\0') {
		char file[PATH_MAX + 32], value[32];
		uint64_t max, current;

		(void)snprintf(file, sizeof file, "%s/pids.max", path);
		if (fd_read_file(AT_FDCWD, file, value, sizeof value) < 0 || num_parse_u64(value, 0, UINT64_MAX, &max) < 0)
			continue; /* "max" */
		(void)snprintf(file, sizeof file, "%s/pids.current", path);
		if (fd_read_file(AT_FDCWD, file, value, sizeof value) < 0 || num_parse_u64(value, 0, UINT64_MAX, &current) < 0)
			continue;
		if (max - current < room || max < current) {
			room = max < current ? 0 : max - current;
			(void)snprintf(ret_tightest, PATH_MAX, "%s", path + shortest);
		}
	}
	return room;
}

static int check_tasks(char *text)
{
	char own[PATH_MAX], root[PATH_MAX], tightest[PATH_MAX] = "";

	if (cgroup_find_own("pids", own, root) < 0 && cgroup_find_own("", own, root) < 0)
		return found(text, "not limited"); /* without cgroups there is more to be said, and the next check says it */

	uint64_t room = find_room(own, root, tightest);

	if (room < NEEDED_TASKS) {
		(void)snprintf(text, ERR_TEXT_BYTES,
			       "only %" PRIu64
			       " more may be made in %.120s, and cells take %d; raise its pids.max (systemd: TasksMax=)",
			       room, tightest, NEEDED_TASKS);
		return -EAGAIN;
	}
	return found(text, room == UINT64_MAX ? "not limited" : "enough may be made");
}

static int check_swap(char *text)
{
	char own[PATH_MAX], file[PATH_MAX + 64];
	struct sysinfo info;

	if (sysinfo(&info) < 0 || info.totalswap == 0)
		return found(text, "none on this machine");
	if (cgroup_find_own("memory", own, NULL) < 0)
		return found(text, "limited to nothing in every cell");
	(void)snprintf(file, sizeof file, "%s/memory.memsw.limit_in_bytes", own);
	if (access(file, F_OK) < 0)
		return missing(text, -ENOTSUP,
			       "there is swap and it is not accounted; boot with swapaccount=1, or run `swapoff -a`");
	return found(text, "accounted, limited to nothing in every cell");
}

/* clang-format off */
const struct probe probes[] = {
	{ "kernel",          check_kernel,          false },
	{ "privileges",      check_privileges,      false },
	{ "system calls",    check_calls,           false },
	{ "thread id",       check_thread_id,       false },
	{ "namespaces",      check_user_namespaces, false },
	{ "seccomp",         check_seccomp,         false },
	{ "Landlock",        check_landlock,        true  },
	{ "cgroups",         check_cgroups,         false },
	{ "processes",       check_tasks,           false },
	{ "swap",            check_swap,            false },
};
/* clang-format on */
const size_t probes_count = ARRAY_SIZE(probes);
