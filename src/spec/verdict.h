/* SPDX-License-Identifier: Apache-2.0
 * verdict.h: from what the kernel said about a run to the word that the user reads. A pure function: everything that
 * speaks comes over channels that a guest cannot reach.
 */
#pragma once
#include "spec/result.h"

#include <stdbool.h>

struct evidence {
	uint32_t stopped_for; /* the verdict for which the provider killed the run itself; VERDICT_OK when it did not */
	int status;           /* of the program, as wait(2) has it */
	bool has_status;      /* false: nobody saw how it ended */
	bool is_oom, is_pids_full, is_disk_full;
};

/* Fills verdict, exit_code and signal. The earliest cause wins: a run that was stopped for its time is a timeout, whatever
 * it did then; a failure in a full cgroup or disk is put down to that; success is success. */
void verdict_decide(const struct evidence *evidence, struct result *result);
