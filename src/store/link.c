/* SPDX-License-Identifier: Apache-2.0
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
	int parcel; /* -EBADF: none */
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

/* Before the lock is ours, what the front says is kept for when it is. */
static int say_hello(struct store *store, const struct store_hello *call, const char *parcel, size_t size)
{
	if (size != call->count * sizeof(uint64_t))
		return -EPROTO;
	if (!store->has_lock) {
		free(store->kept);
		store->kept = malloc(size + 1);
		store->kept_count = call->count;
		if (!store->kept)
			return -ENOMEM;
		memcpy(store->kept, parcel ? parcel : "", size);
		return 0;
	}
	return jobs_break_off(&store->jobs, (const uint64_t *)(const void *)parcel, call->count, store_now_ms());
}

/* What becomes of a call. Appends to out what goes back as a parcel. */
static int serve(struct store *store, const union call *call, const char *parcel, size_t size, struct buf *out, uint32_t *count)
{
	struct jobs *jobs = &store->jobs;
	uint64_t now_ms = store_now_ms();

	switch (call->head.type) {
	case STORE_HELLO:
		return say_hello(store, &call->hello, parcel, size);
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
		return jobs_cancel(jobs, &call->get, now_ms, out);
	case STORE_CLAIM:
		return jobs_claim(jobs, call->claim.count, now_ms, out, count);
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

static void answer(struct store *store, const union call *call, int fd, struct reply *reply)
{
	_cleanup_(buf_free) struct buf out = buf_new(out_max(call->head.type));
	char *parcel = NULL;
	size_t size = 0;
	bool is_shut = !store->has_lock && call->head.type != STORE_HELLO;
	int r = store->fault.code != 0 ? store->fault.code : is_shut ? -EBUSY : 0;

	*reply = (struct reply){ .answer = { .head = STORE_HEAD(STORE_ANSWER, call->head.tag) }, .parcel = -EBADF };
	if (r == 0)
		r = read_in(fd, call->head.type == STORE_SUBMIT ? STORE_BATCH_MAX_BYTES : PARCEL_MAX_BYTES, &parcel, &size);
	else
		(void)snprintf(reply->answer.text, sizeof reply->answer.text, "%s",
			       store->fault.code != 0 ? store->fault.text
						      : "Another server, or this one before its reload, has the state folder.");
	if (r == 0)
		r = serve(store, call, parcel, size, &out, &reply->answer.count);
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
static int take_call(struct store *store, struct turn *turn)
{
	union call call;
	_cleanup_(fd_closep) int fd = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(store->front, &call, sizeof call, &fd, 1, &fds_count);

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
	turn->wants_keys |= call.head.type == STORE_HELLO;
	answer(store, &call, fd, &turn->replies[turn->count++]);
	return 1;
}

static void send_replies(struct store *store, struct turn *turn, int commit_status)
{
	for (size_t i = 0; i < turn->count; i++) {
		struct reply *reply = &turn->replies[i];
		bool has_parcel = reply->parcel >= 0 && commit_status == 0;

		if (commit_status < 0) {
			reply->answer.status = -EIO;
			reply->answer.count = 0;
		}
		reply->answer.queued = store->jobs.queued;
		reply->answer.started = store->jobs.started;
		if (store->front >= 0 &&
		    frame_send(store->front, &reply->answer, sizeof reply->answer, &reply->parcel, has_parcel ? 1 : 0) < 0)
			link_drop(store);
		reply->parcel = fd_close(reply->parcel);
	}
}

static int commit(struct store *store)
{
	int r = db_do(&store->db, DB_COMMIT);

	if (r == 0)
		return 0;
	log_line("The database failed: %s", sqlite3_errmsg(store->db.handle));
	(void)db_do(&store->db, DB_ROLLBACK);
	(void)jobs_count(&store->jobs);
	return r;
}

static void on_front(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	struct turn turn = { 0 };
	bool has_state = store->fault.code == 0;
	int begun = has_state ? db_do(&store->db, DB_BEGIN) : 0, r = 1, status = begun;

	(void)fd;
	(void)what;
	while (turn.count < STORE_CALLS_MAX && r > 0)
		r = take_call(store, &turn);
	if (has_state && begun == 0)
		status = commit(store);
	send_replies(store, &turn, status);
	if (r < 0)
		link_drop(store);
	if (turn.wants_keys)
		link_push_keys(store);
	if (turn.has_seen_keys && turn.seen_tag == store->keys_tag)
		control_release(store);
	sender_look(store);
}

void link_push_keys(struct store *store)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_KEYS_MAX * sizeof(struct store_key));
	struct store_keys frame = { .head = STORE_HEAD(STORE_KEYS, ++store->keys_tag) };
	int r = store->fault.code == 0 ? keys_load(&store->db, &parcel, &frame.count) : 0;

	if (store->front < 0)
		return;
	if (r < 0) {
		log_line("The keys cannot be read: %s", sqlite3_errmsg(store->db.handle));
		link_drop(store);
		return;
	}

	_cleanup_(fd_closep) int fd = fd_new_sealed("keys", parcel.bytes ? parcel.bytes : "", parcel.size);

	if (fd < 0 || frame_send(store->front, &frame, sizeof frame, &fd, 1) < 0)
		link_drop(store);
}

void link_drop(struct store *store)
{
	if (store->on_front)
		event_free(store->on_front);
	store->on_front = NULL;
	store->front = fd_close(store->front);
	control_release(store); /* a front that comes gets the keys as they are */
	store_check_orphan(store);
}

void link_take(struct store *store, int *fd)
{
	if (store->front >= 0)
		link_drop(store);
	store->front = fd_take(fd);
	if (fd_set_nonblock(store->front, true) == 0)
		store->on_front = event_new(store->loop, store->front, EV_READ | EV_PERSIST, on_front, store);
	if (!store->on_front || event_add(store->on_front, NULL) < 0)
		link_drop(store);
}
