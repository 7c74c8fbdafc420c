/* SPDX-License-Identifier: Apache-2.0
 * run_request.h: the body of POST /run, from bytes that nobody trusts to a checked request. Knows nothing of HTTP.
 */
#pragma once
#include "base/err.h"
#include "spec/environments.h"

#include <stdbool.h>

struct run_params {
	const struct environment_limits *environment;
	char *code; /* valid UTF-8 without a NUL; owned */
	size_t code_bytes;
	bool is_read_only;
};

/* Fills *ret_params, to be freed; environments: those that it may name, the first of which it gets when it names none. -EINVAL: err
 * says what is wrong and what to send; -ENOMEM. */
int run_request_parse(const char *bytes, size_t size, const struct environment_limits *environments, size_t environments_count,
		      struct run_params *ret_params, struct err *err);
void run_params_free(struct run_params *params);

/* A body of this many bytes holds every program of code_chars_max characters, however its JSON escapes them. */
size_t run_request_max_bytes(uint64_t code_chars_max);
