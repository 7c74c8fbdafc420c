/* SPDX-License-Identifier: Apache-2.0 */
#include "api/utf8.h"

struct lead {
	unsigned char first, last;               /* the range of lead bytes */
	unsigned char second_first, second_last; /* what may follow at once; any further byte is 80..BF */
	unsigned char size;
};

static const struct lead leads[] = {
	/* Unicode 15, table 3-7 */
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct lead *find_lead(unsigned char byte)
{
	array_for_each(leads, lead) {
		if (byte >= lead->first && byte <= lead->last)
			return lead;
	}
	return NULL;
}

size_t utf8_next(const char *text, size_t size, bool *ret_is_valid)
{
	const unsigned char *bytes = (const unsigned char *)text;

	*ret_is_valid = true;
	if (bytes[0] < 0x80)
		return 1;

	const struct lead *lead = find_lead(bytes[0]);
	size_t used = 1;

	if (lead && size > 1 && bytes[1] >= lead->second_first && bytes[1] <= lead->second_last) {
		used = 2;
		while (used < lead->size && used < size && bytes[used] >= 0x80 && bytes[used] <= 0xbf)
			used++;
	}
	*ret_is_valid = lead && used == lead->size;
	return used;
}

size_t utf8_count(const char *text, size_t size)
{
	size_t count = 0;
	bool is_valid;

	for (size_t at = 0; at < size; count++)
		at += utf8_next(text + at, size - at, &is_valid);
	return count;
}

size_t utf8_cut(const char *text, size_t size)
{
	bool is_valid;

	for (size_t back = 1; back <= 3 && back <= size; back++) {
		unsigned char byte = (unsigned char)text[size - back];
		const struct lead *lead = find_lead(byte);

		if (byte >= 0x80 && byte <= 0xbf)
			continue;
		return lead && lead->size > back && utf8_next(text + size - back, back, &is_valid) == back ? back : 0;
	}
	return 0;
}
