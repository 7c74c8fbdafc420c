/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve_options.h"

#include "cli/listen.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_SCHEME    "unix://"
#define IMAGE_CHARS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@"
#define RUNTIME_CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define RANGES_CHARS     "abcdefghijklmnopqrstuvwxyzABCDEF0123456789.:/[],"
#define RANGES_MAX_CHARS 1023
#define IMAGE_MAX_CHARS  255
#define ENGINE_MAX_CHARS 100 /* a socket's path, unix(7), and the scheme */

static int check_listen(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0)
		return err_say(err, -EINVAL,
			       "--%s is \"%s\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000, or unix:/PATH.",
			       row->name, text);
	return 0;
}

static int check_yes(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be yes or no.", row->name, text);
	return 0;
}

static int check_log_format(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be text or json.", row->name, text);
	return 0;
}

/* The sender reads it again, word by word. */
static int check_ranges(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > RANGES_MAX_CHARS || strspn(text, RANGES_CHARS) != length)
		return err_say(err, -EINVAL,
			       "--%s is \"%.100s\"; it must be public, none, or ranges as in 10.1.0.0/16, with commas between.",
			       row->name, text);
	return 0;
}

static int check_provider(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "native") != 0 && strcmp(text, "docker") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be native or docker.", row->name, text);
	return 0;
}

static int check_profile(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "original") != 0 && strcmp(text, "hardened") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be original or hardened.", row->name, text);
	return 0;
}

static int check_image(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > IMAGE_MAX_CHARS || strspn(text, IMAGE_CHARS) != length || strstr(text, "..") ||
	    !isalnum(text[0]))
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be an image's name, as in python:3.11-slim.", row->name,
			       text);
	return 0;
}

static int check_engine(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(ENGINE_SCHEME);

	if (strncmp(text, ENGINE_SCHEME, length) != 0 || text[length] != '/' || strlen(text) > ENGINE_MAX_CHARS)
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be unix:// and the absolute path of the Engine's socket.",
			       row->name, text);
	return 0;
}

static int check_runtime(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > IMAGE_MAX_CHARS || strspn(text, RUNTIME_CHARS) != length || !isalnum(text[0]))
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be a runtime's name in the Engine, as in runc.",
			       row->name, text);
	return 0;
}

const struct option_row serve_options[SERVE_OPTIONS_COUNT] = {
#define OPTION(id, n, value, default_value, how, least, most, whom, text) \
	[SERVE_##id] = { .name = (n), \
			 .arg = (value), \
			 .help = (text), \
			 .def = (default_value), \
			 .check = (how), \
			 .min = (least), \
			 .max = (most), \
			 .owner = OWNER_##whom },
#include "cli/serve_options.def"
#undef OPTION
};

int serve_refuse_foreign(const char *const *given, enum serve_owner foreign, struct err *err)
{
	array_for_each(serve_options, row) {
		const char *value = given[row - serve_options];
		bool is_foreign = row->owner == (int)foreign || (foreign == OWNER_NATIVE && row->owner == OWNER_ENVIRONMENT);

		if (is_foreign && value && value != row->def)
			return err_say(err, -EINVAL, "--%s is for --provider %s only.", row->name,
				       foreign == OWNER_DOCKER ? "docker" : "native");
	}
	return 0;
}

int serve_find_engine(const char **value, struct err *err)
{
	const char *host = getenv("DOCKER_HOST");

	if (*value)
		return 0;
	*value = host && host[0] ? host : SERVE_ENGINE_DEFAULT;
	if (check_engine(&serve_options[SERVE_DOCKER_HOST], *value, NULL) < 0)
		return err_say(err, -EINVAL,
			       "DOCKER_HOST is \"%.100s\"; it must be unix:// and the absolute path of the Engine's socket.", host);
	return 0;
}
