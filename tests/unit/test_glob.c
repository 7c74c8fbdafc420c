/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/glob.h"

#include "base/clock.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *glob, *path;
	bool is_match;
} cases[] = {
	{ "a.txt", "a.txt", true },
	{ "a.txt", "b.txt", false },
	{ "a.txt", "a.txt2", false },
	{ "a.txt", "d/a.txt", false },
	{ "*", "a.txt", true },
	{ "*", ".hidden", false },
	{ ".*", ".hidden", true },
	{ "*.csv", "a.csv", true },
	{ "*.csv", "a.csv.gz", false },
	{ "*.csv", "d/a.csv", false },
	{ "d/*", "d/a", true },
	{ "d/*", "d/e/a", false },
	{ "a?c", "abc", true },
	{ "a?c", "ac", false },
	{ "a?c", "a/c", false },
	{ "[a-c]x", "bx", true },
	{ "[a-c]x", "dx", false },
	{ "[!a-c]x", "dx", true },
	{ "[!a-c]x", "ax", false },
	{ "[]x]", "]", true },
	{ "[x", "[x", true },
	{ "[a-]", "-", true },
	{ "a*b*c", "a1b2c", true },
	{ "a*b*c", "a1b2d", false },
	{ "**", "a", true },
	{ "**", "a/b/c", true },
	{ "**", "a/.b/c", false },
	{ "**/*.py", "a.py", true },
	{ "**/*.py", "d/e/a.py", true },
	{ "**/*.py", "d/.e/a.py", false },
	{ "d/**", "d/e/f", true },
	{ "d/**", "d", false },
	{ "d/**", "e/f", false },
	{ "d/**/x", "d/x", true },
	{ "d/**/x", "d/a/b/x", true },
	{ "d/**/x", "d/a/b/y", false },
	{ "**/a/**/b", "x/a/y/b", true },
	{ "**/a/**/b", "x/y/b", false },
	{ "**/.c/x", "d/.c/x", true },
	{ "*/*", "a/b", true },
	{ "*/*", "a", false },
	{ "**x", "ax", true },
	{ "\xff*", "\xff\xfe", true },
	{ "[\xf0-\xff]", "\xfe", true },
	{ "a**", "abc", true },
};

static void a_pattern_matches_whole_paths_part_by_part(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		if (glob_matches(c->glob, c->path) != c->is_match)
			fail_msg("%s and %s: expected %d", c->glob, c->path, c->is_match);
	}
}

static void a_folder_is_entered_when_something_in_it_could_match(void **state)
{
	static const struct {
		const char *glob, *folder;
		bool is_match;
	} folders[] = {
		{ "a.txt", "d", false }, { "d/a", "d", true },     { "d/a", "e", false },       { "*/a", "d", true },
		{ "*", "d", false },     { "**", "d/e/f", true },  { "d/**", "d", true },       { "d/**", "e", false },
		{ "**/x/y", "d", true }, { "d/e/f", "d/e", true }, { "d/e/f", "d/e/f", false }, { "*/a", ".d", false },
	};

	(void)state;
	array_for_each(folders, c) {
		if (glob_may_match_below(c->glob, c->folder) != c->is_match)
			fail_msg("%s below %s: expected %d", c->glob, c->folder, c->is_match);
	}
}

/* What takes fnmatch(3) and the like years. */
static void many_stars_take_no_time(void **state)
{
	char glob[512] = "", path[256] = "";
	nsec_t begin = clock_now();

	(void)state;
	for (size_t i = 0; i < 240; i += 2)
		(void)snprintf(glob + i, sizeof glob - i, "*ab");
	memset(path, 'a', sizeof path - 1);
	assert_false(glob_matches(glob, path));
	(void)snprintf(glob, sizeof glob, "**/a/**/a/**/a/**/a/**/a/**/a/**/a/b");
	(void)snprintf(path, sizeof path, "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a");
	assert_false(glob_matches(glob, path));
	assert_true(clock_now() - begin < 100 * NSEC_PER_MSEC);
}

static void a_pattern_without_wildcards_is_a_path(void **state)
{
	(void)state;
	assert_true(glob_is_literal("d/a.txt"));
	assert_false(glob_is_literal("d/*.txt"));
	assert_false(glob_is_literal("a?"));
	assert_false(glob_is_literal("[a]"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_pattern_matches_whole_paths_part_by_part),
	cmocka_unit_test(a_folder_is_entered_when_something_in_it_could_match),
	cmocka_unit_test(many_stars_take_no_time),
	cmocka_unit_test(a_pattern_without_wildcards_is_a_path),
};

unit_main(tests)
