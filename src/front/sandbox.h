/* SPDX-License-Identifier: Apache-2.0
 * sandbox.h: what the front gives up before it reads the first byte from a stranger: identity, privileges, files, and all
 * system calls that serving sockets does not need. Every stage is verified by reading back; there is no going on without.
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

/* Enters all stages. -errno: err names the stage and what the front could still do. Single-threaded callers only. */
int sandbox_enter(const struct sandbox_ids *ids, struct err *err);
