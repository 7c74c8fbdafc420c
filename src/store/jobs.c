/* SPDX-License-Identifier: Apache-2.0 */
#include "store/jobs.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define EXPIRE_AT_ONCE 100
#define ROW_BYTES      512 /* as statements.def has it */
#define RUNNER_COLUMN  15  /* of COLUMNS in statements.def */
#define BYTES_COLUMN   16  /* behind them */

static int bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static int bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	return sqlite3_bind_int64(statement, at, (int64_t)number);
}

static uint64_t column(sqlite3_stmt *statement, int at)
{
	return (uint64_t)sqlite3_column_int64(statement, at);
}

static void copy_column(sqlite3_stmt *statement, int at, char *room, size_t size)
{
	const unsigned char *text = sqlite3_column_text(statement, at);

	(void)snprintf(room, size, "%s", text ? (const char *)text : "");
}

static void read_job(sqlite3_stmt *row, struct store_job *job)
{
	*job = (struct store_job){
		.number = column(row, 0),
		.key = column(row, 2),
		.state = (uint32_t)column(row, 3),
		.priority = sqlite3_column_int(row, 4),
		.created_ms = column(row, 5),
		.started_ms = column(row, 6),
		.ended_ms = column(row, 7),
		.deadline_ms = column(row, 8),
		.delivery = (uint32_t)column(row, 11),
		.delivery_attempts = (uint32_t)column(row, 12),
		.body_size = (uint32_t)column(row, 13),
		.result_size = (uint32_t)column(row, 14),
	};
	copy_column(row, 1, job->id, sizeof job->id);
	copy_column(row, 9, job->verdict, sizeof job->verdict);
	copy_column(row, 10, job->once, sizeof job->once);
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
		uint64_t state = column(row, 0);

		if (state == STORE_QUEUED)
			jobs->queued = column(row, 1);
		else if (state == STORE_STARTED)
			jobs->started = column(row, 1);
		else
			jobs->ended_bytes += (uint64_t)sqlite3_column_double(row, 2);
	}
	return r;
}

static int new_id(char id[STORE_ID_BYTES])
{
	unsigned char random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -EIO;
	(void)snprintf(id, STORE_ID_BYTES, "job_");
	for (size_t i = 0; i < sizeof random; i++)
		(void)snprintf(id + 4 + 2 * i, 3, "%02x", random[i]);
	return 0;
}

static void digest_of(const char *body, size_t size, uint8_t digest[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, size, (const uint8_t *)body);
	sha256_digest(&hash, SHA256_DIGEST_SIZE, digest);
}

/* 1: this key has such a job, and the ticket is filled; 0: no. */
static int find_same(struct jobs *jobs, uint64_t key, const struct store_item *item, const uint8_t *digest,
		     struct store_ticket *ticket)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_SAME_ONCE);
	int r;

	if (item->once[0] == '\0')
		return 0;
	(void)bind_number(row, 1, key);
	(void)bind_text(row, 2, item->once);
	r = db_step(row);
	if (r != 1)
		return r;
	copy_column(row, 0, ticket->id, sizeof ticket->id);
	ticket->state = (uint32_t)column(row, 1);
	ticket->outcome = sqlite3_column_bytes(row, 2) == SHA256_DIGEST_SIZE &&
					  memcmp(sqlite3_column_blob(row, 2), digest, SHA256_DIGEST_SIZE) == 0
				  ? STORE_SAME
				  : STORE_OTHER_BODY;
	(void)sqlite3_reset(row);
	return 1;
}

static int insert(struct jobs *jobs, uint64_t key, const struct store_item *item, const uint8_t *digest, const char *body,
		  const char *url, uint64_t now_ms, const char *id)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_INSERT);

	(void)bind_text(row, 1, id);
	(void)bind_number(row, 2, key);
	(void)sqlite3_bind_int(row, 3, item->priority);
	(void)bind_number(row, 4, now_ms);
	(void)bind_number(row, 5, item->deadline_ms);
	if (item->once[0] != '\0')
		(void)bind_text(row, 6, item->once);
	(void)sqlite3_bind_blob(row, 7, digest, SHA256_DIGEST_SIZE, SQLITE_STATIC);
	(void)bind_number(row, 8, item->body_size);
	(void)sqlite3_bind_int(row, 9, item->url_size > 0 ? STORE_PENDING : STORE_NO_CALLBACK);
	if (item->url_size > 0)
		(void)sqlite3_bind_text(row, 10, url, (int)item->url_size, SQLITE_STATIC);
	(void)sqlite3_bind_blob(row, 11, body, (int)item->body_size, SQLITE_STATIC);
	return db_step(row);
}

static int submit_one(struct jobs *jobs, uint64_t key, const struct store_item *item, const char *body, const char *url,
		      uint64_t now_ms, struct store_ticket *ticket)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	int r;

	*ticket = (struct store_ticket){ .outcome = STORE_NEW, .state = STORE_QUEUED };
	digest_of(body, item->body_size, digest);
	r = find_same(jobs, key, item, digest, ticket);
	if (r != 0)
		return r < 0 ? r : 0;
	if (jobs->queued >= jobs->queued_max)
		return -ENOSPC;
	r = new_id(ticket->id);
	if (r == 0)
		r = insert(jobs, key, item, digest, body, url, now_ms, ticket->id);
	if (r == 0)
		jobs->queued++;
	return r;
}

static int submit_all(struct jobs *jobs, const struct store_submit *call, const char *parcel, size_t size, uint64_t now_ms,
		      struct buf *tickets)
{
	bool has_conflict = false;
	size_t at = 0;

	for (uint32_t i = 0; i < call->count; i++) {
		struct store_item item;
		struct store_ticket ticket = { 0 };
		const char *body, *url;
		int r = store_take_item(parcel, size, &at, &item, &body, &url);

		if (r == 0)
			r = submit_one(jobs, call->key, &item, body, url, now_ms, &ticket);
		if (r == 0)
			r = buf_append(tickets, &ticket, sizeof ticket);
		if (r < 0)
			return r;
		has_conflict |= ticket.outcome == STORE_OTHER_BODY;
	}
	if (at != size)
		return -EPROTO;
	return has_conflict ? -EEXIST : 0;
}

/* What was stored before the conflict is not there any more: the tickets say so. */
static void take_back(struct buf *tickets)
{
	struct store_ticket ticket;

	for (size_t at = 0; at + sizeof ticket <= tickets->size; at += sizeof ticket) {
		memcpy(&ticket, tickets->bytes + at, sizeof ticket);
		if (ticket.outcome == STORE_NEW)
			ticket = (struct store_ticket){ .outcome = STORE_NOT_TAKEN };
		memcpy(tickets->bytes + at, &ticket, sizeof ticket);
	}
}

int jobs_submit(struct jobs *jobs, const struct store_submit *call, const char *parcel, size_t size, uint64_t now_ms,
		struct buf *tickets)
{
	uint64_t queued = jobs->queued;
	int r = db_do(jobs->db, DB_SAVE);

	if (r < 0)
		return r;
	r = submit_all(jobs, call, parcel, size, now_ms, tickets);
	if (r < 0) {
		(void)db_do(jobs->db, DB_UNDO);
		jobs->queued = queued;
		take_back(tickets);
	}

	int kept = db_do(jobs->db, DB_KEEP);

	return r < 0 ? r : kept;
}

static int get_row(struct jobs *jobs, const struct store_get *call, sqlite3_stmt **ret_row)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_GET);
	int r;

	(void)bind_text(row, 1, call->id);
	(void)sqlite3_bind_int(row, 2, (int)call->is_any);
	(void)bind_number(row, 3, call->key);
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

	(void)bind_number(row, 1, call->before != 0 ? call->before : INT64_MAX);
	(void)sqlite3_bind_int(row, 2, (int)call->is_any);
	(void)bind_number(row, 3, call->key);
	(void)bind_number(row, 4, call->states != 0 ? call->states : (1u << STORE_STATES) - 1);
	(void)bind_number(row, 5, call->count);
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
		canceled.runner = before.state == STORE_STARTED ? column(row, RUNNER_COLUMN) : 0;
	}
	(void)sqlite3_reset(row);
	if (r < 0)
		return r;
	row = db_use(jobs->db, DB_CANCEL);
	(void)bind_text(row, 1, call->id);
	(void)bind_number(row, 2, now_ms);
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

	(void)bind_number(row, 1, number);
	(void)bind_number(row, 2, now_ms);
	(void)bind_number(row, 3, runner);
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

	(void)bind_number(row, 1, call->number);
	(void)bind_number(row, 2, now_ms);
	(void)bind_text(row, 3, call->verdict);
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

	(void)bind_number(row, 1, number);
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

		(void)bind_number(row, 1, numbers[i]);
		(void)bind_number(row, 2, runner);
		r = db_step(row);
	}
	return r;
}

int jobs_break_off(struct jobs *jobs, uint64_t runner, uint64_t now_ms)
{
	sqlite3_stmt *row = db_use(jobs->db, DB_BREAK_OFF);
	int r;

	(void)bind_number(row, 1, runner);
	(void)bind_number(row, 2, now_ms);
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
		number = column(row, 0);
		bytes = column(row, 1);
		ended_ms = column(row, 2);
	}
	(void)sqlite3_reset(row);
	if (r != 1 || (jobs->ended_bytes <= jobs->bytes_max && (now_ms < ended_ms || now_ms - ended_ms <= jobs->age_ms_max)))
		return r < 0 ? r : 0;
	row = db_use(jobs->db, DB_DELETE);
	(void)bind_number(row, 1, number);
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
