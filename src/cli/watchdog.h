/* SPDX-License-Identifier: Apache-2.0
 * watchdog.h: tells the service manager that the server works, after having seen it: `safexec ping` runs a program by way of the
 * listening socket, the front, the warden and a cell. A server too busy for it answers at least, which proves the front; that cells
 * work then is the provider's word, which it gives only while they do. Nothing happens where no service manager listens.
 */
#pragma once
#include "cli/child.h"

#include <stdbool.h>

struct watchdog {
	struct child ping;
	const char *address; /* the server's */
	nsec_t period;       /* between two pings; 0: nobody wants to know more than the first success */
	nsec_t next_at;      /* of the next ping; 0: none */
	bool is_ready;       /* READY=1 was sent since the last watchdog_expect */
};

void watchdog_init(struct watchdog *watchdog, const char *address);

/* A new front is there: the next success is told as READY=1. */
void watchdog_expect(struct watchdog *watchdog);

/* Pings go on as before a reload; a success says nothing about the new front yet. */
void watchdog_go_on(struct watchdog *watchdog);

/* Starts a ping whose time has come, and ends one that takes too long. Returns when to call again; 0: need not be. */
nsec_t watchdog_run(struct watchdog *watchdog, nsec_t now);

/* The ping has ended. lived_at: when the provider last said that its cells work. */
void watchdog_look(struct watchdog *watchdog, nsec_t lived_at);
