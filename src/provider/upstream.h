/* SPDX-License-Identifier: Apache-2.0
 * upstream.h: a provider's two sockets upwards: one to the supervisor, which brings a link for each front, and that link,
 * which takes ready cells. A front that dies is replaced by the supervisor; the provider keeps its cells meanwhile.
 */
#pragma once
#include "provider/ends.h"
#include "wire/ids.h"

#include <stdbool.h>

struct event;
struct event_base;

struct upstream_events {
	void (*front_came)(void *arg); /* ready cells are to be offered now */
	/* The supervisor is gone, and with it the reason to run. why: NULL, or what it did that made no sense. Called once. */
	void (*ended)(const char *why, void *arg);
};

struct upstream {
	struct event_base *loop;
	int supervisor; /* negative: none */
	int front;      /* -EBADF while there is no front */
	struct event *on_supervisor, *on_front;
	const struct upstream_events *events;
	void *arg;
};

#define UPSTREAM_NONE ((struct upstream){ .supervisor = -EBADF, .front = -EBADF })

/* supervisor stays the caller's; negative: there is none. events is kept by pointer. -ENOMEM. */
int upstream_open(struct upstream *upstream, struct event_base *loop, int supervisor, const struct upstream_events *events,
		  void *arg);
void upstream_close(struct upstream *upstream);

/* Tells the supervisor that a front can be served, and which ids it is to take; then now and again that cells still work. -errno:
 * nobody is there, or nobody reads. */
int upstream_announce(const struct upstream *upstream, const struct ids *ids);

void upstream_take_front(struct upstream *upstream, int *link); /* takes it; replaces the one before */
void upstream_drop_front(struct upstream *upstream);

/* Tells the front something; nothing when there is none. */
void upstream_tell(const struct upstream *upstream, const void *frame, size_t size);

/* Hands a ready cell to the front: it has it then, and the front's ends are closed here. 0 too when there is no front, or it is going:
 * the next one gets the cell. -errno: this front will not hear of it. */
struct wire_cell;
int upstream_offer(const struct upstream *upstream, const struct wire_cell *cell, struct ends *ends);
