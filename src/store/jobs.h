/* SPDX-License-Identifier: Apache-2.0
 * jobs.h: what becomes of jobs, in the database: queued -> started -> done, or canceled from either. Each function is part of
 * the caller's transaction. Times are milliseconds since 1970 and come from the caller.
 */
#pragma once
#include "base/buf.h"
#include "store/db.h"
#include "wire/store.h"

struct jobs {
	struct db *db;
	uint64_t queued_max; /* jobs in the queue */
	uint64_t age_ms_max; /* of an ended job */
	uint64_t bytes_max;  /* of all ended jobs together */
	uint64_t queued, started, ended_bytes;
	int64_t last_key[2 * STORE_PRIORITY_MAX + 1]; /* who had the turn, of each priority */
};

/* Counts what is there. */
int jobs_count(struct jobs *jobs);

/* Stores the items of a parcel, all or none, and appends a struct store_ticket each to tickets. -ENOSPC: too many are queued;
 * -EEXIST: an idempotency key was used with another body, which its ticket says; -EPROTO: the parcel is wrong. */
int jobs_submit(struct jobs *jobs, const struct store_submit *call, const char *parcel, size_t size, uint64_t now_ms,
		struct buf *tickets);

/* Appends the job, and its result behind it. -ENOENT. */
int jobs_get(struct jobs *jobs, const struct store_get *call, struct buf *parcel);

/* Appends up to call->count jobs, newest first; *ret_count says how many. */
int jobs_list(struct jobs *jobs, const struct store_list *call, struct buf *parcel, uint32_t *ret_count);

struct jobs_canceled {
	uint64_t number, runner; /* runner 0: it had not begun */
};

/* Cancels a job that has not ended, and appends it as it is then. -ENOENT; -EALREADY: it has ended, and is appended too. */
int jobs_cancel(struct jobs *jobs, const struct store_get *call, uint64_t now_ms, struct buf *parcel,
		struct jobs_canceled *ret_canceled);

/* Begins up to count queued jobs for a runner, and appends them with their bodies. A runner is a number from 1 that stands for a front. */
int jobs_claim(struct jobs *jobs, uint32_t count, uint64_t runner, uint64_t now_ms, struct buf *parcel, uint32_t *ret_count);

/* Stores a result. -EALREADY: the job has one, or was canceled; nothing is changed then. */
int jobs_finish(struct jobs *jobs, const struct store_result *call, const char *result, size_t size, uint64_t now_ms);

/* Lets a job that was begun and has not run wait again. -EALREADY: it is not begun. */
int jobs_release(struct jobs *jobs, uint64_t number);

/* Jobs that have begun are nobody's (runner 0), until a runner says that it has them. */
int jobs_disown(struct jobs *jobs);
int jobs_adopt(struct jobs *jobs, const uint64_t *numbers, size_t count, uint64_t runner);

/* Ends the jobs that this runner, or nobody, had begun: it is gone. */
int jobs_break_off(struct jobs *jobs, uint64_t runner, uint64_t now_ms);

/* Deletes the oldest ended jobs past age or bytes, at most a hundred at once. 1: there may be more. */
int jobs_expire(struct jobs *jobs, uint64_t now_ms);
