/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/demux.h"
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ROOM 64

static const struct {
	const char *name, *bytes;
	size_t size;
	int want; /* 0, or what the last call returned */
	const char *out, *error;
	bool may_end;
} cases[] = {
	{ "nothing", "", 0, 0, "", "", true },
	{ "one frame", "\1\0\0\0\0\0\0\3abc", 11, 0, "abc", "", true },
	{ "both streams", "\1\0\0\0\0\0\0\1a\2\0\0\0\0\0\0\2bc\1\0\0\0\0\0\0\1d", 28, 0, "ad", "bc", true },
	{ "an empty frame", "\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1x", 17, 0, "x", "", true },
	{ "an empty frame at the end", "\2\0\0\0\0\0\0\0", 8, 0, "", "", true },
	{ "a head in the bytes", "\1\0\0\0\0\0\0\x08\2\2\2\2\2\2\2\2", 16, 0, "\2\2\2\2\2\2\2\2", "", true },
	{ "cut in the head", "\1\0\0\0\0", 5, 0, "", "", false },
	{ "cut in the bytes", "\1\0\0\0\0\0\0\5ab", 10, 0, "ab", "", false },
	{ "stdin comes back", "\0\0\0\0\0\0\0\1a", 9, -EBADMSG, "", "", false },
	{ "a third stream", "\3\0\0\0\0\0\0\1a", 9, -EBADMSG, "", "", false },
	{ "no zero in the head", "\1\0\1\0\0\0\0\1a", 9, -EBADMSG, "", "", false },
	{ "too long a frame", "\1\0\0\0\1\0\0\1a", 9, -EBADMSG, "", "", false },
	{ "plain text", "HTTP/1.1 200 OK", 15, -EBADMSG, "", "", false },
	{ "right, then wrong", "\1\0\0\0\0\0\0\1aXXXXXXXX", 17, -EBADMSG, "a", "", false },
};

/* Feeds all of it in steps of that size; collects per stream. Returns what the last call returned. */
static int feed(struct demux *demux, const char *bytes, size_t size, size_t step, char out[ROOM], char error[ROOM])
{
	int r = 0;

	out[0] = error[0] = '\0';
	for (size_t done = 0; done < size && r >= 0; done += step) {
		const char *at = bytes + done;
		size_t left = size - done < step ? size - done : step;
		struct demux_piece piece;

		while ((r = demux_next(demux, &at, &left, &piece)) > 0) {
			assert_true(piece.size > 0); /* also when nothing follows a head yet */
			strncat(piece.stream == DEMUX_STDOUT ? out : error, piece.bytes, piece.size);
		}
	}
	return r;
}

static void streams_come_apart_however_they_are_cut(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		for (size_t step = 1; step <= c->size + 1; step++) {
			struct demux demux = { 0 };
			char out[ROOM], error[ROOM];

			assert_int_equal(feed(&demux, c->bytes, c->size, step, out, error), c->want);
			assert_string_equal(out, c->out);
			assert_string_equal(error, c->error);
			if (c->want == 0)
				assert_int_equal(demux_may_end(&demux), c->may_end);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(streams_come_apart_however_they_are_cut) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
