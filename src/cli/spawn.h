/* SPDX-License-Identifier: Apache-2.0
 * spawn.h: starts one of our programs from beside this one, with nothing inherited but stdout, stderr and what is handed over.
 */
#pragma once
#include "base/err.h"

#include <sys/types.h>

#define ARGS_MAX       512
#define SPAWN_FIRST_FD 3 /* the descriptors handed over are 3, 4, ... in the child */

/* An argument vector; the texts belong to the caller. */
struct args {
	const char *items[ARGS_MAX + 1]; /* ends in NULL */
	size_t count;
};

void args_add(struct args *args, const char *text);
void args_add_option(struct args *args, const char *name, const char *value);

/* Stores the path of a program in this program's own folder. -ENAMETOOLONG and others. */
int spawn_path(const char *program, char *path, size_t size);

/* Starts it in a process group of its own, so that Ctrl-C reaches only us. Stores the pid. -ENOENT and others with a sentence. */
int spawn_program(const struct args *args, const int *fds, size_t fds_count, pid_t *ret_pid, struct err *err);
