/* SPDX-License-Identifier: Apache-2.0
 * link.h: the front's end of wire/store.h: calls to the store, each with exactly one answer, over links that the supervisor hands
 * over. A store that dies costs what was on its way; what is asked while there is none waits two seconds for the next.
 * Single-threaded.
 */
#pragma once
#include "base/buf.h"
#include "wire/store.h"

struct event_base;
struct link;

/* What the owner is told. */
struct link_events {
	/* Before the first call on a new link: appends the number (uint64_t) of each job that is begun and has no stored result. */
	void (*list_begun)(struct buf *numbers, void *arg);
	void (*on_up)(void *arg);   /* the link serves */
	void (*on_lost)(void *arg); /* the store is gone, and no other came in time */
	/* A job that is begun here was canceled by way of another front. */
	void (*on_canceled)(uint64_t number, void *arg);
	/* The keys as they are now: struct store_key, count of them. -errno: they cannot be used, and the old ones hold on. */
	int (*on_keys)(const char *keys, size_t size, uint32_t count, void *arg);
	void *arg;
};

/* The answer, and its parcel or -EBADF, which the callee may take (fd_take). status -ECONNRESET: the link broke, and whether the store
 * has done it is not known; -ETIMEDOUT: nor is it, of a call by link_ask; -EBUSY: it has not; -ENOTCONN: there was no store. */
typedef void link_done_fn(const struct store_answer *answer, int *parcel, void *arg);

/* supervisor_fd: where links come from; -1: none ever will. events is kept by pointer. */
int link_new(struct event_base *base, int supervisor_fd, const struct link_events *events, struct link **ret_link);
void link_free(struct link *link);

bool link_is_up(const struct link *link);

/* There is no store, and nobody waits for one. */
bool link_is_lost(const struct link *link);

/* Whether the store has a state that it can use, as the last answer had it; if not, why. */
bool link_has_state(const struct link *link, char why[ERR_TEXT_BYTES]);

/* How many jobs wait and run, as the last answer had it. */
uint64_t link_queued(const struct link *link);
uint64_t link_started(const struct link *link);

/* Sends a call, or keeps it until there is room. frame begins with a struct store_head, which is filled in. parcel, or NULL, is taken
 * over in any case. done is called later, never from within. -ENOTCONN: there is no store; -EBUSY: too many calls wait; -ENOMEM. In
 * these cases done is not called. */
int link_call(struct link *link, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done, void *arg);

/* The same for somebody who does not wait for ever: after 10 s without an answer, as from a store that stands still, he is told so. */
int link_ask(struct link *link, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done, void *arg);

/* Whoever waits for answers with this arg does so no longer. */
void link_forget(struct link *link, const void *arg);
