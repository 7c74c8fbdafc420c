/* SPDX-License-Identifier: Apache-2.0
 * ping.c: `safexec ping`: whether a server works, which is: whether it runs a program. For service managers and monitors.
 */
#include "cli/client.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NO_PROGRAM "" /* refused at once, without a cell */
#define RUN_MS     10000L
#define REFUSAL_MS 5000L
#define PROGRAM    "{\"code\": \"print(2+2)\"}"
#define ANSWER     "{\"success\": true, \"output\": \"4\\n\"}"
#define MAX_ANSWER (64 * KIB)

enum { SERVER };

static const struct option_row rows[] = {
	[SERVER] = { .name = "server",
		     .arg = "ADDR:PORT",
		     .help = "where the server listens, or unix:/PATH",
		     .def = "127.0.0.1:5000",
		     .check = client_check_address },
};

static int ping(const char *const *values, const char *operand)
{
	_cleanup_(buf_free) struct buf answer = buf_new(MAX_ANSWER);
	struct err err = { 0 };
	long status;

	(void)operand;
	if (client_post_run(values[SERVER], PROGRAM, RUN_MS, NULL, &answer, &status, &err) < 0) {
		buf_free(&answer);
		answer = buf_new(MAX_ANSWER);
		if (client_post_run(values[SERVER], NO_PROGRAM, REFUSAL_MS, NULL, &answer, &status, &err) < 0) {
			fprintf(stderr, "safexec ping: %s\n", err.text);
			return STATUS_CANNOT_RUN;
		}
		buf_free(&answer);
		answer = buf_new(MAX_ANSWER);
	}
	if (answer.size >= strlen(ANSWER) && memcmp(answer.bytes, ANSWER, strlen(ANSWER)) == 0)
		return STATUS_OK;
	fprintf(stderr, "safexec ping: The server at %s answers and did not run a program (status %ld).\n", values[SERVER], status);
	return STATUS_FAILED;
}

const struct command ping_command = {
	.name = "ping",
	.summary = "ask a server to run a program, and tell whether it did",
	.about = "Asks a running `safexec serve` to run print(2+2). Exit status 0 when it did, 1 when it answered something else "
		 "(it "
		 "is busy, or\nwants a key), 3 when it gave no answer. Prints nothing when all is well.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = ping,
};
