/* SPDX-License-Identifier: Apache-2.0
 * gate.h: what a request's head must not hold, checked before anything else looks at it. The library is lenient where
 * two readers of one request could disagree about where it ends; RFC 9112 (sections 2.2, 5.1, 6.3) is not.
 * One such case cannot be seen from here: a header line that begins with a colon ends the head for the library, and the lines
 * after it are taken for the next request. Nobody gains by it: a request is judged by itself, whatever its connection carried.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

enum gate_problem {
	GATE_OK,
	GATE_NAME,          /* a header's name holds something else than token characters, a space before the colon say */
	GATE_VALUE,         /* a header's value holds a control character, a bare CR say */
	GATE_TWO_LENGTHS,   /* Content-Length twice, even with equal values */
	GATE_BAD_LENGTH,    /* Content-Length that is not just digits, or past 64 bits */
	GATE_LENGTH_AND_TE, /* Content-Length beside Transfer-Encoding */
	GATE_BAD_TE,        /* another transfer coding than chunked, twice, or with HTTP/1.0 */
	GATE_HOST,          /* no Host with HTTP/1.1, or two */
};

struct gate {
	enum gate_problem problem; /* the first one */
	unsigned hosts, lengths, encodings;
	uint64_t length; /* of the body, when lengths is 1 */
	bool is_chunked, expects_continue;
};

/* Takes one header after the other, in any order. Sizes are without the NUL. */
void gate_add(struct gate *gate, const char *name, size_t name_size, const char *value, size_t value_size);

/* After the last header: checks them together. version as on the wire, "HTTP/1.1". */
void gate_finish(struct gate *gate, const char *version);

/* One sentence for the client. */
const char *gate_problem_text(enum gate_problem problem);
