/* SPDX-License-Identifier: Apache-2.0
 * options.h: the store's command line. The supervisor writes it; `safexec keys` and `safexec log` too, with a command behind the
 * options.
 */
#pragma once
#include "sandbox/sandbox.h"

struct options {
	const char *state; /* absolute path of the folder */
	int supervisor_fd; /* -EBADF: a command */
	struct sandbox_ids ids;
	uint64_t queued_max, age_seconds_max, bytes_max, audit_bytes_max;
	bool wants_help;
	char **command; /* ends in NULL: "keys" "list", "log" "verify" */
	int command_count;
};

/* -EINVAL with a sentence. Texts are kept by pointer. */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);
void options_print_help(void);
