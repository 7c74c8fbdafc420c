/* SPDX-License-Identifier: Apache-2.0
 * link.c: the fronts. There is one, and while a server reloads the one that goes and the one that comes.
 *
 * A job that has begun belongs to a front. It is broken off when the link to that front ends; or, after a start of ours, when
 * every front has said which jobs it has and none has this one.
 */
#include "store/store.h"

#include "base/log.h"

#include <stdlib.h>
#include <sys/socket.h>

bool link_is_there(const struct store *store)
{
	array_for_each(store->fronts, front) {
		if (front->fd >= 0 && front->has_greeted)
			return true;
	}
	return false;
}

/* Whoever has changed keys is told once every front goes by them. */
static void release_when_seen(struct store *store)
{
	array_for_each(store->fronts, front) {
		if (front->fd >= 0 && front->has_greeted && front->seen_tag != store->keys_tag)
			return;
	}
	control_release(store);
}

/* A front that was there is gone, and what it had begun is broken off. */
static void break_off(struct store *store, uint64_t runner)
{
	int r = store->fault.code == 0 && store->has_lock && !store->is_ending ? db_do(&store->db, DB_BEGIN) : -ENODATA;

	if (r < 0)
		return;
	if (jobs_break_off(&store->jobs, runner, store_now_ms()) < 0)
		log_line("The database failed: %s", sqlite3_errmsg(store->db.handle));
	(void)calls_commit(store);
}

static void drop(struct front *front)
{
	struct store *store = front->store;

	if (front->on_call)
		event_free(front->on_call);
	(void)fd_close(front->fd);
	free(front->kept);
	if (front->has_greeted)
		break_off(store, front->runner);
	*front = (struct front){ .fd = -EBADF };
	release_when_seen(store); /* a front that comes gets the keys as they are */
}

static void on_call(evutil_socket_t fd, short what, void *arg)
{
	struct front *front = arg;
	struct store *store = front->store;

	(void)fd;
	(void)what;
	if (calls_take(front) < 0)
		drop(front);
	else
		release_when_seen(store);
	sender_look(store);
}

void link_push_keys(struct store *store)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_KEYS_MAX * sizeof(struct store_key));
	struct store_keys frame = { .head = STORE_HEAD(STORE_KEYS, ++store->keys_tag) };
	int r = store->fault.code == 0 ? keys_load(&store->db, &parcel, &frame.count) : 0;
	_cleanup_(fd_closep) int fd = r < 0 ? r : fd_new_sealed("keys", parcel.bytes ? parcel.bytes : "", parcel.size);

	if (r < 0)
		log_line("The keys cannot be read: %s", sqlite3_errmsg(store->db.handle));
	array_for_each(store->fronts, front) {
		if (front->fd < 0 || !front->has_greeted)
			continue;
		if (fd < 0 || frame_send(front->fd, &frame, sizeof frame, &fd, 1) < 0)
			(void)shutdown(front->fd, SHUT_RDWR); /* its end is told of next */
	}
}

int link_settle(struct store *store)
{
	bool have_all_greeted = !store->awaits_front;
	int r = 0;

	array_for_each(store->fronts, front) {
		if (front->fd < 0)
			continue;
		have_all_greeted &= front->has_greeted;
		if (r == 0 && front->kept)
			r = jobs_adopt(&store->jobs, front->kept, front->kept_count, front->runner);
		free(front->kept);
		front->kept = NULL;
	}
	return r == 0 && have_all_greeted && link_is_there(store) ? jobs_break_off(&store->jobs, 0, store_now_ms()) : r;
}

static struct front *find_place(struct store *store)
{
	struct front *oldest = &store->fronts[0];

	array_for_each(store->fronts, front) {
		if (front->fd < 0)
			return front;
		if (front->runner < oldest->runner)
			oldest = front;
	}
	drop(oldest);
	return oldest;
}

void link_take(struct store *store, int *fd)
{
	struct front *front = find_place(store);

	*front = (struct front){ .store = store, .fd = fd_take(fd), .runner = ++store->runners };
	if (fd_set_nonblock(front->fd, true) == 0)
		front->on_call = event_new(store->loop, front->fd, EV_READ | EV_PERSIST, on_call, front);
	if (!front->on_call || event_add(front->on_call, NULL) < 0)
		drop(front);
}

/* unix(7): what is in our socket can still be read after SHUT_RD, and whoever sends to it gets EPIPE. */
void link_finish(struct store *store)
{
	array_for_each(store->fronts, front) {
		if (front->fd < 0)
			continue;
		(void)shutdown(front->fd, SHUT_RD);
		while (calls_take(front) > 0)
			;
	}
}

void link_drop_all(struct store *store)
{
	array_for_each(store->fronts, front) {
		if (front->fd >= 0)
			drop(front);
	}
}
