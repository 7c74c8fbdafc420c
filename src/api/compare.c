/* SPDX-License-Identifier: Apache-2.0 */
#include "api/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 64 /* a longer word is no number */

struct text {
	const char *bytes;
	size_t size, at;
	uint64_t line; /* that `at` is in, from 1 */
};

static const char *const names[] = { [COMPARE_EXACT] = "exact", [COMPARE_LINES] = "lines", [COMPARE_NUMBERS] = "numbers" };

enum compare_how compare_by_name(const char *name)
{
	for (enum compare_how how = 0; how < COMPARE_COUNT; how++) {
		if (strcmp(names[how], name) == 0)
			return how;
	}
	return COMPARE_COUNT;
}

const char *compare_name(enum compare_how how)
{
	return names[how];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_space(char c)
{
	return c == '\n' || is_blank(c);
}

/* The next line without its blanks; false at the end. */
static bool next_line(struct text *text, struct text *ret_line)
{
	if (text->at >= text->size)
		return false;

	const char *from = text->bytes + text->at;
	const char *end = memchr(from, '\n', text->size - text->at);
	const char *to = end ? end : text->bytes + text->size;

	text->at = (size_t)(to - text->bytes) + 1;
	text->line++;
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	*ret_line = (struct text){ .bytes = from, .size = (size_t)(to - from) };
	return true;
}

static void drop_blank_end(struct text *text)
{
	while (text->size > 0 && is_space(text->bytes[text->size - 1]))
		text->size--;
}

static bool is_same(const struct text *a, const struct text *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool compare_lines(struct text *got, struct text *want)
{
	struct text a, b;

	drop_blank_end(got);
	drop_blank_end(want);
	for (;;) {
		bool has_a = next_line(got, &a), has_b = next_line(want, &b);

		if (!has_a && !has_b)
			return true;
		if (!has_a)
			got->line++; /* what is missing would stand after the last one */
		if (has_a != has_b || !is_same(&a, &b))
			return false;
	}
}

/* The next run of bytes that are no space; false at the end. */
static bool next_word(struct text *text, struct text *ret_word)
{
	while (text->at < text->size && is_space(text->bytes[text->at]))
		text->line += text->bytes[text->at++] == '\n';

	size_t from = text->at;

	while (text->at < text->size && !is_space(text->bytes[text->at]))
		text->at++;
	*ret_word = (struct text){ .bytes = text->bytes + from, .size = text->at - from };
	return text->at > from;
}

static bool read_number(const struct text *word, double *ret_value)
{
	char room[NUMBER_BYTES], *end;

	if (word->size == 0 || word->size >= sizeof room || memchr(word->bytes, '\0', word->size))
		return false;
	memcpy(room, word->bytes, word->size);
	room[word->size] = '\0';
	*ret_value = strtod(room, &end);
	return *end == '\0';
}

static bool is_near(const struct text *got, const struct text *want, double tolerance)
{
	double a, b;

	if (is_same(got, want))
		return true;
	if (!read_number(got, &a) || !read_number(want, &b))
		return false;
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return a == b || fabs(a - b) <= tolerance || (isfinite(b) && fabs(a - b) <= tolerance * fabs(b));
}

static bool compare_numbers(struct text *got, struct text *want, double tolerance)
{
	struct text a, b;

	got->line = 1;
	for (;;) {
		bool has_a = next_word(got, &a), has_b = next_word(want, &b);

		if (!has_a && !has_b)
			return true;
		if (has_a != has_b || !is_near(&a, &b, tolerance))
			return false;
	}
}

static bool compare_exact(struct text *got, const struct text *want)
{
	size_t same = 0;

	if (is_same(got, want))
		return true;
	got->line = 1;
	for (; same < got->size && same < want->size && got->bytes[same] == want->bytes[same]; same++)
		got->line += got->bytes[same] == '\n';
	return false;
}

bool compare_output(enum compare_how how, double tolerance, const char *got, size_t got_size, const char *want, size_t want_size,
		    uint64_t *ret_line)
{
	struct text a = { .bytes = got ? got : "", .size = got_size }, b = { .bytes = want ? want : "", .size = want_size };
	bool is_equal = false;

	switch (how) {
	case COMPARE_EXACT:
	case COMPARE_COUNT:
		is_equal = compare_exact(&a, &b);
		break;
	case COMPARE_LINES:
		is_equal = compare_lines(&a, &b);
		break;
	case COMPARE_NUMBERS:
		is_equal = compare_numbers(&a, &b, tolerance);
		break;
	}
	if (!is_equal && ret_line)
		*ret_line = a.line;
	return is_equal;
}
