/* SPDX-License-Identifier: Apache-2.0
 * attach.h: the streams of one container. A connection of our own to the Engine, because POST attach becomes a raw stream both
 * ways after its answer (an upgrade), which libcurl leaves to its caller anyhow. What comes is taken apart and written to
 * two pipes; when a pipe is full, nothing more is read.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "docker/inside.h"

#include <sys/types.h>

struct attach;
struct event_base;

struct attach_events {
	void (*opened)(void *arg); /* the Engine has answered; from now on nothing is lost */
	void (*greeted)(const struct inside_greeting *greeting, void *arg); /* before anything else, where a mark is to come */
	void (*fed)(void *arg);                                             /* what was to be sent is delivered */
	/* The mark has come in both streams, and something behind it on standard error; more of it may come. */
	void (*reported)(const struct buf *report, void *arg);
	/* The Engine has closed, all of it is in the pipes, and they are closed. why: NULL, or what went wrong, in a few words. */
	void (*ended)(const char *why, void *arg);
};

/* Connects and asks. Takes both pipes' write ends, also when it fails. events and mark are kept by pointer; mark: NULL when
 * none is to come. */
int attach_open(struct event_base *base, const char *socket, const char *path, int out_fd, int error_fd, const struct mark *mark,
		const struct attach_events *events, void *arg, struct attach **ret_attach);

/* Sends a file as standard input, which stays open. Takes the descriptor. */
void attach_feed(struct attach *attach, int file_fd);

/* Ends standard input; what the container writes still comes. */
void attach_end_input(struct attach *attach);

/* Closes the connection and the pipes. NULL is fine. May be called from within an event. */
void attach_free(struct attach *attach);
