/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <errno.h>

#define GROUP 4 /* characters that hold three bytes */
#define BYTES 3

size_t base64_decoded_max(size_t size)
{
	return size / GROUP * BYTES + BYTES;
}

/* The value of a character; -1: it has none. */
static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* How many of the last group's characters are padding: 0, 1 or 2. */
static size_t count_padding(const char *text, size_t size)
{
	if (size == 0 || text[size - 1] != '=')
		return 0;
	return text[size - 2] == '=' ? 2 : 1;
}

int base64_decode(const char *text, size_t size, char *room, size_t *ret_size)
{
	size_t padding, used = 0;

	if (size % GROUP != 0)
		return -EINVAL;
	padding = count_padding(text, size);
	for (size_t at = 0; at < size; at += GROUP) {
		size_t digits = at + GROUP == size ? GROUP - padding : GROUP;
		uint32_t bits = 0;

		for (size_t i = 0; i < GROUP; i++) {
			int digit = i < digits ? digit_of(text[at + i]) : 0;

			if (digit < 0)
				return -EINVAL;
			bits = bits << 6 | (uint32_t)digit;
		}
		if ((digits == 3 && (bits & 0xff) != 0) || (digits == 2 && (bits & 0xffff) != 0))
			return -EINVAL; /* bits beyond the last byte: two texts would mean the same */
		for (size_t i = 0; i + 1 < digits; i++)
			room[used++] = (char)(bits >> (16 - 8 * i));
	}
	*ret_size = used;
	return 0;
}

size_t base64_encoded_size(size_t size)
{
	return (size + BYTES - 1) / BYTES * GROUP;
}

void base64_encode(const void *bytes, size_t size, char *room)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = bytes;

	for (size_t at = 0; at < size; at += BYTES, room += GROUP) {
		size_t n = size - at < BYTES ? size - at : BYTES;
		unsigned bits = (unsigned)in[at] << 16 | (n > 1 ? (unsigned)in[at + 1] << 8 : 0) | (n > 2 ? in[at + 2] : 0);

		room[0] = digits[bits >> 18];
		room[1] = digits[bits >> 12 & 63];
		room[2] = room[3] = '=';
		if (n > 1)
			room[2] = digits[bits >> 6 & 63];
		if (n > 2)
			room[3] = digits[bits & 63];
	}
}
