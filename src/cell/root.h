/* SPDX-License-Identifier: Apache-2.0
 * root.h: the environment's root filesystem, as its guests see it: read-only, nosuid, nodev, nothing of the host but what
 * is listed. Built once an environment, inside the nursery's own mount namespace, before any guest exists.
 */
#pragma once
#include "cell/confine.h"

#define ROOT_BOOT_DIR "/run/safexec" /* for the zygote only; each cell's init unmounts it */

/* The files in it, which lie beside our programs. */
enum { ROOT_BOOT_FILES = 4 };
extern const char *const root_boot_names[ROOT_BOOT_FILES];

struct root_spec {
	const char *dir;         /* a root filesystem directory, or "" for the host's own /usr */
	uint32_t guest_id_first; /* ids that /etc/passwd of the host's environment names "runner" */
	uint32_t guest_ids;
	int boot_fds[ROOT_BOOT_FILES]; /* open for reading */
	const char *preload;           /* module names, separated by blanks */
};

/* Builds the root and moves into it; the old root is gone afterwards. The caller is root of a user namespace that owns
 * its mount namespace, and pid 1 of its pid namespace. Fills the plan's paths. err names what could not be mounted. */
int root_enter(const struct root_spec *spec, struct confine_plan *plan, struct err *err);
