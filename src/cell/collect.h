/* SPDX-License-Identifier: Apache-2.0
 * collect.h: the files that a run gives back, found by its output patterns after all of its processes are dead. Regular files only, no
 * link of any kind followed, capped in bytes read, files, entries looked at, depth and time. Needs no privilege but to read.
 */
#pragma once
#include "base/clock.h"
#include "wire/bundle.h"

struct collect_caps {
	uint64_t bytes;   /* of all files together, holes counted as what they read */
	unsigned files;   /* found; at most BUNDLE_MAX_FILES */
	unsigned entries; /* of folders, looked at */
	nsec_t deadline;  /* of clock_now() */
};

/* Looks beneath dir for what the globs of asked name, and makes a bundle of it, in the order of their names: BUNDLE_FILE,
 * BUNDLE_LEFT_OUT for what there was no room for, BUNDLE_MORE when a cap ended the search or a name is no path of a bundle. -EBADMSG:
 * asked is none; -ENOMEM or another errno of memfd_create(2). What cannot be opened is as if it were not there. */
int collect_files(int dir, struct bundle *asked, const struct collect_caps *caps, int *ret_fd);
