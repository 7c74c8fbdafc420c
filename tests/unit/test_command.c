/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT, PATH_ROW, NAME_ROW, FLAG };

static const struct option_row rows[] = {
	[COUNT] = { .name = "count",
		    .arg = "N",
		    .help = "how many",
		    .def = "5",
		    .check = option_check_number,
		    .min = 1,
		    .max = 10 },
	[PATH_ROW] = { .name = "path", .arg = "PATH", .help = "where", .check = option_check_path },
	[NAME_ROW] = { .name = "name", .arg = "NAME", .help = "who", .check = option_check_name },
	[FLAG] = { .name = "flag", .help = "whether" },
};

static const struct command command = {
	.name = "test", .operand = "FILE", .about = "Tests.", .options = rows, .options_count = ARRAY_SIZE(rows)
};

#define MAX_ARGS 6

static const struct {
	const char *args[MAX_ARGS];
	int want;
	const char *values[ARRAY_SIZE(rows)], *operand, *sentence;
} cases[] = {
	{ { "f" }, 0, { "5", NULL, NULL, NULL }, "f", "" },
	{ { "--count", "7", "f" }, 0, { "7", NULL, NULL, NULL }, "f", "" },
	{ { "f", "--count=10", "--flag" }, 0, { "10", NULL, NULL, "" }, "f", "" },
	{ { "--count", "1", "--count", "2", "f" }, 0, { "2", NULL, NULL, NULL }, "f", "" },
	{ { "--path", "/x", "--name", "a-1", "f" }, 0, { "5", "/x", "a-1", NULL }, "f", "" },
	{ { "--", "--flag" }, 0, { "5", NULL, NULL, NULL }, "--flag", "" },
	{ { "-" }, 0, { "5", NULL, NULL, NULL }, "-", "" },
	{ { "--help" }, 1, { "5" }, NULL, "" },
	{ { "-h" }, 1, { "5" }, NULL, "" },
	{ { "f", "g", "--help" }, 1, { "5" }, NULL, "" },
	{ { NULL }, -EINVAL, { 0 }, NULL, "FILE is missing." },
	{ { "f", "g" }, -EINVAL, { 0 }, NULL, "\"g\" is one argument too many." },
	{ { "--count", "0", "f" }, -ERANGE, { 0 }, NULL, "--count is \"0\"; it must be a whole number from 1 to 10." },
	{ { "--count", "11", "f" }, -ERANGE, { 0 }, NULL, "--count is \"11\"; it must be a whole number from 1 to 10." },
	{ { "--count", "x", "f" }, -EINVAL, { 0 }, NULL, "--count is \"x\"; it must be a whole number from 1 to 10." },
	{ { "--count" }, -EINVAL, { 0 }, NULL, "--count needs a value." },
	{ { "f", "--path" }, -EINVAL, { 0 }, NULL, "--path needs a value." },
	{ { "--path", "x", "f" }, -EINVAL, { 0 }, NULL, "--path is \"x\"; it must be an absolute path." },
	{ { "--name", "A", "f" }, -EINVAL, { 0 }, NULL, "--name is \"A\"; it must be 1 to 31 small letters, digits and dashes." },
	{ { "--flag=1", "f" }, -EINVAL, { 0 }, NULL, "--flag takes no value." },
	{ { "--nothing", "f" }, -EINVAL, { 0 }, NULL, "There is no option --nothing." },
	{ { "f", "--nothing=5" }, -EINVAL, { 0 }, NULL, "There is no option --nothing=5." },
	{ { "-x", "f" }, -EINVAL, { 0 }, NULL, "There is no option -x." },
	{ { "-xy", "f" }, -EINVAL, { 0 }, NULL, "There is no option -x." },
};

static void a_command_line_is_parsed_by_its_table(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		char *argv[MAX_ARGS + 2] = { (char *)(uintptr_t) "test" };
		const char *values[COMMAND_MAX_OPTIONS] = { 0 }, *operand = NULL;
		struct err err = { 0 };
		int argc = 1;

		for (; argc <= MAX_ARGS && c->args[argc - 1]; argc++)
			argv[argc] = (char *)(uintptr_t)c->args[argc - 1];

		int r = command_parse(&command, argc, argv, values, &operand, &err);

		if (r != c->want || strcmp(err.text, c->sentence) != 0)
			fail_msg("case %td: got %d \"%s\", want %d \"%s\"", c - cases, r, err.text, c->want, c->sentence);
		if (r != 0)
			continue;
		assert_string_equal(operand, c->operand);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			assert_int_equal(values[i] == NULL, c->values[i] == NULL);
			if (values[i])
				assert_string_equal(values[i], c->values[i]);
		}
	}
}

static void help_names_every_option_its_range_and_its_default(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	command_help(&command, to);
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(text, "Usage: safexec test [OPTION ...] FILE\n"));
	assert_non_null(strstr(text, "  --count N                   how many, 1 to 10 (default 5)\n"));
	assert_non_null(strstr(text, "  --flag                      whether\n"));
	free(text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_command_line_is_parsed_by_its_table),
	cmocka_unit_test(help_names_every_option_its_range_and_its_default),
};

unit_main(tests)
