/* SPDX-License-Identifier: Apache-2.0
 *
 * Twice the same idea, for the bytes of a part and for the parts of a path: go on greedily, and at a mismatch return to the
 * last star and let it take one more. Only the last one needs to be remembered, so that time is at most the product of
 * both lengths.
 */
#include "wire/glob.h"

#include <string.h>

struct part {
	const char *text;
	size_t size;
};

/* The part at text, and where the next one begins: NULL after the last. */
static struct part part_at(const char *text, const char **ret_next)
{
	size_t size = strcspn(text, "/");

	*ret_next = text[size] ? text + size + 1 : NULL;
	return (struct part){ text, size };
}

static bool is_any_folders(struct part glob)
{
	return glob.size == 2 && memcmp(glob.text, "**", 2) == 0;
}

/* The set at glob, which begins with '[': its size in bytes, or 0 when it has no end; and whether c is in it. */
static size_t match_set(struct part glob, char c, bool *ret_is_in)
{
	size_t at = 1;
	bool is_negated = at < glob.size && glob.text[at] == '!', is_in = false;
	size_t first = is_negated ? ++at : at;

	for (; at < glob.size && (glob.text[at] != ']' || at == first); at++) {
		unsigned char low = (unsigned char)glob.text[at], high = low;

		if (at + 2 < glob.size && glob.text[at + 1] == '-' && glob.text[at + 2] != ']') {
			high = (unsigned char)glob.text[at + 2];
			at += 2;
		}
		is_in |= low <= (unsigned char)c && (unsigned char)c <= high;
	}
	*ret_is_in = is_in != is_negated;
	return at < glob.size ? at + 1 : 0;
}

/* How many bytes of the glob stand for this one byte; 0: it does not match. */
static size_t match_byte(struct part glob, char c)
{
	bool is_in;
	size_t size;

	if (glob.size == 0)
		return 0;
	if (glob.text[0] == '[' && (size = match_set(glob, c, &is_in)) > 0)
		return is_in ? size : 0;
	return glob.text[0] == '?' || glob.text[0] == c ? 1 : 0;
}

static bool match_part(struct part glob, struct part name)
{
	size_t g = 0, n = 0, star = SIZE_MAX, star_n = 0;

	if (name.size > 0 && name.text[0] == '.' && (glob.size == 0 || glob.text[0] != '.'))
		return false;
	while (n < name.size) {
		size_t used = 0;

		if (g < glob.size && glob.text[g] == '*') {
			star = g++;
			star_n = n;
			continue;
		}
		used = match_byte((struct part){ glob.text + g, glob.size - g }, name.text[n]);
		if (used > 0) {
			g += used;
			n++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			n = ++star_n;
		} else {
			return false;
		}
	}
	while (g < glob.size && glob.text[g] == '*')
		g++;
	return g == glob.size;
}

/* A part that begins with a dot: no ** stands for it. */
static bool has_hidden_part(const char *path)
{
	return path[0] == '.' || strstr(path, "/.");
}

/* is_folder: the path's end is enough, wherever in the glob that is. */
static bool match(const char *glob, const char *path, bool is_folder)
{
	const char *star_glob = NULL, *star_path = NULL;

	while (path) {
		const char *next_glob = NULL, *next_path;
		struct part name = part_at(path, &next_path);
		struct part part = glob ? part_at(glob, &next_glob) : (struct part){ "", 0 };

		if (glob && is_any_folders(part)) {
			if (is_folder)
				return true;
			if (!next_glob)
				return !has_hidden_part(path);
			star_glob = next_glob;
			star_path = path;
			glob = next_glob;
		} else if (glob && match_part(part, name)) {
			glob = next_glob;
			path = next_path;
		} else if (star_glob && star_path[0] != '.') {
			(void)part_at(star_path, &star_path);
			glob = star_glob;
			path = star_path;
		} else {
			return false;
		}
	}
	return is_folder ? glob != NULL : glob == NULL;
}

bool glob_matches(const char *glob, const char *path)
{
	return match(glob, path, false);
}

bool glob_may_match_below(const char *glob, const char *folder)
{
	return match(glob, folder, true);
}

bool glob_is_literal(const char *glob)
{
	return !strpbrk(glob, "*?[");
}
