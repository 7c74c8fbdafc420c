/* SPDX-License-Identifier: Apache-2.0
 * cmdline.h: a provider's command line, as a table of rows: those of every provider, and its own. From the same rows come the
 * parser and --help. People write `safexec serve`; these are the options it passes on.
 */
#pragma once
#include "base/err.h"
#include "spec/limits.h"

#include <stdbool.h>
#include <stdio.h>

#define CMDLINE_MAX_SLOTS 1000
#define CMDLINE_MAX_ROWS  24 /* a provider's own */

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CANNOT_RUN = 3 };

/* The first member of each provider's struct options. */
struct common_options {
	bool is_doctor, is_help, is_version;
	int supervisor_fd;
	struct limits most; /* of any job: the ceilings or what --limit-max says, and at least what --limit says */
	struct limits unasked;
	unsigned slots, idle; /* 0 until cmdline_parse has fitted them to the machine */
	const char *name;
};

#define COMMON_OPTIONS_DEFAULT \
	{ \
		.supervisor_fd = -1, .name = "default" \
	}

struct cmdline_row;

/* Stores what text says in the row's field. -EINVAL with a sentence. Text may be kept by pointer. */
typedef int cmdline_parse_fn(const struct cmdline_row *row, const char *text, void *field, struct err *err);

struct cmdline_row {
	const char *name, *argument; /* argument: NULL for a flag, whose field is a bool */
	const char *help;            /* NULL: --help does not list it */
	cmdline_parse_fn *parse;
	size_t offset; /* of the field in the provider's struct options */
	uint64_t min, max;
};

cmdline_parse_fn cmdline_parse_flag;     /* bool */
cmdline_parse_fn cmdline_parse_unsigned; /* unsigned, min..max */
cmdline_parse_fn cmdline_parse_u64;      /* uint64_t, min..max */
cmdline_parse_fn cmdline_parse_name;     /* const char *: letters, digits, '-' and '_' */
cmdline_parse_fn cmdline_parse_path;     /* const char *: absolute */
cmdline_parse_fn cmdline_parse_text;     /* const char *: as it is */
cmdline_parse_fn cmdline_parse_limit;    /* struct limits: NAME=VALUE */

struct cmdline {
	const char *program; /* "safexec-warden" */
	const char *usage;   /* how --help begins; whole lines */
	const char *started_by;
	const struct cmdline_row *rows; /* its own, at most CMDLINE_MAX_ROWS */
	size_t rows_count;
};

/* options: the provider's own struct, with its defaults. -EINVAL with a sentence. Text is kept by pointer into argv. */
int cmdline_parse(const struct cmdline *cmdline, int argc, char **argv, struct common_options *options, struct err *err);

void cmdline_print_help(const struct cmdline *cmdline, FILE *to);

/* What comes first in a provider's main: the log, the command line, --help and --version, signals, the umask. -1: go on; else
 * the exit status. */
int cmdline_begin(const struct cmdline *cmdline, int argc, char **argv, struct common_options *options);
