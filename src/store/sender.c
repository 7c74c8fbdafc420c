/* SPDX-License-Identifier: Apache-2.0
 *
 * One callback is on its way at a time, with the process that may speak to the network; the others wait in the database, and a
 * crash of either process costs a repetition, never a loss: a receiver may see a callback twice, with the same id.
 */
#include "store/store.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPTS_MAX  8
#define FIRST_WAIT_MS 2000 /* doubled with each attempt: 2 s, 4 s ... 4 min: given up after some 8 minutes */
#define LAST_WAIT_MS  (FIRST_WAIT_MS << 8)
#define DEAF_TIME     (5 * NSEC_PER_SEC)

static uint64_t wait_ms(unsigned attempts)
{
	uint64_t wait = (uint64_t)FIRST_WAIT_MS << attempts;

	return wait < LAST_WAIT_MS ? wait : LAST_WAIT_MS;
}

static int note_delivery(struct store *store, uint64_t number, enum store_delivery delivery, unsigned attempts, uint64_t next_ms)
{
	sqlite3_stmt *row = db_use(&store->db, DB_DELIVERY);

	(void)sqlite3_bind_int64(row, 1, (int64_t)number);
	(void)sqlite3_bind_int(row, 2, (int)delivery);
	(void)sqlite3_bind_int64(row, 3, attempts);
	(void)sqlite3_bind_int64(row, 4, (int64_t)next_ms);
	return db_step(row);
}

/* What the receiver gets: which job has ended, and how; its end as it is stored, two members of an object, where that is not too long. A
 * job that was broken off has none, and what there is to say of it is for the front to say. */
static int write_body(sqlite3_stmt *row, struct buf *body)
{
	const char *id = (const char *)sqlite3_column_text(row, 1), *verdict = (const char *)sqlite3_column_text(row, 4);
	uint32_t state = (uint32_t)sqlite3_column_int(row, 3);
	int told = sqlite3_column_bytes(row, 9);
	bool has_verdict = verdict && *verdict, is_whole = told > 0 || state == STORE_CANCELED;
	int r = buf_appendf(
		body,
		"{\"type\":\"job.ended\",\"id\":\"%s\",\"state\":\"%s\",\"verdict\":%s%s%s,\"ended_at_ms\":%lld,\"attempt\":%d,"
		"\"href\":\"/v1/jobs/%s\",\"is_whole\":%s,",
		id, store_state_name(state), has_verdict ? "\"" : "", has_verdict ? verdict : "null", has_verdict ? "\"" : "",
		(long long)sqlite3_column_int64(row, 5), sqlite3_column_int(row, 7) + 1, id, is_whole ? "true" : "false");

	if (r == 0)
		r = told > 0 ? buf_append(body, sqlite3_column_blob(row, 9), (size_t)told)
			     : buf_append_text(body, "\"result\":null,\"problem\":null");
	return r == 0 ? buf_append_text(body, "}") : r;
}

static int hand_over(struct store *store, sqlite3_stmt *row, uint64_t now_ms)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_URL_MAX + STORE_CALLBACK_MAX);
	struct store_callback frame = {
		.head = STORE_HEAD(STORE_CALLBACK, (uint64_t)sqlite3_column_int64(row, 0)),
		.at_ms = now_ms,
	};
	int r;

	(void)snprintf(frame.id, sizeof frame.id, "%s", sqlite3_column_text(row, 1));
	memcpy(frame.secret, store->secret, sizeof frame.secret);
	frame.url_size = (uint32_t)sqlite3_column_bytes(row, 6);
	r = buf_append(&parcel, sqlite3_column_text(row, 6), frame.url_size);
	if (r == 0)
		r = write_body(row, &parcel);
	if (r < 0)
		return r;
	frame.body_size = (uint32_t)parcel.size - frame.url_size;

	_cleanup_(fd_closep) int fd = fd_new_sealed("callback", parcel.bytes, parcel.size);

	return fd < 0 ? fd : frame_send(store->sender, &frame, sizeof frame, &fd, 1);
}

/* A time further ahead than any wait is one of before the clock was set back. */
static bool is_due(uint64_t next_ms, uint64_t now_ms)
{
	return next_ms <= now_ms || next_ms > now_ms + LAST_WAIT_MS;
}

void sender_look(struct store *store)
{
	uint64_t now_ms = store_now_ms(), number = 0;
	sqlite3_stmt *row;
	int r;

	if (store->fault.code != 0 || !store->has_lock || store->sender < 0 || store->sending != 0 ||
	    clock_now() < store->sender_waits)
		return;
	row = db_use(&store->db, DB_NEXT_CALLBACK);
	(void)sqlite3_bind_int64(row, 1, 0);
	(void)sqlite3_bind_int64(row, 2, STORE_TOLD_MAX_BYTES);
	r = db_step(row);
	if (r == 1 && is_due((uint64_t)sqlite3_column_int64(row, 8), now_ms)) {
		number = (uint64_t)sqlite3_column_int64(row, 0);
		r = hand_over(store, row, now_ms);
	}
	(void)sqlite3_reset(row);
	if (number != 0 && r == 0)
		store->sending = number;
	else if (r < 0)
		sender_drop(store);
}

static void note_outcome(struct store *store, const struct store_callback_done *done)
{
	sqlite3_stmt *row = db_use(&store->db, DB_ATTEMPTS);
	unsigned attempts = 0;

	(void)sqlite3_bind_int64(row, 1, (int64_t)store->sending);
	if (db_step(row) == 1)
		attempts = (unsigned)sqlite3_column_int(row, 0);
	(void)sqlite3_reset(row);
	attempts++;

	enum store_delivery delivery = done->status == 0                                    ? STORE_DELIVERED
				       : done->status == -EPERM || attempts >= ATTEMPTS_MAX ? STORE_GIVEN_UP
											    : STORE_PENDING;

	if (delivery == STORE_GIVEN_UP)
		log_line("A callback is given up after %u attempts: %.200s", attempts, done->text);
	if (note_delivery(store, store->sending, delivery, attempts, store_now_ms() + wait_ms(attempts)) < 0) {
		log_line("The database failed: %s", sqlite3_errmsg(store->db.handle));
		store->sender_waits = clock_now() + DEAF_TIME; /* it will be sent once more, but not at once and without end */
	}
	store->needs_expiry = true;
}

static void on_sender(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	struct store_callback_done done;
	size_t fds_count = 0;
	ssize_t n = frame_recv(fd, &done, sizeof done, NULL, 0, &fds_count);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (n != (ssize_t)sizeof done || done.head.magic != STORE_MAGIC || done.head.type != STORE_CALLBACK_DONE ||
	    done.head.tag != store->sending || store->sending == 0 || !memchr(done.text, '\0', sizeof done.text)) {
		sender_drop(store);
		return;
	}
	note_outcome(store, &done);
	store->sending = 0;
	sender_look(store);
}

/* A callback that it had counts as an attempt: one that kills the sender is not tried for ever. */
void sender_drop(struct store *store)
{
	const struct store_callback_done lost = { .status = -ECONNRESET, .text = "the sender died" };

	if (store->on_sender)
		event_free(store->on_sender);
	store->on_sender = NULL;
	store->sender = fd_close(store->sender);
	if (store->sending != 0)
		note_outcome(store, &lost);
	store->sending = 0;
}

void sender_take(struct store *store, int *fd)
{
	sender_drop(store);
	store->sender = fd_take(fd);
	if (fd_set_nonblock(store->sender, true) == 0)
		store->on_sender = event_new(store->loop, store->sender, EV_READ | EV_PERSIST, on_sender, store);
	if (!store->on_sender || event_add(store->on_sender, NULL) < 0)
		sender_drop(store);
	sender_look(store);
}
