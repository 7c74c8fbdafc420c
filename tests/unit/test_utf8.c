/* SPDX-License-Identifier: Apache-2.0 */
#include "api/utf8.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text;
	size_t want;
} cases[] = {
	{ "", 0 },
	{ "abc", 3 },
	{ "\xc3\xa9", 1 },
	{ "e\xcc\x81", 2 },
	{ "\xf0\x9f\x98\x80", 1 },
	{ "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", 3 },
	{ "\r\n", 2 },
	{ "\xff\xfe", 2 },
	{ "\xe2\x82", 1 },
};

static void characters_are_code_points(void **state)
{
	(void)state;
	array_for_each(cases, c)
		assert_int_equal(utf8_count(c->text, strlen(c->text)), c->want);
}

/* Encodes without checking: surrogates and what lies past the end too. */
static size_t encode(unsigned point, char bytes[4])
{
	if (point < 0x80) {
		bytes[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		bytes[0] = (char)(0xc0 | point >> 6);
		bytes[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		bytes[0] = (char)(0xe0 | point >> 12);
		bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | point >> 18);
	bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static void every_code_point_but_the_surrogates_is_valid(void **state)
{
	(void)state;
	for (unsigned point = 0; point < 0x111000; point++) {
		char bytes[4];
		size_t size = encode(point, bytes);
		bool is_valid, want = (point < 0xd800 || point > 0xdfff) && point <= 0x10ffff;
		size_t used = utf8_next(bytes, size, &is_valid);

		assert_int_equal(is_valid, want);
		assert_int_equal(used, want ? size : 1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(characters_are_code_points),
	cmocka_unit_test(every_code_point_but_the_surrogates_is_valid),
};

unit_main(tests)
