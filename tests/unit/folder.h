/* SPDX-License-Identifier: Apache-2.0
 * folder.h: a folder of a test's own, which is the working folder while it lasts.
 */
#pragma once
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline int folder_enter(void **state)
{
	char *path = strdup("/tmp/safexec-unit-XXXXXX");

	*state = path;
	return path && mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static inline int folder_leave(void **state)
{
	int r = chdir("/") == 0 ? nftw(*state, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;

	free(*state);
	return r;
}
