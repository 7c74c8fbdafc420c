/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "warden/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_40   "0123456789012345678901234567890123456789"
#define MAX_WORDS 32

/* A command line of words separated by blanks; "" as a word is written as ''. */
static int parse(const char *line, struct options *options, struct err *err)
{
	static char text[2048]; /* options point into it */
	char *argv[MAX_WORDS + 2] = { (char[]){ "safexec-warden" } };
	int argc = 1;

	assert_true(strlen(line) < sizeof text);
	memcpy(text, line, strlen(line) + 1);
	for (char *rest = text, *word; (word = strsep(&rest, " ")) && argc <= MAX_WORDS;) {
		if (word[0])
			argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	*err = (struct err){ 0 };
	optind = 0; /* getopt(3): start over */
	*options = options_default();

	int r = cmdline_parse(&options_cmdline, argc, argv, &options->common, err);

	return r < 0 ? r : options_complete(options, err);
}

static void each_limit_is_accepted_and_one_beyond_it_refused(void **state)
{
	static const struct {
		const char *line;
		int want;
		const char *says; /* part of the sentence */
	} cases[] = {
		{ "--slots 1", 0, "" },
		{ "--slots 1000", 0, "" },
		{ "--slots 0", -EINVAL, "--slots must be a number from 1 to 1000, not '0'" },
		{ "--slots 1001", -EINVAL, "--slots must be" },
		{ "--slots -1", -EINVAL, "--slots must be" },
		{ "--slots 1x", -EINVAL, "not '1x'" },
		{ "--slots ''", -EINVAL, "not ''" },
		{ "--slots 18446744073709551617", -EINVAL, "--slots must be" },
		{ "--idle 1", 0, "" },
		{ "--idle 1000", 0, "" },
		{ "--idle 0", -EINVAL, "--idle must be" },
		{ "--idle 1001", -EINVAL, "--idle must be" },
		{ "--limit pids=4096 --limit-max pids=1", 0, "" },
		{ "--limit pids=4097", -EINVAL, "--limit pids=4097: not a number from 1 to 4096" },
		{ "--limit-max pids=0", -EINVAL, "--limit-max pids=0: not a number" },
		{ "--limit-max ids=1", -EINVAL, "the name of a limit" },
		{ "--limit-max pids", -EINVAL, "NAME=VALUE" },
		{ "--supervisor-fd 3", 0, "" },
		{ "--supervisor-fd 1048576", 0, "" },
		{ "--supervisor-fd 2", -EINVAL, "--supervisor-fd must be" },
		{ "--supervisor-fd 1048577", -EINVAL, "--supervisor-fd must be" },
		{ "--zygote-max-forks 1", 0, "" },
		{ "--zygote-max-forks 4294967295", 0, "" },
		{ "--zygote-max-forks 0", -EINVAL, "--zygote-max-forks must be" },
		{ "--zygote-max-forks 4294967296", -EINVAL, "--zygote-max-forks must be" },
		{ "--zygote-max-seconds 1", 0, "" },
		{ "--zygote-max-seconds 4294967295", 0, "" },
		{ "--zygote-max-seconds 0", -EINVAL, "--zygote-max-seconds must be" },
		{ "--zygote-max-seconds 4294967296", -EINVAL, "--zygote-max-seconds must be" },
		{ "--name " TEXT_40, 0, "" },
		{ "--name aZ09-_", 0, "" },
		{ "--name " TEXT_40 "x", -EINVAL, "--name must be 1 to 40" },
		{ "--name ''", -EINVAL, "--name must be 1 to 40" },
		{ "--name a/b", -EINVAL, "--name must be 1 to 40" },
		{ "--name ..", -EINVAL, "--name must be 1 to 40" },
		{ "--root /", 0, "" },
		{ "--root relative", -EINVAL, "--root must be an absolute path" },
		{ "--root ''", -EINVAL, "--root must be an absolute path" },
		{ "--python /usr/bin/python3", 0, "" },
		{ "--python python3", -EINVAL, "--python must be an absolute path" },
		{ "--environment a --environment b", 0, "" },
		{ "--environment a --environment a", -EINVAL, "--environment a is there twice" },
		{ "--environment ''", -EINVAL, "not a name" },
		{ "--environment " TEXT_40, -EINVAL, "not a name" },
		{ "--environment a --environment b --environment c --environment d --environment e --environment f --environment g "
		  "--environment h",
		  0, "" },
		{ "--environment a --environment b --environment c --environment d --environment e --environment f --environment g "
		  "--environment h --environment i",
		  -EINVAL, "one too many" },
		{ "--environment a --own-slots 999 --environment b --own-slots 1", 0, "" },
		{ "--environment a --own-slots 999 --environment b --own-slots 2", -EINVAL, "1001 slots together" },
		{ "--environment a --own-slots 0", -EINVAL, "--own-slots must be" },
		{ "--slots", -EINVAL, "missing value" },
		{ "--unknown", -EINVAL, "unknown option" },
		{ "-x", -EINVAL, "unknown option" },
		{ "--help=now", -EINVAL, "unknown option" },
		{ "stray", -EINVAL, "'stray' is not an option" },
		{ "-- --slots", -EINVAL, "'--slots' is not an option" },
	};

	(void)state;
	array_for_each(cases, c) {
		char line[512];
		struct options options;
		struct err err;

		(void)snprintf(line, sizeof line, "--supervisor-fd 5 %s", c->line);

		int r = parse(line, &options, &err);

		if (r != c->want || !strstr(err.text, c->says))
			fail_msg("%s: %d, not %d: %s", c->line, r, c->want, err.text);
	}
}

static void a_path_has_a_maximum(void **state)
{
	char line[1100] = "--supervisor-fd 5 --root /";
	size_t begin = strlen(line);
	struct options options;
	struct err err;

	(void)state;
	memset(line + begin, 'a', 1023);
	assert_int_equal(parse(line, &options, &err), 0);
	assert_int_equal(strlen(options.environments[0].root), 1024);
	line[begin + 1023] = 'a';
	assert_int_equal(parse(line, &options, &err), -EINVAL);
}

static void what_is_not_said_has_a_default_that_fits_the_machine(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse("--supervisor-fd 5", &options, &err), 0);
	assert_int_equal(options.common.supervisor_fd, 5);
	assert_in_range(options.common.slots, 4, 64);
	assert_int_equal(options.environments[0].idle, options.common.slots);
	assert_string_equal(options.common.name, "default");
	assert_int_equal(options.environments_count, 1);
	assert_string_equal(options.environments[0].name, "base");
	assert_non_null(strstr(options.environments[0].preload, "dataclasses"));
	assert_string_equal(options.environments[0].root, "");
	assert_string_equal(options.environments[0].python, "/usr/bin/python3");
	assert_true(options.zygote_max_forks > 0 && options.zygote_max_seconds > 0);
	assert_false(options.common.is_doctor || options.common.is_help || options.common.is_version);
}

static void no_more_cells_are_kept_ready_than_there_are_slots(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse("--supervisor-fd 5 --slots 3 --idle 9", &options, &err), 0);
	assert_int_equal(options.common.slots, 3);
	assert_int_equal(options.environments[0].idle, 3);
	assert_int_equal(parse("--supervisor-fd 5 --slots 3 --idle 2", &options, &err), 0);
	assert_int_equal(options.environments[0].idle, 2);
}

static void what_stands_before_the_first_environment_holds_for_all(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse("--supervisor-fd 5 --root /r --environment base --environment science --own-slots 1 --preload x "
			       "--root / --slots 3 --idle 2",
			       &options, &err),
			 0);
	assert_int_equal(options.environments_count, 2);
	assert_int_equal(options.common.slots, 4);

	const struct environment_options *base = &options.environments[0], *science = &options.environments[1];

	assert_true(base->slots == 3 && base->idle == 2 && science->slots == 1 && science->idle == 1);
	assert_string_equal(base->root, "/r");
	assert_string_equal(science->root, "/");
	assert_string_equal(science->preload, "x");
	assert_int_equal(parse("--supervisor-fd 5 --environment science", &options, &err), 0);
	assert_non_null(strstr(options.environments[0].preload, "pandas"));
}

static void only_a_server_needs_its_supervisor(void **state)
{
	static const struct {
		const char *line;
		int want;
	} cases[] = {
		{ "", -EINVAL }, { "--slots 2", -EINVAL }, { "--doctor", 0 }, { "--help", 0 }, { "--version", 0 },
	};

	(void)state;
	array_for_each(cases, c) {
		struct options options;
		struct err err;

		assert_int_equal(parse(c->line, &options, &err), c->want);
		assert_true(c->want == 0 || strstr(err.text, "safexec serve"));
	}
}

/* --help as text, to be freed. */
static char *print_help(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	cmdline_print_help(&options_cmdline, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void help_names_every_option(void **state)
{
	static const char *const names[] = { "--doctor",
					     "--slots",
					     "--idle",
					     "--name",
					     "--root",
					     "--python",
					     "--preload",
					     "--help",
					     "--version",
					     "--supervisor-fd",
					     "--zygote-max-forks",
					     "--zygote-max-seconds" };
	char *help = print_help();

	(void)state;
	array_for_each(names, name)
		assert_non_null(strstr(help, *name));
	free(help);
}

#ifndef SAFEXEC_TEST_STAGES
static void a_stage_can_be_left_out_by_a_test_build_only(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse("--supervisor-fd 5 --skip-stage seccomp", &options, &err), -EINVAL);
	char *help = print_help();

	assert_null(strstr(help, "skip-stage"));
	free(help);
}
#endif

static void the_most_of_a_limit_is_what_was_said_and_no_less_than_what_comes_unasked(void **state)
{
	static const struct {
		const char *line;
		uint64_t want_pids;
	} cases[] = {
		{ "", 0 /* the ceiling */ },
		{ "--limit-max pids=70", 70 },
		{ "--limit-max pids=10", 64 },
		{ "--limit-max pids=70 --limit pids=90 --limit pids=80", 80 },
		{ "--limit pids=80 --limit-max pids=70", 80 },
	};

	(void)state;
	array_for_each(cases, c) {
		struct options options;
		struct err err;
		char line[256];

		(void)snprintf(line, sizeof line, "--supervisor-fd 3 %s", c->line);
		assert_int_equal(parse(line, &options, &err), 0);
		assert_int_equal(options.common.most.pids, c->want_pids > 0 ? c->want_pids : limits_ceiling().pids);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_most_of_a_limit_is_what_was_said_and_no_less_than_what_comes_unasked),
	cmocka_unit_test(each_limit_is_accepted_and_one_beyond_it_refused),
	cmocka_unit_test(a_path_has_a_maximum),
	cmocka_unit_test(what_is_not_said_has_a_default_that_fits_the_machine),
	cmocka_unit_test(no_more_cells_are_kept_ready_than_there_are_slots),
	cmocka_unit_test(what_stands_before_the_first_environment_holds_for_all),
	cmocka_unit_test(only_a_server_needs_its_supervisor),
	cmocka_unit_test(help_names_every_option),
#ifndef SAFEXEC_TEST_STAGES
	cmocka_unit_test(a_stage_can_be_left_out_by_a_test_build_only),
#endif
};

unit_main(tests)
