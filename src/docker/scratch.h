/* SPDX-License-Identifier: Apache-2.0
 * scratch.h: a private folder of this server on the host, with a folder in it for each container that has its /app bound. A
 * container can fill its own; it is emptied only when the container is gone, and no link in it is followed.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define SCRATCH_PATH_BYTES 128

struct scratch {
	int dir;
	char path[SCRATCH_PATH_BYTES];
};

/* Makes /run/safexec-docker-NAME (or /tmp/..., for who may not write there), 0700, and removes what a dead server left in it.
 * Call it when no container of that server is left. -EPERM: it is somebody else's. */
int scratch_open(const char *name, struct scratch *ret_scratch, struct err *err);
void scratch_close(struct scratch *scratch); /* removes it */

/* Makes a folder and stores its path, or its absence as "". */
int scratch_make(const struct scratch *scratch, char ret_path[SCRATCH_PATH_BYTES]);

/* Copies an open file into the private folder, for all to read and execute, and stores its path. */
int scratch_install(const struct scratch *scratch, const char *name, int file_fd, char ret_path[SCRATCH_PATH_BYTES]);

/* Opens such a folder, for the files of a read-only run; no container has it yet. */
int scratch_enter(const char *path, int *ret_dir);

/* Writes the program, readable for every user of the container, into a folder that no container has written to yet.
 * Without a descriptor it is empty. */
int scratch_write(const char *path, int code_fd);

/* Removes a folder with all that is in it; its container has to be gone. Sets path to "". -errno of what resisted. */
int scratch_remove(const struct scratch *scratch, char path[SCRATCH_PATH_BYTES]);
