/* SPDX-License-Identifier: Apache-2.0
 * command.h: the subcommands of `safexec` and their options as tables, from which parsing, checking and --help are made.
 */
#pragma once
#include "base/err.h"

#include <stdio.h>

/* Exit statuses, the same for every subcommand. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,     /* it was tried and went wrong */
	STATUS_USAGE = 2,      /* the command line is wrong; nothing was tried */
	STATUS_CANNOT_RUN = 3, /* this machine or user lacks what a sandbox needs */
};

#define COMMAND_MAX_OPTIONS 40

struct option_row {
	const char *name;       /* without the dashes */
	const char *arg;        /* what --help calls its value; NULL: a flag */
	const char *help, *def; /* def: the value when it is not given; NULL: none */
	int (*check)(const struct option_row *row, const char *text, struct err *err); /* NULL for flags */
	uint64_t min, max;                                                             /* of a number */
	int owner;                                                                     /* for the command's own use */
};

struct command {
	const char *name, *operand; /* operand: what --help calls the one it needs; NULL: it takes none */
	const char *summary, *about;
	const struct option_row *options;
	size_t options_count;

	/* For a command whose operand may be followed by more words, none of them an option of ours, and whose options may be there
	 * more than once; in the place of `run`. words ends in NULL, and words[0] is the operand. */
	int (*run_words)(const char *const *values, int argc, char **argv, char **words);

	/* values: one text an option, in the table's order, checked; NULL where not given and without default; "" for a flag
	 * that is given. Returns an enum status. */
	int (*run)(const char *const *values, const char *operand);

	/* Instead: a command that has commands of its own gets all that follows, its name first. */
	int (*run_raw)(int argc, char **argv);
};

extern const struct command serve_command, run_command, ping_command, bench_command, audit_command, doctor_command, config_command,
	jobs_command, keys_command, log_command, env_command, version_command;

/* Checks for the tables: a whole number from min to max; an absolute path; a short name. -EINVAL or -ERANGE with a sentence. */
int option_check_number(const struct option_row *row, const char *text, struct err *err);
int option_check_path(const struct option_row *row, const char *text, struct err *err);
int option_check_name(const struct option_row *row, const char *text, struct err *err);

/* Parses what follows the subcommand's name (argv[0]). 0: values and operand are set, and optind(3) is the operand's place; 1: help is asked for; -EINVAL, -ERANGE
 * with a sentence. */
int command_parse(const struct command *command, int argc, char **argv, const char **values, const char **ret_operand,
		  struct err *err);

/* After command_parse: calls `take` with each value of one option, in order, until it returns other than 0; returns that. */
int command_each(const struct command *command, int argc, char **argv, size_t option, int (*take)(const char *text, void *arg),
		 void *arg);

/* Writes the text of --help. */
void command_help(const struct command *command, FILE *to);
