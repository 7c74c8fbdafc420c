/* SPDX-License-Identifier: Apache-2.0
 * run_body.h: the body of POST /v1/runs from files of this machine: a program, what it reads, and what it may use.
 */
#pragma once
#include "base/err.h"

#include <jansson.h>

#define RUN_BODY_MAX_BYTES (8 * MIB) /* of one file; the server takes no longer body */

/* Each is 0, or -errno with a sentence. path "-" is standard input. */
int run_body_add_code(json_t *body, const char *path, struct err *err);
int run_body_add_stdin(json_t *body, const char *path, struct err *err);

/* A relative path stays what it is beneath /app; of an absolute one, or one with "..", the last part stays. */
int run_body_add_file(json_t *body, const char *path, struct err *err);

/* "wall_ms=5000", "memory_bytes=256M", "cpus=1.5". Whether there is such a limit is for the server to say. */
int run_body_add_limit(json_t *body, const char *text, struct err *err);

/* A pattern of files that are to come back. */
int run_body_add_output(json_t *body, const char *glob, struct err *err);
int run_body_add_args(json_t *body, char **args, struct err *err);
