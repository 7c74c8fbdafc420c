/* SPDX-License-Identifier: Apache-2.0
 * sandbox.h: what a program that serves strangers gives up before it reads the first byte of theirs: identity, privileges,
 * files, and all system calls that its profile does not name. Every stage is verified by reading back; there is no going on
 * without.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox_ids {
	uid_t uid;
	gid_t gid;
	bool is_set; /* not set: started as another user than root, who stays who they are */
};

/* What one program may still do. prctl and getppid may not be among the calls: the proof that the filter holds needs them. */
struct sandbox_profile {
	const char *who;  /* "the front", for sentences */
	const int *calls; /* SCMP_SYS(...); mmap and mprotect without PROT_EXEC are always there. All others: EPERM */
	size_t calls_count;
	uint64_t rights; /* LANDLOCK_ACCESS_FS_... below the folder that sandbox_enter gets */
};

/* Enters all stages. folder: the one in which the profile's rights hold, or -EBADF for none. -errno: err names the stage and what
 * the program could still do. Single-threaded callers only. */
int sandbox_enter(const struct sandbox_profile *profile, const struct sandbox_ids *ids, int folder, struct err *err);
