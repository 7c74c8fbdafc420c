/* SPDX-License-Identifier: Apache-2.0
 * landlock.h: what a guest may do with paths, whatever the mounts would let it. landlock(7)
 */
#pragma once
#include "cell/confine.h"

/* The newest ABI that the kernel offers, or 0 where it has none. */
int landlock_probe(void);

/* Restricts the calling process: the plan's folders readable and executable, /app, /tmp and /dev/shm writable, the five
 * devices usable, the rest of the root listed only; where the ABI has scopes, no abstract socket and no signal beyond
 * the cell. For good; needs no_new_privs. */
int landlock_restrict(const struct confine_plan *plan);

/* Restricts the calling process to reading beneath one folder. */
int landlock_restrict_reader(int abi, const char *folder);
