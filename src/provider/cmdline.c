/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/cmdline.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_PER_CPU  4
#define MIN_SLOTS      4
#define MAX_AUTO_SLOTS 64
#define MAX_NAME       40
#define MAX_PATH       1024
#define FIRST_FD       3

_Static_assert(sizeof(int) == sizeof(unsigned), "cmdline_parse_unsigned serves for both");

/* --- values ------------------------------------------------------------------------------------------------------------------- */

int cmdline_parse_flag(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	(void)row;
	(void)text;
	(void)err;
	*(bool *)field = true;
	return 0;
}

int cmdline_parse_u64(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	if (num_parse_u64(text, row->min, row->max, field) == 0)
		return 0;
	return err_say(err, -EINVAL, "--%s must be a number from %" PRIu64 " to %" PRIu64 ", not '%.40s'", row->name, row->min,
		       row->max, text);
}

int cmdline_parse_unsigned(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	uint64_t value = 0;
	int r = cmdline_parse_u64(row, text, &value, err);

	if (r == 0)
		*(unsigned *)field = (unsigned)value;
	return r;
}

int cmdline_parse_name(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t size = strlen(text);

	if (size == 0 || size > MAX_NAME || strspn(text, allowed) != size)
		return err_say(err, -EINVAL, "--%s must be 1 to %d letters, digits, '-' or '_'", row->name, MAX_NAME);
	*(const char **)field = text;
	return 0;
}

int cmdline_parse_path(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	if (text[0] != '/' || strlen(text) > MAX_PATH)
		return err_say(err, -EINVAL, "--%s must be an absolute path", row->name);
	*(const char **)field = text;
	return 0;
}

int cmdline_parse_text(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	(void)row;
	(void)err;
	*(const char **)field = text;
	return 0;
}

int cmdline_parse_limit(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	struct err why;

	return limits_parse(text, field, &why) < 0 ? err_say(err, -EINVAL, "--%s %.200s", row->name, why.text) : 0;
}

/* --- rows --------------------------------------------------------------------------------------------------------------------- */

static const struct cmdline_row common_rows[] = {
#define AT(field) offsetof(struct common_options, field)
	{ "doctor", NULL, "check what this provider needs, one line each", cmdline_parse_flag, AT(is_doctor) },
	{ "supervisor-fd", "N", "a socket to `safexec serve`, which starts this program", cmdline_parse_unsigned, AT(supervisor_fd),
	  FIRST_FD, 1 << 20 },
	{ "slots", "N", "runs at once (default: 4 a CPU)", cmdline_parse_unsigned, AT(slots), 1, CMDLINE_MAX_SLOTS },
	{ "idle", "N", "sandboxes kept ready (default: all slots)", cmdline_parse_unsigned, AT(idle), 1, CMDLINE_MAX_SLOTS },
	{ "limit", "NAME=VALUE", "one that a run has unasked; may be repeated", cmdline_parse_limit, AT(unasked) },
	{ "limit-max", "NAME=VALUE", "the most that any run has; may be repeated", cmdline_parse_limit, AT(most) },
	{ "name", "NAME", "of this server (default: default)", cmdline_parse_name, AT(name) },
	{ "help", NULL, "print this", cmdline_parse_flag, AT(is_help) },
	{ "version", NULL, "print the version", cmdline_parse_flag, AT(is_version) },
#undef AT
};

#define COMMON ARRAY_SIZE(common_rows)

static const struct cmdline_row *row_at(const struct cmdline *cmdline, size_t index)
{
	return index < COMMON ? &common_rows[index] : &cmdline->rows[index - COMMON];
}

void cmdline_print_help(const struct cmdline *cmdline, FILE *to)
{
	(void)fprintf(to, "%s\n", cmdline->usage);
	for (size_t i = 0; i < COMMON + cmdline->rows_count; i++) {
		const struct cmdline_row *row = row_at(cmdline, i);
		char left[40];

		(void)snprintf(left, sizeof left, "--%s %s", row->name, row->argument ? row->argument : "");
		if (row->help)
			(void)fprintf(to, "  %-24s %s\n", left, row->help);
	}
}

/* --- parsing ------------------------------------------------------------------------------------------------------------------ */

static void fit_to_machine(struct common_options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->slots == 0) {
		options->slots = (unsigned)(cpus < 1 ? 1 : cpus) * SLOTS_PER_CPU;
		if (options->slots < MIN_SLOTS)
			options->slots = MIN_SLOTS;
		if (options->slots > MAX_AUTO_SLOTS)
			options->slots = MAX_AUTO_SLOTS;
	}
	if (options->idle == 0 || options->idle > options->slots)
		options->idle = options->slots;
}

int cmdline_parse(const struct cmdline *cmdline, int argc, char **argv, struct common_options *options, struct err *err)
{
	struct option longs[COMMON + CMDLINE_MAX_ROWS + 1] = { 0 };
	int index = 0, r = 0;

	for (size_t i = 0; i < COMMON + cmdline->rows_count; i++) {
		const struct cmdline_row *row = row_at(cmdline, i);

		longs[i] = (struct option){ .name = row->name, .has_arg = row->argument ? required_argument : no_argument };
	}
	options->most = limits_ceiling();
	options->unasked = limits_default();
	opterr = 0;
	for (int c; r == 0 && (c = getopt_long(argc, argv, "", longs, &index)) != -1;) {
		const struct cmdline_row *row = row_at(cmdline, (size_t)index);

		if (c == 0)
			r = row->parse(row, optarg, (char *)options + row->offset, err);
		else
			r = err_say(err, -EINVAL, "unknown option or missing value; see %s --help", cmdline->program);
	}
	if (r < 0)
		return r;
	if (optind < argc)
		return err_say(err, -EINVAL, "'%.40s' is not an option; see %s --help", argv[optind], cmdline->program);
	fit_to_machine(options);
	options->most = limits_at_least(&options->most, &options->unasked);
	if (!options->is_doctor && !options->is_help && !options->is_version && options->supervisor_fd < 0)
		return err_say(err, -EINVAL, "--supervisor-fd is missing; `%s` starts this program", cmdline->started_by);
	return 0;
}

int cmdline_begin(const struct cmdline *cmdline, int argc, char **argv, struct common_options *options)
{
	struct err err = { 0 };

	log_open(cmdline->program);
	if (cmdline_parse(cmdline, argc, argv, options, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	if (options->is_help) {
		cmdline_print_help(cmdline, stdout);
		return EXIT_OK;
	}
	if (options->is_version) {
		(void)printf("%s %s\n", cmdline->program, SAFEXEC_VERSION);
		return EXIT_OK;
	}
	/* Ctrl-C reaches the whole foreground group; the supervisor ends the others in order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	return -1;
}
