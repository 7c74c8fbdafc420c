/* SPDX-License-Identifier: Apache-2.0
 * calls.c: what a front asks.
 *
 * Calls that are there at once share a transaction, and are answered when it is on the disk: many small jobs cost one fsync.
 */
#include "store/store.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARCEL_MAX_BYTES (STORE_RESULT_MAX_BYTES + MIB)
#define CLAIM_MAX_BYTES  (64 * MIB)
#define LIST_MAX_BYTES   (STORE_BATCH_MAX * sizeof(struct store_ticket) + STORE_LIST_MAX * sizeof(struct store_job))

union call {
	struct store_head head;
	struct store_hello hello;
	struct store_submit submit;
	struct store_get get;
	struct store_list list;
	struct store_claim claim;
	struct store_result result;
	struct store_release release;
	struct store_audit audit;
};

struct reply {
	struct store_answer answer;
	int parcel;                    /* -EBADF: none */
	struct jobs_canceled canceled; /* by this call; number 0: none */
};

struct turn { /* what came at once */
	struct reply replies[STORE_CALLS_MAX];
	size_t count;
	bool wants_keys, has_seen_keys;
	uint64_t seen_tag;
};

/* The parcel of a call, read; NULL when there is none. */
static int read_in(int fd, uint64_t max, char **ret_bytes, size_t *ret_size)
{
	*ret_bytes = NULL;
	*ret_size = 0;
	return fd >= 0 ? store_read_parcel(fd, max, ret_bytes, ret_size) : 0;
}

static int say_hello(struct front *front, const struct store_hello *call, const char *parcel, size_t size)
{
	if (size != call->count * sizeof(uint64_t))
		return -EPROTO;
	free(front->kept);
	front->kept = malloc(size + 1);
	front->kept_count = call->count;
	if (!front->kept)
		return -ENOMEM;
	memcpy(front->kept, parcel ? parcel : "", size);
	return front->store->has_lock ? link_settle(front->store) : 0;
}

/* What becomes of a call. Appends to out what goes back as a parcel. */
static int serve(struct front *front, const union call *call, const char *parcel, size_t size, struct buf *out, uint32_t *count,
		 struct jobs_canceled *canceled)
{
	struct store *store = front->store;
	struct jobs *jobs = &store->jobs;
	uint64_t now_ms = store_now_ms();

	switch (call->head.type) {
	case STORE_HELLO:
		return say_hello(front, &call->hello, parcel, size);
	case STORE_SUBMIT:
		*count = call->submit.count;
		return jobs_submit(jobs, &call->submit, parcel, size, now_ms, out);
	case STORE_GET:
		*count = 1;
		return jobs_get(jobs, &call->get, out);
	case STORE_LIST:
		return jobs_list(jobs, &call->list, out, count);
	case STORE_CANCEL:
		*count = 1;
		return jobs_cancel(jobs, &call->get, now_ms, out, canceled);
	case STORE_CLAIM:
		return jobs_claim(jobs, call->claim.count, front->runner, now_ms, out, count);
	case STORE_RESULT:
		store->needs_expiry = true;
		return jobs_finish(jobs, &call->result, parcel, size, now_ms);
	case STORE_RELEASE:
		return jobs_release(jobs, call->release.number);
	case STORE_AUDIT:
		return audit_append(&store->audit, call->audit.text, call->audit.size, now_ms);
	default:
		return -EPROTO;
	}
}

static size_t out_max(uint32_t type)
{
	return type == STORE_GET ? PARCEL_MAX_BYTES : type == STORE_CLAIM ? CLAIM_MAX_BYTES : LIST_MAX_BYTES;
}

static void answer(struct front *front, const union call *call, int fd, struct reply *reply)
{
	struct store *store = front->store;
	_cleanup_(buf_free) struct buf out = buf_new(out_max(call->head.type));
	char *parcel = NULL;
	size_t size = 0;
	bool is_shut = !store->has_lock && call->head.type != STORE_HELLO;
	int r = store->fault.code != 0 ? store->fault.code : is_shut ? -EBUSY : store->broken;

	*reply = (struct reply){ .answer = { .head = STORE_HEAD(STORE_ANSWER, call->head.tag) }, .parcel = -EBADF };
	if (r == 0)
		r = read_in(fd, call->head.type == STORE_SUBMIT ? STORE_BATCH_MAX_BYTES : PARCEL_MAX_BYTES, &parcel, &size);
	else if (store->fault.code != 0 || is_shut)
		(void)snprintf(reply->answer.text, sizeof reply->answer.text, "%s",
			       store->fault.code != 0 ? store->fault.text
						      : "Another server, or this one before its reload, has the state folder.");
	if (r == 0)
		r = serve(front, call, parcel, size, &out, &reply->answer.count, &reply->canceled);
	if (store->fault.code == 0 && store->broken == 0 && sqlite3_get_autocommit(store->db.handle))
		store->broken = r < 0 ? r : -EIO; /* rolled back by SQLite itself, as when the disk is full */
	free(parcel);
	reply->answer.status = store->fault.code != 0 || is_shut ? -ENODATA : r;
	if (out.size == 0) {
		reply->answer.count = 0;
		return;
	}
	reply->parcel = fd_new_sealed("parcel", out.bytes, out.size);
	if (reply->parcel < 0)
		reply->answer = (struct store_answer){ .head = reply->answer.head, .status = -ENOMEM };
}

/* The next call, or 0 when there is none now. -errno: the link is of no use any more. */
static int take_call(struct front *front, struct turn *turn)
{
	union call call;
	_cleanup_(fd_closep) int fd = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(front->fd, &call, sizeof call, &fd, 1, &fds_count);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n < 0 ? (int)n : -EPIPE;
	if (!store_check_call(&call, n, fds_count))
		return -EPROTO;
	if (call.head.type == STORE_KEYS_SEEN) {
		turn->has_seen_keys = true;
		turn->seen_tag = call.head.tag;
		return 1;
	}
	front->has_greeted |= call.head.type == STORE_HELLO;
	turn->wants_keys |= call.head.type == STORE_HELLO;
	answer(front, &call, fd, &turn->replies[turn->count++]);
	return 1;
}

/* Of a job that runs elsewhere than where it was canceled. */
static void tell_runner(struct store *store, const struct front *but, const struct jobs_canceled *canceled)
{
	const struct store_drop frame = { .head = STORE_HEAD(STORE_DROP, canceled->number) };

	array_for_each(store->fronts, front) {
		if (canceled->number != 0 && front != but && front->fd >= 0 && front->runner == canceled->runner)
			(void)frame_send(front->fd, &frame, sizeof frame, NULL, 0); /* if it is gone, so is the run */
	}
}

/* -errno: the link is of no use any more. */
static int send_replies(struct front *front, struct turn *turn, int commit_status)
{
	struct store *store = front->store;
	int sent = 0;

	for (size_t i = 0; i < turn->count; i++) {
		struct reply *reply = &turn->replies[i];
		bool has_parcel = reply->parcel >= 0 && commit_status == 0;

		if (commit_status < 0) {
			reply->answer.status = commit_status == -EDQUOT ? -EDQUOT : -EIO;
			reply->answer.count = 0;
		} else {
			tell_runner(store, front, &reply->canceled);
		}
		reply->answer.queued = store->jobs.queued;
		reply->answer.started = store->jobs.started;
		if (sent == 0)
			sent = frame_send(front->fd, &reply->answer, sizeof reply->answer, &reply->parcel, has_parcel ? 1 : 0);
		reply->parcel = fd_close(reply->parcel);
	}
	return sent < 0 ? sent : 0;
}

int calls_commit(struct store *store)
{
	int r = store->broken < 0 ? store->broken : db_do(&store->db, DB_COMMIT);

	store->broken = 0;
	if (r == 0)
		return 0;
	log_line("The database failed: %s", r == -EDQUOT ? "the disk is full" : sqlite3_errmsg(store->db.handle));
	(void)db_do(&store->db, DB_ROLLBACK);
	(void)jobs_count(&store->jobs);
	return r;
}

int calls_take(struct front *front)
{
	struct store *store = front->store;
	struct turn turn = { 0 };
	bool has_state = store->fault.code == 0;
	int r = 1, status = 0, sent;

	store->broken = has_state ? db_do(&store->db, DB_BEGIN) : 0;
	while (turn.count < STORE_CALLS_MAX && r > 0)
		r = take_call(front, &turn);
	if (has_state)
		status = calls_commit(store);
	sent = send_replies(front, &turn, status);
	if (turn.wants_keys)
		link_push_keys(store);
	if (turn.has_seen_keys)
		front->seen_tag = turn.seen_tag;
	return r < 0 ? r : sent < 0 ? sent : (int)turn.count;
}
