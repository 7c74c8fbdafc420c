/* SPDX-License-Identifier: Apache-2.0
 * result.h: what is known of a run when it has ended: verdict, usage, stage timings. Fixed-size, so that it travels
 * between our programs as it is.
 */
#pragma once
#include "spec/refused.h"

enum verdict {
#define VERDICT(symbol, name, meaning) VERDICT_##symbol,
#include "spec/verdict.def"
#undef VERDICT
	VERDICT_COUNT,
};

struct usage {
	uint64_t wall_us;                    /* from the moment the program could begin to its end */
	uint64_t cpu_user_us, cpu_system_us; /* of all processes of the run */
	uint64_t memory_peak_bytes;          /* the run's files included; 0 where the kernel does not count it */
	uint64_t pids_peak;                  /* 0 where the kernel does not count it */
};

struct timings {
	uint64_t setup_us;   /* job received to program released */
	uint64_t run_us;     /* released to ended */
	uint64_t collect_us; /* ended to verdict */
};

struct result {
	uint32_t verdict;      /* enum verdict */
	int32_t exit_code;     /* 0 to 255; -1 when a signal killed the program or it never ran */
	int32_t signal;        /* the signal that killed it, or 0 */
	uint32_t may_have_run; /* with VERDICT_INTERNAL: 1 when the program may have begun */
	struct usage usage;
	struct timings timings;
	struct refused refused; /* calls; where the provider is told of them */
};

/* "ok", "error", ...; "unknown" for a number that is none. */
const char *verdict_name(uint32_t verdict);

/* "SIGSEGV" for 11; "signal" for a number without a name. Static text. */
const char *signal_name(int signal);
