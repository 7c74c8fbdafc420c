/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/link.h"

#include "base/clock.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define CALLS_WAITING_MAX 4096
#define LINK_PATIENCE_S   2 /* without a store; a reload's comes within a tenth of it */
#define ASK_PATIENCE      (10 * NSEC_PER_SEC)
#define KEYS_MAX_BYTES    (STORE_KEYS_MAX * sizeof(struct store_key))

struct link_call {
	TAILQ_ENTRY(link_call) list;
	link_done_fn *done; /* NULL: nobody waits for it */
	void *arg;
	int parcel;
	uint64_t tag;
	nsec_t until; /* 0: for ever */
	size_t size;
	char frame[];
};

TAILQ_HEAD(link_calls, link_call);

struct link {
	struct event_base *base;
	const struct link_events *events;
	struct event *on_supervisor, *on_store, *on_patience, *on_second;
	int store;                    /* -EBADF: there is none */
	bool is_lost;                 /* and none has come within LINK_PATIENCE_S */
	bool is_up;                   /* it has answered STORE_HELLO */
	struct link_calls sent, kept; /* oldest first */
	unsigned sent_count, kept_count;
	uint64_t next_tag;
	struct store_answer last;
};

static void call_free(struct link_call *call)
{
	(void)fd_close(call->parcel);
	free(call);
}

static void finish(struct link_call *call, const struct store_answer *answer, int *parcel)
{
	if (call->done)
		call->done(answer, parcel, call->arg);
	call_free(call);
}

/* Whoever is told may call again: the list is emptied first. */
static void finish_all(struct link_calls *from, unsigned *count, int status)
{
	const struct store_answer broken = { .status = status };
	struct link_calls calls = TAILQ_HEAD_INITIALIZER(calls);
	struct link_call *call;

	TAILQ_CONCAT(&calls, from, list);
	*count = 0;
	while ((call = TAILQ_FIRST(&calls))) {
		int none = -EBADF;

		TAILQ_REMOVE(&calls, call, list);
		finish(call, &broken, &none);
	}
}

static void be_patient(struct link *link)
{
	static const struct timeval patience = { .tv_sec = LINK_PATIENCE_S };

	if (link->on_patience)
		(void)event_add(link->on_patience, &patience);
}

static void drop_greeting(struct link *link)
{
	struct link_call *first = TAILQ_FIRST(&link->kept);

	if (!first || first->arg != link)
		return;
	TAILQ_REMOVE(&link->kept, first, list);
	link->kept_count--;
	call_free(first);
}

/* What was not sent yet waits for the next store: a reload's is there in a moment. */
static void drop_store(struct link *link)
{
	if (link->store < 0)
		return;
	if (link->on_store)
		event_free(link->on_store);
	link->on_store = NULL;
	link->store = fd_close(link->store);
	link->is_up = false;
	drop_greeting(link);
	be_patient(link);
	finish_all(&link->sent, &link->sent_count, -ECONNRESET);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;

	(void)fd;
	(void)what;
	link->is_lost = true;
	finish_all(&link->kept, &link->kept_count, -ENOTCONN);
	link->events->on_lost(link->events->arg);
}

/* Nothing but the greeting, which is the first that is kept, before that is answered. */
static bool is_behind_hello(const struct link *link)
{
	return !link->is_up && link->sent_count > 0;
}

static void send_kept(struct link *link)
{
	struct link_call *call;

	while (link->store >= 0 && link->sent_count < STORE_CALLS_MAX && !is_behind_hello(link) &&
	       (call = TAILQ_FIRST(&link->kept))) {
		if (frame_send(link->store, call->frame, call->size, &call->parcel, call->parcel >= 0 ? 1 : 0) < 0)
			return; /* it has died, which on_store hears next */
		call->parcel = fd_close(call->parcel);
		TAILQ_REMOVE(&link->kept, call, list);
		TAILQ_INSERT_TAIL(&link->sent, call, list);
		link->kept_count--;
		link->sent_count++;
	}
}

/* The first of a list that waits for a client whose patience is over. */
static struct link_call *find_late(struct link_calls *calls, nsec_t now)
{
	struct link_call *call;

	TAILQ_FOREACH(call, calls, list)
	{
		if (call->done && call->until != 0 && now >= call->until)
			return call;
	}
	return NULL;
}

/* One that was sent stays: its answer may still come. Whoever is told may call again. */
static void on_second(evutil_socket_t fd, short what, void *arg)
{
	const struct store_answer deaf = { .status = -ETIMEDOUT }, unsent = { .status = -EBUSY };
	struct link *link = arg;
	struct link_call *call;
	nsec_t now = clock_now();
	int none = -EBADF;

	(void)fd;
	(void)what;
	while ((call = find_late(&link->sent, now))) {
		link_done_fn *done = call->done;

		call->done = NULL;
		done(&deaf, &none, call->arg);
	}
	while ((call = find_late(&link->kept, now))) {
		TAILQ_REMOVE(&link->kept, call, list);
		link->kept_count--;
		finish(call, &unsent, &none);
	}
}

static int keep_call(struct link *link, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done, void *arg)
{
	struct store_head head = STORE_HEAD((uint32_t)type, ++link->next_tag);
	int fd = parcel ? fd_take(parcel) : -EBADF;
	bool has_room = link->kept_count < CALLS_WAITING_MAX || type == STORE_HELLO;
	struct link_call *call = has_room ? malloc(sizeof *call + size) : NULL;

	if (!call) {
		(void)fd_close(fd);
		return has_room ? -ENOMEM : -EBUSY;
	}
	memcpy(frame, &head, sizeof head);
	*call = (struct link_call){ .done = done, .arg = arg, .parcel = fd, .tag = head.tag, .size = size };
	memcpy(call->frame, frame, size);
	if (type == STORE_HELLO)
		TAILQ_INSERT_HEAD(&link->kept, call, list);
	else
		TAILQ_INSERT_TAIL(&link->kept, call, list);
	link->kept_count++;
	return 0;
}

int link_call(struct link *link, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done, void *arg)
{
	int r;

	if (link->store < 0 && link->is_lost) {
		if (parcel)
			*parcel = fd_close(*parcel);
		return -ENOTCONN;
	}
	r = keep_call(link, type, frame, size, parcel, done, arg);
	if (r == 0)
		send_kept(link);
	return r;
}

int link_ask(struct link *link, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done, void *arg)
{
	int r = link_call(link, type, frame, size, parcel, done, arg);
	struct link_call *call = r == 0 ? TAILQ_LAST(TAILQ_EMPTY(&link->kept) ? &link->sent : &link->kept, link_calls) : NULL;

	if (call) /* which is the newest of all */
		call->until = clock_now() + ASK_PATIENCE;
	return r;
}

void link_forget(struct link *link, const void *arg)
{
	struct link_calls *lists[] = { &link->sent, &link->kept };
	struct link_call *call;

	array_for_each(lists, list) {
		TAILQ_FOREACH(call, *list, list)
		{
			if (call->arg == arg)
				call->done = NULL;
		}
	}
}

static struct link_call *find_sent(struct link *link, uint64_t tag)
{
	struct link_call *call;

	TAILQ_FOREACH(call, &link->sent, list)
	{
		if (call->tag == tag)
			return call;
	}
	return NULL;
}

static int take_answer(struct link *link, const struct store_answer *answer, int *parcel)
{
	struct link_call *call = find_sent(link, answer->head.tag);

	if (!call)
		return -EPROTO;
	TAILQ_REMOVE(&link->sent, call, list);
	link->sent_count--;
	link->last = *answer;
	finish(call, answer, parcel);
	return 0;
}

static int take_keys(struct link *link, const struct store_keys *frame, int parcel)
{
	struct store_keys_seen seen = { .head = STORE_HEAD(STORE_KEYS_SEEN, frame->head.tag) };
	char *keys = NULL;
	size_t size = 0;
	int r = frame->count <= STORE_KEYS_MAX ? store_read_parcel(parcel, KEYS_MAX_BYTES, &keys, &size) : -EPROTO;

	if (r == 0 && size != frame->count * sizeof(struct store_key))
		r = -EPROTO;
	if (r == 0)
		r = link->events->on_keys(keys, size, frame->count, link->events->arg);
	if (r == 0)
		r = frame_send(link->store, &seen, sizeof seen, NULL, 0);
	free(keys);
	return r;
}

static int take_drop(const struct link *link, const struct store_drop *frame)
{
	link->events->on_canceled(frame->head.tag, link->events->arg);
	return 0;
}

static void on_store(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	union {
		struct store_head head;
		struct store_answer answer;
		struct store_keys keys;
		struct store_drop drop;
	} frame;
	_cleanup_(fd_closep) int parcel = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(fd, &frame, sizeof frame, &parcel, 1, &fds_count);
	int r = -EPROTO;

	(void)what;
	if (n == -EAGAIN)
		return;
	if (store_check_answer(&frame, n))
		r = take_answer(link, &frame.answer, &parcel);
	else if (n == (ssize_t)sizeof frame.keys && frame.head.magic == STORE_MAGIC && frame.head.type == STORE_KEYS &&
		 fds_count == 1)
		r = take_keys(link, &frame.keys, parcel);
	else if (n == (ssize_t)sizeof frame.drop && frame.head.magic == STORE_MAGIC && frame.head.type == STORE_DROP)
		r = take_drop(link, &frame.drop);
	if (r < 0 && link->store == fd)
		drop_store(link);
	else
		send_kept(link);
}

static void on_hello(const struct store_answer *answer, int *parcel, void *arg)
{
	struct link *link = arg;

	(void)parcel;
	if (answer->status == -ECONNRESET)
		return;
	link->is_up = true;
	link->events->on_up(link->events->arg);
}

static int say_hello(struct link *link)
{
	_cleanup_(buf_free) struct buf numbers = buf_new(STORE_BATCH_MAX * sizeof(uint64_t));
	struct store_hello call = { 0 };
	int parcel = -EBADF;

	link->events->list_begun(&numbers, link->events->arg);
	call.count = (uint32_t)(numbers.size / sizeof(uint64_t));
	if (call.count > 0) {
		parcel = fd_new_sealed("begun", numbers.bytes, numbers.size);
		if (parcel < 0)
			return parcel;
	}
	return link_call(link, STORE_HELLO, &call, sizeof call, &parcel, on_hello, link);
}

static void take_store(struct link *link, int *fd)
{
	int r;

	drop_store(link);
	link->is_lost = false;
	(void)event_del(link->on_patience);
	link->store = fd_take(fd);
	r = fd_set_nonblock(link->store, true);
	link->on_store = event_new(link->base, link->store, EV_READ | EV_PERSIST, on_store, link);
	if (r == 0)
		r = link->on_store && event_add(link->on_store, NULL) == 0 ? say_hello(link) : -ENOMEM;
	if (r < 0)
		drop_store(link);
}

static void on_supervisor(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	struct store_link frame;
	enum store_peer peer;
	_cleanup_(fd_closep) int store = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(fd, &frame, sizeof frame, &store, 1, &fds_count);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (!store_check_link(&frame, n, fds_count, &peer) || peer != STORE_PEER_STORE)
		(void)event_del(link->on_supervisor);
	else
		take_store(link, &store);
}

int link_new(struct event_base *base, int supervisor_fd, const struct link_events *events, struct link **ret_link)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct link *link = calloc(1, sizeof *link);
	int r = link && supervisor_fd >= 0 ? fd_set_nonblock(supervisor_fd, true) : 0;

	if (!link)
		return -ENOMEM;
	link->base = base;
	link->events = events;
	link->store = -EBADF;
	TAILQ_INIT(&link->sent);
	TAILQ_INIT(&link->kept);
	link->on_patience = evtimer_new(base, on_patience, link);
	if (!link->on_patience)
		r = -ENOMEM;
	link->is_lost = supervisor_fd < 0;
	link->on_second = event_new(base, -1, EV_PERSIST, on_second, link);
	if (r == 0)
		r = link->on_second && event_add(link->on_second, &second) == 0 ? 0 : -ENOMEM;
	if (r == 0 && supervisor_fd >= 0) {
		be_patient(link);
		link->on_supervisor = event_new(base, supervisor_fd, EV_READ | EV_PERSIST, on_supervisor, link);
		r = link->on_supervisor && event_add(link->on_supervisor, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0) {
		link_free(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

void link_free(struct link *link)
{
	struct link_calls *lists[] = { &link->sent, &link->kept };

	if (link->on_store)
		event_free(link->on_store);
	if (link->on_supervisor)
		event_free(link->on_supervisor);
	if (link->on_patience)
		event_free(link->on_patience);
	if (link->on_second)
		event_free(link->on_second);
	(void)fd_close(link->store);
	array_for_each(lists, list) {
		while (!TAILQ_EMPTY(*list)) {
			struct link_call *call = TAILQ_FIRST(*list);

			TAILQ_REMOVE(*list, call, list);
			call_free(call);
		}
	}
	free(link);
}

bool link_is_up(const struct link *link)
{
	return link->is_up;
}

bool link_is_lost(const struct link *link)
{
	return link->is_lost;
}

bool link_has_state(const struct link *link, char why[ERR_TEXT_BYTES])
{
	bool has_state = link->is_up && link->last.status != -ENODATA;

	memcpy(why, link->last.text, ERR_TEXT_BYTES);
	return has_state;
}

uint64_t link_queued(const struct link *link)
{
	return link->last.queued;
}

uint64_t link_started(const struct link *link)
{
	return link->last.started;
}
