/* SPDX-License-Identifier: Apache-2.0
 * inside_job.h: what safexec-docker-init makes of its order: files in /app, the program's words and environment, its input. It
 * is the run's own user, and nothing of the run lives yet.
 */
#pragma once
#include "base/err.h"
#include "docker/inside.h"
#include "wire/bundle.h"

struct inside_job {
	int stdin_fd, job_fd; /* memfds; -EBADF */
	char **words, **environment;
	struct bundle bundle; /* what words, environment and entry point to */
	const char *entry;    /* the program's path in /app */
	int globs_fd;         /* a bundle of those alone; -EBADF: none */
};

/* Reads the rest of standard input, writes the files and fills the job. A negative errno with a sentence. */
int inside_job_take(const struct inside_order *order, struct inside_job *job, struct err *err);

/* Closes what only the program needs, so that it does not fill the container's memory. */
void inside_job_release(struct inside_job *job);

/* 1; 0: the end of input came first; -errno. */
int inside_read(void *bytes, size_t size);
