/* SPDX-License-Identifier: Apache-2.0 */
#include "store/commands.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "store/audit.h"
#include "store/control.h"
#include "store/keys.h"
#include "store/state.h"
#include "store/store.h"

#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct wanted {
	struct store_key key;
	const char *limits;
};

enum option_id { OPT_SCOPES = 1, OPT_RATE, OPT_BURST, OPT_CONCURRENCY, OPT_PRIORITY, OPT_ENVIRONMENTS, OPT_PROVIDERS, OPT_LIMITS };

static const struct option long_options[] = {
	{ "scopes", required_argument, NULL, OPT_SCOPES },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "burst", required_argument, NULL, OPT_BURST },
	{ "concurrency", required_argument, NULL, OPT_CONCURRENCY },
	{ "priority-max", required_argument, NULL, OPT_PRIORITY },
	{ "environments", required_argument, NULL, OPT_ENVIRONMENTS },
	{ "providers", required_argument, NULL, OPT_PROVIDERS },
	{ "max", required_argument, NULL, OPT_LIMITS },
	{ NULL, 0, NULL, 0 },
};

static int parse_count(const char *name, uint64_t max, uint32_t *ret_value, struct err *err)
{
	uint64_t value;

	if (num_parse_u64(optarg, 1, max, &value) < 0)
		return err_say(err, -EINVAL, "--%s must be a number from 1 to %" PRIu64 ".", name, max);
	*ret_value = (uint32_t)value;
	return 0;
}

static int copy_names(const char *name, char *room, size_t size, struct err *err)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,";
	size_t length = strlen(optarg);

	if (length == 0 || length >= size || strspn(optarg, chars) != length)
		return err_say(err, -EINVAL, "--%s must be names with commas between, at most %zu characters.", name, size - 1);
	memcpy(room, optarg, length + 1);
	for (char *at = room; (at = strchr(at, ','));)
		*at = ' ';
	return 0;
}

static int take_option(int id, struct wanted *wanted, struct err *err)
{
	struct store_key *key = &wanted->key;
	uint32_t priority = 0;
	int r;

	switch (id) {
	case OPT_SCOPES:
		if (keys_parse_scopes(optarg, &key->scopes) < 0)
			return err_say(err, -EINVAL, "--scopes must be of run, jobs and admin, with commas between.");
		return 0;
	case OPT_RATE:
		return parse_count("rate", 1000000, &key->per_minute, err);
	case OPT_BURST:
		return parse_count("burst", 1000000, &key->burst, err);
	case OPT_CONCURRENCY:
		return parse_count("concurrency", 10000, &key->concurrency, err);
	case OPT_PRIORITY:
		r = parse_count("priority-max", STORE_PRIORITY_MAX, &priority, err);
		key->priority_max = (int32_t)priority;
		return r;
	case OPT_ENVIRONMENTS:
		return copy_names("environments", key->environments, sizeof key->environments, err);
	case OPT_PROVIDERS:
		return copy_names("providers", key->providers, sizeof key->providers, err);
	case OPT_LIMITS:
		wanted->limits = optarg;
		return keys_parse_limits(optarg, &key->most, err);
	default:
		return err_say(err, -EINVAL, "that is no option of keys add, or its value is missing");
	}
}

static int parse_wanted(int argc, char **argv, struct wanted *wanted, struct err *err)
{
	*wanted = (struct wanted){ .key = { .scopes = STORE_SCOPE_RUN | STORE_SCOPE_JOBS }, .limits = "" };
	optind = 0; /* getopt(3): starts anew */
	opterr = 0;
	for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		int r = take_option(id, wanted, err);

		if (r < 0)
			return r;
	}
	if (optind != argc - 1 || !store_is_name(argv[optind]))
		return err_say(err, -EINVAL, "A name is needed, of letters, digits and \"-_.@\", at most 63.");
	(void)snprintf(wanted->key.name, sizeof wanted->key.name, "%s", argv[optind]);
	if (wanted->key.burst == 0)
		wanted->key.burst = wanted->key.per_minute;
	if (wanted->key.per_minute == 0 && wanted->key.burst != 0)
		return err_say(err, -EINVAL, "--burst needs --rate.");
	return 0;
}

/* The key goes to standard output alone, so that it can be piped to where it belongs. */
static int show_key(const char *name, const char *key)
{
	(void)fprintf(stderr, "The key of %s, shown this once:\n", name);
	return puts(key) < 0 || fflush(stdout) != 0 ? FAILED : DONE;
}

static int tell(int r, const char *name)
{
	switch (r) {
	case -EEXIST:
		log_line("There is a key named %s already: rotate or revoke it.", name);
		break;
	case -ENOENT:
		log_line("There is no key named %s.", name);
		break;
	case -ENOSPC:
		log_line("There are %d keys already, and no more can be.", STORE_KEYS_MAX);
		break;
	default:
		log_line("The database failed: %s.", strerrordesc_np(-r));
	}
	return FAILED;
}

static int announce(void)
{
	int r = control_announce();

	if (r >= 0)
		return DONE;
	log_line("The change is stored, but the running server does not confirm it (%s).", strerrordesc_np(-r));
	return FAILED;
}

static int keys_command_add(struct db *db, int argc, char **argv)
{
	struct wanted wanted;
	struct err err = { 0 };
	char key[KEY_BYTES];
	int r = parse_wanted(argc, argv, &wanted, &err);

	if (r < 0) {
		log_line("%s", err.text);
		return USAGE;
	}
	r = keys_add(db, &wanted.key, wanted.limits, store_now_ms(), key);
	if (r < 0)
		return tell(r, wanted.key.name);
	r = show_key(wanted.key.name, key);
	explicit_bzero(key, sizeof key);
	return announce() == DONE ? r : FAILED;
}

static int keys_command_rotate(struct db *db, int argc, char **argv)
{
	char key[KEY_BYTES];
	int r;

	if (argc != 2)
		return USAGE;
	r = keys_rotate(db, argv[1], key);
	if (r < 0)
		return tell(r, argv[1]);
	r = show_key(argv[1], key);
	explicit_bzero(key, sizeof key);
	return announce() == DONE ? r : FAILED;
}

static int keys_command_revoke(struct db *db, int argc, char **argv)
{
	int r;

	if (argc != 2)
		return USAGE;
	r = keys_revoke(db, argv[1]);
	return r < 0 ? tell(r, argv[1]) : announce();
}

static void print_key(const struct store_key *key)
{
	char scopes[32], rate[32] = "-", concurrency[16] = "-";

	keys_write_scopes(key->scopes, scopes, sizeof scopes);
	if (key->per_minute > 0)
		(void)snprintf(rate, sizeof rate, "%u/min", key->per_minute);
	if (key->concurrency > 0)
		(void)snprintf(concurrency, sizeof concurrency, "%u", key->concurrency);
	printf("%-24s sx_%-12s %-16s %-12s %-6s %s\n", key->name, key->tag, scopes, rate, concurrency,
	       key->environments[0] != '\0' ? key->environments : "any");
}

static int keys_command_list(struct db *db, int argc, char **argv)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_KEYS_MAX * sizeof(struct store_key));
	struct store_key key;
	uint32_t count;
	int r;

	(void)argv;
	if (argc != 1)
		return USAGE;
	r = keys_load(db, &parcel, &count);
	if (r < 0)
		return tell(r, "");
	printf("%-24s %-15s %-16s %-12s %-6s %s\n", "NAME", "KEY BEGINS", "SCOPES", "RATE", "RUNS", "ENVIRONMENTS");
	for (size_t at = 0; store_take(parcel.bytes, parcel.size, &at, &key, sizeof key);)
		print_key(&key);
	return DONE;
}

/* What receivers of callbacks need to check their signatures. */
static int keys_command_secret(struct db *db, int argc, char **argv)
{
	sqlite3_stmt *row = db_use(db, DB_VALUE);
	int r;

	(void)argv;
	if (argc != 1)
		return USAGE;
	(void)sqlite3_bind_text(row, 1, CALLBACK_SECRET, -1, SQLITE_STATIC);
	r = db_step(row);
	if (r != 1) {
		log_line("There is no secret before the server has run once.");
		return FAILED;
	}
	for (int i = 0; i < sqlite3_column_bytes(row, 0); i++)
		printf("%02x", ((const uint8_t *)sqlite3_column_blob(row, 0))[i]);
	puts("");
	(void)sqlite3_reset(row);
	return DONE;
}

static const struct {
	const char *name, *usage;
	int (*run)(struct db *db, int argc, char **argv);
} keys_commands[] = {
	{ "add",
	  "add NAME [--scopes run,jobs,admin] [--rate N] [--burst N] [--concurrency N] [--priority-max N]\n"
	  "             [--environments E,...] [--providers P,...] [--max \"wall_ms=5000 memory_bytes=64M ...\"]",
	  keys_command_add },
	{ "list", "list", keys_command_list },
	{ "revoke", "revoke NAME", keys_command_revoke },
	{ "rotate", "rotate NAME", keys_command_rotate },
	{ "callback-secret", "callback-secret", keys_command_secret },
};

static int keys_usage(void)
{
	(void)fputs("Usage: safexec keys [--state DIR] COMMAND\n", stderr);
	array_for_each(keys_commands, command)
		(void)fprintf(stderr, "  %s\n", command->usage);
	return USAGE;
}

static int keys_run(int argc, char **argv)
{
	_cleanup_(db_close) struct db db = { 0 };
	struct err err = { 0 };

	array_for_each(keys_commands, command) {
		int status;

		if (argc < 1 || strcmp(argv[0], command->name) != 0)
			continue;
		if (db_open(&db, &err) < 0) {
			log_line("%s", err.text);
			return FAILED;
		}
		status = command->run(&db, argc, argv);
		return status == USAGE ? keys_usage() : status;
	}
	return keys_usage();
}

static int verify_file(const char *name, char chain[AUDIT_HASH_BYTES], uint64_t *total)
{
	struct err err = { 0 };
	uint64_t lines = 0;
	FILE *file = fopen(name, "re");
	int r = file ? audit_verify(file, chain, &lines, &err) : -errno;

	if (!file)
		(void)err_set(&err, r, "it cannot be opened");
	else
		(void)fclose(file);
	if (r < 0)
		log_line("%s: %s", name, err.text);
	*total += lines;
	return r;
}

/* Without a file: all of the state folder, from the first line ever. */
static int log_verify(int argc, char **argv)
{
	char chain[AUDIT_HASH_BYTES] = "";
	uint64_t lines = 0;
	glob_t found = { 0 };
	int r = 0;

	if (argc > 1) {
		for (int i = 1; i < argc && r == 0; i++)
			r = verify_file(argv[i], chain, &lines);
	} else {
		(void)memset(chain, '0', sizeof chain - 1);
		(void)glob("audit-*.log", 0, NULL, &found);
		for (size_t i = 0; i < found.gl_pathc && r == 0; i++)
			r = verify_file(found.gl_pathv[i], chain, &lines);
		globfree(&found);
		if (r == 0)
			r = verify_file("audit.log", chain, &lines);
	}
	if (r == 0)
		printf("%" PRIu64 " lines, unbroken; the last hash is %s\n", lines, chain);
	return r < 0 ? FAILED : DONE;
}

int commands_run(const struct options *options)
{
	_cleanup_(fd_closep) int folder = -EBADF;
	struct err err = { 0 };
	const char *group = options->command[0];
	bool is_log = strcmp(group, "log") == 0;

	if (is_log && (options->command_count < 2 || strcmp(options->command[1], "verify") != 0)) {
		(void)fputs("Usage: safexec log [--state DIR] verify [FILE]...\n", stderr);
		return USAGE;
	}
	if (!is_log && strcmp(group, "keys") != 0) {
		log_line("%s: no such command", group);
		return USAGE;
	}
	if ((!is_log || options->command_count == 2) &&
	    (state_enter(options->state, &folder, &err) < 0 || state_become_owner(folder, &err) < 0)) {
		log_line("%s", err.text);
		return FAILED;
	}
	return is_log ? log_verify(options->command_count - 1, options->command + 1)
		      : keys_run(options->command_count - 1, options->command + 1);
}
