/* SPDX-License-Identifier: Apache-2.0
 * metrics.h: what a front has counted, as Prometheus reads it (text format 0.0.4). Everything has a bound: what does not fit a table is
 * counted under "other".
 */
#pragma once
#include "base/buf.h"
#include "service/run.h"

#include <stdbool.h>

#define METRICS_PLACES  16 /* pairs of environment and provider, the last one for all others */
#define METRICS_BUCKETS 16

enum metrics_stage { STAGE_QUEUE, STAGE_SETUP, STAGE_RUN, STAGE_COLLECT, STAGE_WHOLE, STAGES };

struct histogram {
	uint64_t buckets[METRICS_BUCKETS]; /* the last one has no end */
	uint64_t sum_us;
};

struct metrics_place {
	char environment[32], provider[16];
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t refused[REFUSED_COUNT + 1]; /* calls; the last one all others */
};

struct metrics {
	struct metrics_place places[METRICS_PLACES];
	size_t places_count;
	uint64_t canceled, not_run, output_bytes, request_bytes, audit_lost;
	uint64_t requests[6]; /* by status / 100 */
	struct histogram stages[STAGES], request_time;
};

struct metrics_zygote {
	const char *environment, *provider;
	uint64_t age_us;
};

/* What is as it is now, asked for when somebody reads. */
struct metrics_now {
	uint64_t cells_ready, slots, running, waiting, cells_taken_over, jobs_queued, jobs_started, keys, resident_bytes;
	bool is_store_up;
	struct metrics_zygote zygotes[METRICS_PLACES];
	size_t zygotes_count;
};

/* outcome NULL: the client left. */
void metrics_note_run(struct metrics *metrics, const struct run_outcome *outcome);
void metrics_note_request(struct metrics *metrics, unsigned status, uint64_t took_us, uint64_t bytes);

/* Appends the text. -ENOBUFS, -ENOMEM. */
int metrics_write(const struct metrics *metrics, const struct metrics_now *now, struct buf *text);
