/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define FIRST_VALUE    256 /* getopt_long returns this and up for our options, beyond every character; the last one is --help */
#define HELP_VALUE     (FIRST_VALUE + COMMAND_MAX_OPTIONS)
#define HELP_COLUMN    30
#define NAME_CHARS     "abcdefghijklmnopqrstuvwxyz0123456789-"
#define NAME_MAX_CHARS 31

int option_check_number(const struct option_row *row, const char *text, struct err *err)
{
	uint64_t value;
	int r = num_parse_u64(text, row->min, row->max, &value);

	if (r < 0)
		return err_say(err, r, "--%s is \"%s\"; it must be a whole number from %" PRIu64 " to %" PRIu64 ".", row->name,
			       text, row->min, row->max);
	return 0;
}

int option_check_path(const struct option_row *row, const char *text, struct err *err)
{
	if (text[0] != '/')
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be an absolute path.", row->name, text);
	return 0;
}

int option_check_name(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > NAME_MAX_CHARS || strspn(text, NAME_CHARS) != length || text[0] == '-')
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be 1 to %d small letters, digits and dashes.", row->name,
			       text, NAME_MAX_CHARS);
	return 0;
}

static void fill_getopt(const struct command *command, struct option *options)
{
	assert(command->options_count <= COMMAND_MAX_OPTIONS);
	for (size_t i = 0; i < command->options_count; i++) {
		const struct option_row *row = &command->options[i];

		options[i] = (struct option){ .name = row->name,
					      .has_arg = row->arg ? required_argument : no_argument,
					      .val = FIRST_VALUE + (int)i };
	}
	options[command->options_count] = (struct option){ .name = "help", .val = HELP_VALUE };
	options[command->options_count + 1] = (struct option){ 0 };
}

static int take_operand(const struct command *command, int argc, char **argv, const char **ret_operand, struct err *err)
{
	int wanted = command->operand ? 1 : 0;

	if (argc - optind < wanted)
		return err_say(err, -EINVAL, "%s is missing.", command->operand);
	if (argc - optind > wanted && !command->run_words)
		return err_say(err, -EINVAL, "\"%s\" is one argument too many.", argv[optind + wanted]);
	*ret_operand = wanted ? argv[optind] : NULL;
	return 0;
}

/* Says what getopt_long did not like: optopt is one of our values, a character, or 0 for an unknown long option. */
static int explain(const struct command *command, char **argv, bool is_value_missing, struct err *err)
{
	if (optopt >= FIRST_VALUE) {
		const char *name = optopt == HELP_VALUE ? "help" : command->options[optopt - FIRST_VALUE].name;

		return err_say(err, -EINVAL, is_value_missing ? "--%s needs a value." : "--%s takes no value.", name);
	}
	if (optopt > 0)
		return err_say(err, -EINVAL, "There is no option -%c.", optopt);
	return err_say(err, -EINVAL, "There is no option %s.", argv[optind - 1]);
}

/* '+': the operand ends the options, getopt(3). */
static const char *optstring_of(const struct command *command)
{
	return command->run_words ? "+:h" : ":h";
}

int command_parse(const struct command *command, int argc, char **argv, const char **values, const char **ret_operand,
		  struct err *err)
{
	struct option options[COMMAND_MAX_OPTIONS + 2];

	fill_getopt(command, options);
	for (size_t i = 0; i < command->options_count; i++)
		values[i] = command->options[i].def;
	opterr = 0; /* the sentences are ours */
	optind = 0; /* start afresh, getopt(3) */
	for (;;) {
		int chosen = getopt_long(argc, argv, optstring_of(command), options, NULL);

		if (chosen == -1)
			return take_operand(command, argc, argv, ret_operand, err);
		if (chosen == HELP_VALUE || chosen == 'h')
			return 1;
		if (chosen < FIRST_VALUE)
			return explain(command, argv, chosen == ':', err);

		size_t index = (size_t)(chosen - FIRST_VALUE);
		const struct option_row *row = &command->options[index];
		int r = row->check ? row->check(row, optarg, err) : 0;

		if (r < 0)
			return r;
		values[index] = row->arg ? optarg : "";
	}
}

int command_each(const struct command *command, int argc, char **argv, size_t option, int (*take)(const char *text, void *arg),
		 void *arg)
{
	struct option options[COMMAND_MAX_OPTIONS + 2];
	int chosen, r = 0;

	fill_getopt(command, options);
	optind = 0;
	while (r == 0 && (chosen = getopt_long(argc, argv, optstring_of(command), options, NULL)) != -1) {
		if (chosen == FIRST_VALUE + (int)option)
			r = take(optarg, arg);
	}
	return r;
}

void command_help(const struct command *command, FILE *to)
{
	fprintf(to, "Usage: safexec %s%s%s%s%s\n\n%s\n\nOptions:\n", command->name,
		command->options_count > 0 ? " [OPTION ...]" : "", command->operand ? " " : "",
		command->operand ? command->operand : "", command->run_words ? " [ARG ...]" : "", command->about);
	for (size_t i = 0; i < command->options_count; i++) {
		const struct option_row *row = &command->options[i];
		int width = fprintf(to, "  --%s%s%s", row->name, row->arg ? " " : "", row->arg ? row->arg : "");

		fprintf(to, "%*s%s", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", row->help);
		if (row->check == option_check_number)
			fprintf(to, ", %" PRIu64 " to %" PRIu64, row->min, row->max);
		if (row->def)
			fprintf(to, " (default %s)", row->def);
		fprintf(to, "\n");
	}
	fprintf(to, "  %-*s%s\n", HELP_COLUMN - 2, "--help", "print this");
}
