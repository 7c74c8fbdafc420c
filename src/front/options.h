/* SPDX-License-Identifier: Apache-2.0
 * options.h: the front's command line. The supervisor writes it; a person only when developing.
 */
#pragma once
#include "base/err.h"
#include "spec/environments.h"

#include <stdbool.h>
#include <sys/types.h>

struct options {
	int listen_fd, provider_fd;
	int supervisor_fd; /* -1: none, and with it no store */
	bool needs_key, wants_json_log;
	bool has_ids;
	uid_t uid;
	gid_t gid;
	uint64_t queue, queue_ms, connections, head_ms, body_ms, idle_ms, reply_ms, heartbeat_ms, bodies_bytes;
	const char *listen_name;
	struct environment_limits environments[ENVIRONMENTS_MAX]; /* base first; limits of a run that asks for nothing */
	size_t environments_count;
	struct limits most; /* what a request under /v1 may ask for */
	bool wants_help;
};

/* Reads the command line. -EINVAL: err says what is wrong. */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);

/* Prints the help to standard output. */
void options_print_help(void);
