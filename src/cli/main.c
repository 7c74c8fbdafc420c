/* SPDX-License-Identifier: Apache-2.0
 * The command `safexec`: finds the subcommand, checks its options, runs it.
 */
#include "cli/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = { &serve_command, &run_command,    &ping_command,   &bench_command,
						  &audit_command, &doctor_command, &config_command, &env_command,
						  &jobs_command,  &keys_command,   &log_command,    &version_command };

static void print_overview(FILE *to)
{
	fprintf(to, "Usage: safexec COMMAND [OPTION ...]\n\nRuns Python that nobody trusts, and gives back what it "
		    "printed.\n\nCommands:\n");
	array_for_each(commands, command)
		fprintf(to, "  %-10s%s\n", (*command)->name, (*command)->summary);
	fprintf(to, "  help      print this, or the help of a command\n\n`safexec COMMAND --help` prints a command's options.\n"
		    "Exit status: 0 done, 1 failed, 2 wrong command line, 3 this machine cannot make sandboxes; of `run` the "
		    "program's own.\n");
}

static const struct command *find_command(const char *name)
{
	array_for_each(commands, command) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
	}
	return NULL;
}

static int unknown(const char *name)
{
	fprintf(stderr, "safexec: There is no command \"%s\". `safexec --help` lists them.\n", name);
	return STATUS_USAGE;
}

static int print_help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return unknown(name);
	if (command)
		command_help(command, stdout);
	else
		print_overview(stdout);
	return STATUS_OK;
}

static int run_command_line(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	const char *values[COMMAND_MAX_OPTIONS] = { 0 }, *operand = NULL;
	struct err err = { 0 };

	if (!command)
		return unknown(argv[0]);

	if (command->run_raw && (argc < 2 || (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)))
		return command->run_raw(argc, argv);

	int r = command_parse(command, argc, argv, values, &operand, &err);

	if (r < 0) {
		fprintf(stderr, "safexec %s: %s `safexec %s --help` tells more.\n", command->name, err.text, command->name);
		return STATUS_USAGE;
	}
	if (r > 0)
		return print_help(command->name);
	return command->run_words ? command->run_words(values, argc, argv, argv + optind) : command->run(values, operand);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_overview(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help(NULL);
	if (strcmp(argv[1], "help") == 0)
		return print_help(argc > 2 ? argv[2] : NULL);
	if (strcmp(argv[1], "--version") == 0)
		return version_command.run(NULL, NULL);
	return run_command_line(argc - 1, argv + 1);
}
