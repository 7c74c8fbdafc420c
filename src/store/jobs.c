/* SPDX-License-Identifier: Apache-2.0 */
#include "store/jobs.h"

#include <errno.h>
#include <string.h>

#define EXPIRE_AT_ONCE 100
#define ROW_BYTES      512 /* as statements.def has it */
#define RUNNER_COLUMN  15  /* of COLUMNS in statements.def */
#define BYTES_COLUMN   16  /* behind them */

static void read_job(sqlite3_stmt *row, struct store_job *job)
{
	*job = (struct store_job){
		.number = db_number(row, 0),
		.key = db_number(row, 2),
		.state = (uint32_t)db_number(row, 3),
		.priority = sqlite3_column_int(row, 4),
		.created_ms = db_number(row, 5),
		.started_ms = db_number(row, 6),
		.ended_ms = db_number(row, 7),
		.deadline_ms = db_number(row, 8),
		.delivery = (uint32_t)db_number(row, 11),
		.delivery_attempts = (uint32_t)db_number(row, 12),
		.body_size = (uint32_t)db_number(row, 13),
		.result_size = (uint32_t)db_number(row, 14),
	};
	db_copy_text(row, 1, job->id, sizeof job->id);
	db_copy_text(row, 9, job->verdict, sizeof job->verdict);
	db_copy_text(row, 10, job->once, sizeof job->once);
}

/* Appends the job of a row, and the bytes of its last column when with_bytes. */
static int append_job(sqlite3_stmt *row, bool with_bytes, struct buf *parcel, struct store_job *job)
{
	int r;

	read_job(row, job);
	r = buf_append(parcel, job, sizeof *job);
	if (r == 0 && with_bytes && sqlite3_column_bytes(row, BYTES_COLUMN) > 0)
		r = buf_append(parcel, sqlite3_column_blob(row, BYTES_COLUMN), (size_t)sqlite3_column_bytes(row, BYTES_COLUMN));
	return r;
}

int jobs_count(struct jobs *jobs)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_COUNT);
	int r;

	jobs->queued = jobs->started = jobs->ended_bytes = 0;
	while ((r = db_step(row)) == 1) {
		uint64_t state = db_number(row, 0);

		if (state == STORE_QUEUED)
			jobs->queued = db_number(row, 1);
		else if (state == STORE_STARTED)
			jobs->started = db_number(row, 1);
		else
			jobs->ended_bytes += (uint64_t)sqlite3_column_double(row, 2);
	}
	return r;
}

static int get_row(struct jobs *jobs, const struct store_get *call, sqlite3_stmt **ret_row)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_GET);
	int r;

	(void)db_bind_text(row, 1, call->id);
	(void)sqlite3_bind_int(row, 2, (int)call->is_any);
	(void)db_bind_number(row, 3, call->key);
	r = db_step(row);
	*ret_row = row;
	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

int jobs_get(struct jobs *jobs, const struct store_get *call, struct buf *parcel)
{
	struct store_job job;
	sqlite3_stmt *row;
	int r = get_row(jobs, call, &row);

	if (r == 0)
		r = append_job(row, true, parcel, &job);
	(void)sqlite3_reset(row);
	return r;
}

int jobs_list(struct jobs *jobs, const struct store_list *call, struct buf *parcel, uint32_t *ret_count)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_LIST);
	struct store_job job;
	uint32_t count = 0;
	int r;

	(void)db_bind_number(row, 1, call->before != 0 ? call->before : INT64_MAX);
	(void)sqlite3_bind_int(row, 2, (int)call->is_any);
	(void)db_bind_number(row, 3, call->key);
	(void)db_bind_number(row, 4, call->states != 0 ? call->states : (1u << STORE_STATES) - 1);
	(void)db_bind_number(row, 5, call->count);
	while ((r = db_step(row)) == 1) {
		r = append_job(row, false, parcel, &job);
		if (r < 0)
			break;
		count++;
	}
	(void)sqlite3_reset(row);
	*ret_count = count;
	return r;
}

static void note_end(struct jobs *jobs, uint32_t was, uint64_t result_bytes)
{
	*(was == STORE_QUEUED ? &jobs->queued : &jobs->started) -= 1;
	jobs->ended_bytes += ROW_BYTES + result_bytes;
}

int jobs_cancel(struct jobs *jobs, const struct store_get *call, uint64_t now_ms, struct buf *parcel,
		struct jobs_canceled *ret_canceled)
{
	struct store_job before, after;
	struct jobs_canceled canceled = { 0 };
	sqlite3_stmt *row;
	int r = get_row(jobs, call, &row);

	if (r == 0) {
		read_job(row, &before);
		canceled.number = before.number;
		canceled.runner = before.state == STORE_STARTED ? db_number(row, RUNNER_COLUMN) : 0;
	}
	(void)sqlite3_reset(row);
	if (r < 0)
		return r;
	row = db_use(jobs->db, DB_CANCEL);
	(void)db_bind_text(row, 1, call->id);
	(void)db_bind_number(row, 2, now_ms);
	r = db_step(row);
	if (r < 0)
		return r;

	bool was_canceled = db_changes(jobs->db) > 0;

	if (was_canceled)
		note_end(jobs, before.state, 0);
	r = get_row(jobs, call, &row);
	if (r == 0)
		r = append_job(row, false, parcel, &after);
	(void)sqlite3_reset(row);
	if (r == 0 && was_canceled)
		*ret_canceled = canceled;
	return r < 0 ? r : was_canceled ? 0 : -EALREADY;
}

/* The key whose turn it is at this priority: the next one up from the last, or the first again. -ENOENT. */
static int next_key(struct jobs *jobs, int priority, int64_t *ret_key)
{
	int64_t *last = &jobs->last_key[priority + STORE_PRIORITY_MAX];

	for (int round = 0; round < 2; round++) {
		sqlite3_stmt *row = db_use(jobs->db, DB_NEXT_KEY);
		bool is_there;
		int r;

		(void)sqlite3_bind_int(row, 1, priority);
		(void)sqlite3_bind_int64(row, 2, round == 0 ? *last : -1);
		r = db_step(row);
		is_there = r == 1 && sqlite3_column_type(row, 0) != SQLITE_NULL;
		if (is_there)
			*last = *ret_key = sqlite3_column_int64(row, 0);
		(void)sqlite3_reset(row);
		if (r < 0 || is_there)
			return r < 0 ? r : 0;
	}
	return -ENOENT;
}

static int top_priority(struct jobs *jobs, int *ret_priority)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_TOP_PRIORITY);
	int r = db_step(row);

	if (r == 1 && sqlite3_column_type(row, 0) != SQLITE_NULL)
		*ret_priority = sqlite3_column_int(row, 0);
	else if (r >= 0)
		r = -ENOENT;
	(void)sqlite3_reset(row);
	return r < 0 ? r : *ret_priority < -STORE_PRIORITY_MAX || *ret_priority > STORE_PRIORITY_MAX ? -EIO : 0;
}

static int start(struct jobs *jobs, uint64_t number, uint64_t runner, uint64_t now_ms)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_START);
	int r;

	(void)db_bind_number(row, 1, number);
	(void)db_bind_number(row, 2, now_ms);
	(void)db_bind_number(row, 3, runner);
	r = db_step(row);
	if (r == 0) {
		jobs->queued--;
		jobs->started++;
	}
	return r;
}

/* Begins the next job. -ENOENT: there is none; -ENOBUFS: there is no room in the parcel for it, and it waits on. */
static int claim_one(struct jobs *jobs, uint64_t runner, uint64_t now_ms, struct buf *parcel)
{
	struct store_job job;
	sqlite3_stmt *row;
	size_t size = parcel->size;
	int priority = 0;
	int64_t key = 0;
	int r = top_priority(jobs, &priority);

	if (r == 0)
		r = next_key(jobs, priority, &key);
	if (r < 0)
		return r;
	row = db_use(jobs->db, DB_NEXT_OF_KEY);
	(void)sqlite3_bind_int(row, 1, priority);
	(void)sqlite3_bind_int64(row, 2, key);
	r = db_step(row);
	if (r == 1) {
		r = append_job(row, true, parcel, &job);
		(void)sqlite3_reset(row);
		if (r == 0)
			r = start(jobs, job.number, runner, now_ms);
		if (r < 0)
			parcel->size = size;
		return r;
	}
	return r < 0 ? r : -EIO;
}

int jobs_claim(struct jobs *jobs, uint32_t count, uint64_t runner, uint64_t now_ms, struct buf *parcel, uint32_t *ret_count)
{
	int r = 0;

	*ret_count = 0;
	while (*ret_count < count && (r = claim_one(jobs, runner, now_ms, parcel)) == 0)
		(*ret_count)++;
	return r == -ENOENT || (r == -ENOBUFS && *ret_count > 0) ? 0 : r;
}

int jobs_finish(struct jobs *jobs, const struct store_result *call, const char *result, size_t size, uint64_t now_ms)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_FINISH);
	int r;

	(void)db_bind_number(row, 1, call->number);
	(void)db_bind_number(row, 2, now_ms);
	(void)db_bind_text(row, 3, call->verdict);
	(void)sqlite3_bind_blob64(row, 4, result, size, SQLITE_STATIC);
	r = db_step(row);
	if (r < 0)
		return r;
	if (db_changes(jobs->db) == 0)
		return -EALREADY;
	note_end(jobs, STORE_STARTED, size);
	return 0;
}

int jobs_release(struct jobs *jobs, uint64_t number)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_RELEASE);
	int r;

	(void)db_bind_number(row, 1, number);
	r = db_step(row);
	if (r < 0)
		return r;
	if (db_changes(jobs->db) == 0)
		return -EALREADY;
	jobs->started--;
	jobs->queued++;
	return 0;
}

int jobs_disown(struct jobs *jobs)
{
	return db_do(jobs->db, DB_DISOWN);
}

int jobs_adopt(struct jobs *jobs, const uint64_t *numbers, size_t count, uint64_t runner)
{
	int r = 0;

	for (size_t i = 0; i < count && r >= 0; i++) {
		sqlite3_stmt *row = db_use(jobs->db, DB_ADOPT);

		(void)db_bind_number(row, 1, numbers[i]);
		(void)db_bind_number(row, 2, runner);
		r = db_step(row);
	}
	return r;
}

int jobs_break_off(struct jobs *jobs, uint64_t runner, uint64_t now_ms)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_BREAK_OFF);
	int r;

	(void)db_bind_number(row, 1, runner);
	(void)db_bind_number(row, 2, now_ms);
	r = db_step(row);
	for (int i = r == 0 ? db_changes(jobs->db) : 0; i > 0; i--)
		note_end(jobs, STORE_STARTED, 0);
	return r;
}

/* 1: one was deleted; 0: none is to be. */
static int expire_one(struct jobs *jobs, uint64_t now_ms)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_OLDEST);
	uint64_t number = 0, bytes = 0, ended_ms = 0;
	int r = db_step(row);

	if (r == 1) {
		number = db_number(row, 0);
		bytes = db_number(row, 1);
		ended_ms = db_number(row, 2);
	}
	(void)sqlite3_reset(row);
	if (r != 1 || (jobs->ended_bytes <= jobs->bytes_max && (now_ms < ended_ms || now_ms - ended_ms <= jobs->age_ms_max)))
		return r < 0 ? r : 0;
	row = db_use(jobs->db, DB_DELETE);
	(void)db_bind_number(row, 1, number);
	r = db_step(row);
	if (r < 0)
		return r;
	jobs->ended_bytes -= bytes < jobs->ended_bytes ? bytes : jobs->ended_bytes;
	return 1;
}

int jobs_expire(struct jobs *jobs, uint64_t now_ms)
{
	int r = 1;

	for (int i = 0; i < EXPIRE_AT_ONCE && r == 1; i++)
		r = expire_one(jobs, now_ms);
	return r;
}
