/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gate.h"

#include "base/num.h"

#include <string.h>
#include <strings.h>

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!is_token_char(text[i]))
			return false;
	}
	return size > 0;
}

static bool is_value(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static void fail(struct gate *gate, enum gate_problem problem)
{
	if (gate->problem == GATE_OK)
		gate->problem = problem;
}

void gate_add(struct gate *gate, const char *name, size_t name_size, const char *value, size_t value_size)
{
	if (!is_token(name, name_size))
		fail(gate, GATE_NAME);
	if (!is_value(value, value_size))
		fail(gate, GATE_VALUE);
	if (strcasecmp(name, "Host") == 0)
		gate->hosts++;
	if (strcasecmp(name, "Expect") == 0)
		gate->expects_continue = true;
	if (strcasecmp(name, "Content-Length") == 0) {
		gate->lengths++;
		if (num_parse_u64(value, 0, UINT64_MAX, &gate->length) < 0)
			fail(gate, GATE_BAD_LENGTH);
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		gate->encodings++;
		gate->is_chunked = true;
		if (strcasecmp(value, "chunked") != 0)
			fail(gate, GATE_BAD_TE);
	}
}

void gate_finish(struct gate *gate, const char *version)
{
	if (gate->lengths > 0 && gate->encodings > 0)
		fail(gate, GATE_LENGTH_AND_TE);
	if (gate->lengths > 1)
		fail(gate, GATE_TWO_LENGTHS);
	if (gate->encodings > 1 || (gate->encodings == 1 && strcmp(version, "HTTP/1.1") != 0))
		fail(gate, GATE_BAD_TE);
	if (gate->hosts > 1 || (gate->hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
		fail(gate, GATE_HOST);
}

const char *gate_problem_text(enum gate_problem problem)
{
	switch (problem) {
	case GATE_NAME:
		return "A header's name holds a character that is not allowed there.";
	case GATE_VALUE:
		return "A header's value holds a control character.";
	case GATE_TWO_LENGTHS:
		return "There are two Content-Length headers; send one.";
	case GATE_BAD_LENGTH:
		return "The Content-Length is not a number of bytes.";
	case GATE_LENGTH_AND_TE:
		return "Content-Length and Transfer-Encoding exclude each other; send one.";
	case GATE_BAD_TE:
		return "The only transfer coding understood is a single \"chunked\", with HTTP/1.1.";
	case GATE_HOST:
		return "Send exactly one Host header.";
	case GATE_OK:
		break;
	}
	return "The request is not valid HTTP.";
}
