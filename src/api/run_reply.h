/* SPDX-License-Identifier: Apache-2.0
 * run_reply.h: what the client of POST /run is told of an outcome.
 */
#pragma once
#include "api/reply.h"
#include "service/service.h"

/* Writes the JSON and returns the HTTP status. Moves the streams out of the outcome into the reply. */
unsigned run_reply_write(struct reply *reply, struct run_outcome *outcome, const struct limits *limits);

/* The sentence about a verdict, "Execution timed out after 10 seconds."; "" when stderr says it all. After the program's own failure a second
 * one names the calls that were refused to it. */
void run_reply_sentence(const struct result *result, const struct limits *limits, char *text, size_t size);

/* Stage timings as a Server-Timing field value, in milliseconds. */
void run_reply_timing(const struct run_outcome *outcome, char *text, size_t size);
