/* SPDX-License-Identifier: Apache-2.0 */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include "zygote/fork.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	int *thread_id; /* glibc's own record, which the kernel fills in for the child */
	void *robust_list;
	size_t robust_size;
} thread; /* listed in ARCHITECTURE.md under "Mutable globals" */

int fork_prepare(void)
{
	if (prctl(PR_GET_TID_ADDRESS, &thread.thread_id, 0, 0, 0) < 0 || *thread.thread_id != (int)syscall(SYS_gettid))
		return -ENOTSUP;
	return syscall(SYS_get_robust_list, 0, &thread.robust_list, &thread.robust_size) < 0 ? -ENOTSUP : 0;
}

pid_t fork_into_cell(int pid_ns_fd, int cgroup_fd, bool is_sibling, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, /* as glibc's fork does */
		.child_tid = (uint64_t)(uintptr_t)thread.thread_id,
		.exit_signal = is_sibling ? 0 : SIGCHLD, /* a sibling inherits it */
	};

	if (is_sibling)
		args.flags |= CLONE_PARENT;
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
	if (ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	}
	if (pid_ns_fd >= 0 && setns(pid_ns_fd, CLONE_NEWPID) < 0)
		return -errno;

	PyOS_BeforeFork();

	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0) {
		(void)syscall(SYS_set_robust_list, thread.robust_list, thread.robust_size);
		return 0;
	}

	int saved = errno;

	PyOS_AfterFork_Parent();
	return pid < 0 ? -saved : pid;
}
