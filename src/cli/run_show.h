/* SPDX-License-Identifier: Apache-2.0
 * run_show.h: shows a run as if it had run here: its streams as they come, its figures as files, its exit status. What comes is from a
 * server that may be anybody's, and in the end from a program that nobody trusts.
 */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/outputs.h"

#include <jansson.h>
#include <stdbool.h>

/* Beside the program's own statuses, as timeout(1) and env(1) have them. */
#define RUN_STATUS_TIME   124 /* its time was over */
#define RUN_STATUS_FAILED 125 /* it did not come to an end of its own for another reason, or did not run */
#define RUN_STATUS_SIGNAL 128 /* and the signal's number, as in a shell */

#define RUN_SHOW_MAX_EVENT (64 * MIB)

struct run_show {
	const char *address, *figures; /* the server; the folder for figures */
	struct outputs outputs;
	bool is_json;     /* the answer as it is, instead of what it says */
	bool is_terminal; /* of stderr: a spinner and times */
	nsec_t began_at;
	unsigned spins;
	bool has_spinner, has_output, has_shown_text; /* the last: of a display, as which the last value comes too */
	unsigned figures_count;
	bool has_lost_file; /* one that came back could not be saved */
	struct buf line;    /* what has come of the event, or of an answer that is no stream */
	json_t *verdict;    /* the last event; NULL: it has not come */
};

/* For client_stream. */
struct client_answer;
int run_show_take(const struct client_answer *answer, const char *bytes, size_t size, void *show);
void run_show_tick(void *show);

/* After the last byte: says how it ended and returns the exit status. */
int run_show_end(struct run_show *show);
void run_show_free(struct run_show *show);

/* The exit status that a verdict event, or an answer of the same members, stands for. */
int run_show_status(const json_t *verdict);
