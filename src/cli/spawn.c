/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spawn.h"

#include "base/fd.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FDS      4
#define OUT_OF_REACH 32 /* above every number handed over, so that no dup2 hits the source of a later one */

void args_add(struct args *args, const char *text)
{
	assert(args->count < ARGS_MAX);
	args->items[args->count++] = text;
}

void args_add_option(struct args *args, const char *name, const char *value)
{
	args_add(args, name);
	args_add(args, value);
}

int spawn_path(const char *program, char *path, size_t size)
{
	ssize_t used = readlink("/proc/self/exe", path, size - 1);

	if (used < 0)
		return -errno;
	path[used] = '\0';

	char *name = strrchr(path, '/');
	size_t folder = name ? (size_t)(name + 1 - path) : 0;
	int n = snprintf(path + folder, size - folder, "%s", program);

	return n < 0 || (size_t)n >= size - folder ? -ENAMETOOLONG : 0;
}

struct plan {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
};

static void plan_end(struct plan *plan)
{
	(void)posix_spawn_file_actions_destroy(&plan->actions);
	(void)posix_spawnattr_destroy(&plan->attributes);
}

/* 0 or a positive errno, as posix_spawn(3) and its friends return it. */
static int plan_fill(struct plan *plan, const int *fds, size_t fds_count)
{
	sigset_t none, all;
	int r = posix_spawn_file_actions_addopen(&plan->actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	for (size_t i = 0; i < fds_count && r == 0; i++)
		r = posix_spawn_file_actions_adddup2(&plan->actions, fds[i], SPAWN_FIRST_FD + (int)i);
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&plan->attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&plan->attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setpgroup(&plan->attributes, 0);
	if (r == 0)
		r = posix_spawnattr_setflags(&plan->attributes,
					     POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	return r;
}

static int spawn_with(const char *path, const struct args *args, const int *fds, size_t fds_count, pid_t *ret_pid)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL };
	_cleanup_(plan_end) struct plan plan;
	int r = posix_spawn_file_actions_init(&plan.actions) ?: posix_spawnattr_init(&plan.attributes);

	assert(r == 0); /* glibc's only fill in a struct */
	r = plan_fill(&plan, fds, fds_count);
	if (r == 0)
		r = posix_spawn(ret_pid, path, &plan.actions, &plan.attributes, (char *const *)(uintptr_t)args->items,
				(char *const *)(uintptr_t)environment);
	return -r;
}

int spawn_program(const struct args *args, const int *fds, size_t fds_count, pid_t *ret_pid, struct err *err)
{
	char path[PATH_MAX];
	int high[MAX_FDS] = { -EBADF, -EBADF, -EBADF, -EBADF };
	int r = spawn_path(args->items[0], path, sizeof path);

	assert(fds_count <= MAX_FDS);
	for (size_t i = 0; i < fds_count && r == 0; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OUT_OF_REACH);
		r = high[i] < 0 ? -errno : 0;
	}
	if (r == 0)
		r = spawn_with(path, args, high, fds_count, ret_pid);
	array_for_each(high, fd)
		*fd = fd_close(*fd);
	return r < 0 ? err_set(err, r, "Cannot start %s", path) : 0;
}
