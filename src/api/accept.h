/* SPDX-License-Identifier: Apache-2.0
 * accept.h: in which form a client wants its answer, by its Accept header.
 */
#pragma once

enum accept {
	ACCEPT_JSON,   /* one object at the end; also when nothing is said, or nothing that we have */
	ACCEPT_SSE,    /* text/event-stream: HTML, section 9.2 */
	ACCEPT_NDJSON, /* application/x-ndjson: a JSON object a line */
};

/* The first type of the list that we have; header may be NULL. Weights (q=) are not looked at. */
enum accept accept_choose(const char *header);

/* "text/event-stream". */
const char *accept_type(enum accept accept);
