/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gate.h"
#include "unit.h"

#include <string.h>

#define HEADERS 4

static const struct {
	const char *headers[HEADERS][2];
	const char *version;
	enum gate_problem want;
} cases[] = {
	{ { { "Host", "a" } }, "HTTP/1.1", GATE_OK },
	{ { { "Host", "a" }, { "Content-Length", "0" } }, "HTTP/1.1", GATE_OK },
	{ { { "Host", "a" }, { "content-length", "18446744073709551615" } }, "HTTP/1.1", GATE_OK },
	{ { { "Host", "a" }, { "Transfer-Encoding", "Chunked" } }, "HTTP/1.1", GATE_OK },
	{ { { "Host", "a" }, { "X", "a\tb \xc3\xa9" } }, "HTTP/1.1", GATE_OK },
	{ { { "Host", "a" }, { "X", "" } }, "HTTP/1.1", GATE_OK },
	{ { { NULL } }, "HTTP/1.0", GATE_OK },
	{ { { NULL } }, "HTTP/1.1", GATE_HOST },
	{ { { "Host", "a" }, { "host", "a" } }, "HTTP/1.1", GATE_HOST },
	{ { { "Host", "a" }, { "Content-Length ", "0" } }, "HTTP/1.1", GATE_NAME },
	{ { { "Host", "a" }, { "", "0" } }, "HTTP/1.1", GATE_NAME },
	{ { { "Host", "a" }, { "X\xc3\xa9", "0" } }, "HTTP/1.1", GATE_NAME },
	{ { { "Host", "a" }, { "X", "a\rb" } }, "HTTP/1.1", GATE_VALUE },
	{ { { "Host", "a" }, { "X", "a\x7f" } }, "HTTP/1.1", GATE_VALUE },
	{ { { "Host", "a" }, { "Content-Length", "" } }, "HTTP/1.1", GATE_BAD_LENGTH },
	{ { { "Host", "a" }, { "Content-Length", "+1" } }, "HTTP/1.1", GATE_BAD_LENGTH },
	{ { { "Host", "a" }, { "Content-Length", "1, 1" } }, "HTTP/1.1", GATE_BAD_LENGTH },
	{ { { "Host", "a" }, { "Content-Length", "18446744073709551616" } }, "HTTP/1.1", GATE_BAD_LENGTH },
	{ { { "Host", "a" }, { "Content-Length", "1" }, { "Content-Length", "1" } }, "HTTP/1.1", GATE_TWO_LENGTHS },
	{ { { "Host", "a" }, { "Content-Length", "1" }, { "Transfer-Encoding", "chunked" } }, "HTTP/1.1", GATE_LENGTH_AND_TE },
	{ { { "Host", "a" }, { "Transfer-Encoding", "gzip" } }, "HTTP/1.1", GATE_BAD_TE },
	{ { { "Host", "a" }, { "Transfer-Encoding", "chunked, chunked" } }, "HTTP/1.1", GATE_BAD_TE },
	{ { { "Host", "a" }, { "Transfer-Encoding", "chunked" }, { "Transfer-Encoding", "chunked" } }, "HTTP/1.1", GATE_BAD_TE },
	{ { { "Transfer-Encoding", "chunked" } }, "HTTP/1.0", GATE_BAD_TE },
};

static void heads_that_could_be_read_in_two_ways_are_refused(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		struct gate gate = { 0 };

		for (size_t i = 0; i < HEADERS && c->headers[i][0]; i++)
			gate_add(&gate, c->headers[i][0], strlen(c->headers[i][0]), c->headers[i][1], strlen(c->headers[i][1]));
		gate_finish(&gate, c->version);
		if (gate.problem != c->want)
			fail_msg("case %td: %d, not %d", c - cases, gate.problem, c->want);
	}
}

static void every_problem_has_its_own_sentence(void **state)
{
	(void)state;
	for (enum gate_problem a = GATE_NAME; a <= GATE_HOST; a++) {
		for (enum gate_problem b = GATE_OK; b < a; b++)
			assert_string_not_equal(gate_problem_text(a), gate_problem_text(b));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(heads_that_could_be_read_in_two_ways_are_refused),
	cmocka_unit_test(every_problem_has_its_own_sentence),
};

unit_main(tests)
