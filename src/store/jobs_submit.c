/* SPDX-License-Identifier: Apache-2.0
 * jobs_submit.c: jobs that come, all of a submission or none.
 */
#include "store/jobs.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

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
	(void)db_bind_number(row, 1, key);
	(void)db_bind_text(row, 2, item->once);
	r = db_step(row);
	if (r != 1)
		return r;
	db_copy_text(row, 0, ticket->id, sizeof ticket->id);
	ticket->state = (uint32_t)db_number(row, 1);
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

	(void)db_bind_text(row, 1, id);
	(void)db_bind_number(row, 2, key);
	(void)sqlite3_bind_int(row, 3, item->priority);
	(void)db_bind_number(row, 4, now_ms);
	(void)db_bind_number(row, 5, item->deadline_ms);
	if (item->once[0] != '\0')
		(void)db_bind_text(row, 6, item->once);
	(void)sqlite3_bind_blob(row, 7, digest, SHA256_DIGEST_SIZE, SQLITE_STATIC);
	(void)db_bind_number(row, 8, item->body_size);
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
