/* SPDX-License-Identifier: Apache-2.0
 * fork.h: forks this interpreter with clone3(2), which glibc's fork() cannot be told to use: into another cgroup, as a
 * sibling, with a pidfd. The process has one thread, so of fork()'s work only the thread's own records are left to do.
 */
#pragma once
#include <sys/types.h>

#include <stdbool.h>

/* Learns where glibc keeps the thread id and the list of robust locks; once, before the first fork. -ENOTSUP. */
int fork_prepare(void);

/* Forks. pid_ns_fd: the pid namespace that the child is born in, or -EBADF. cgroup_fd: the child's
 * cgroup, or -EBADF. is_sibling: the child's parent is ours. ret_pidfd may be NULL. Returns as fork(2) does, or -errno;
 * Python's own after-fork work is done in the parent and left to the child. */
pid_t fork_into_cell(int pid_ns_fd, int cgroup_fd, bool is_sibling, int *ret_pidfd);
