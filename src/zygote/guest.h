/* SPDX-License-Identifier: Apache-2.0
 * guest.h: what happens in a guest between its fork and the moment when Python may read its program: confinement, the wait for a
 * job, the files of the run, the limits of one process.
 */
#pragma once
#include "cell/confine.h"
#include "wire/bundle.h"

#include <signal.h>

struct guest_spec {
	const struct confine_plan *plan;
	sigset_t first_mask;        /* of signals, which a guest gets back */
	struct _object *seed_again; /* called in each guest, before it waits */
};

struct guest_job {
	uint32_t flags;       /* WIRE_JOB_... */
	struct bundle bundle; /* at its first record again; no bytes: there is none */
	int report;           /* where values and displays go, or -EBADF */
	unsigned cpu_millis;  /* of the limits */
};

/* Lowest number of the report's descriptor: out of the way of a program that counts its own. */
#define GUEST_REPORT_FD 512

/* fds: of ORDER_GUEST. Ends the process when anything goes wrong, after saying so where somebody listens. */
void guest_become(const struct guest_spec *spec, const struct order *order, const int fds[GUEST_FDS], struct guest_job *ret_job);
