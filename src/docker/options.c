/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/options.h"

#include <errno.h>
#include <string.h>

#define ENGINE_SCHEME "unix://"
#define MAX_SOCKET    100 /* a socket's path, unix(7) */
#define MAX_TEXT      255
#define WORD_CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

const char *profile_name(enum profile profile)
{
	return profile == PROFILE_ORIGINAL ? "original" : "hardened";
}

/* What goes into paths of the Engine's API. allowed: more than a word's characters. */
static int parse_word(const struct cmdline_row *row, const char *text, const char *allowed, void *field, struct err *err)
{
	size_t size = strlen(text);
	bool is_fine = size > 0 && size <= MAX_TEXT && text[0] != '.' && text[0] != '-' && !strstr(text, "..");

	if (!is_fine || strspn(text, allowed) != size)
		return err_say(err, -EINVAL, "--%s must be 1 to %d letters, digits and \"%s\", not '%.40s'", row->name, MAX_TEXT,
			       strchr(allowed, '-'), text);
	*(const char **)field = text;
	return 0;
}

static int parse_image(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	return parse_word(row, text, WORD_CHARS "/:@", field, err);
}

static int parse_runtime(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	return parse_word(row, text, WORD_CHARS, field, err);
}

static int parse_engine(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	size_t scheme = strlen(ENGINE_SCHEME);

	if (strncmp(text, ENGINE_SCHEME, scheme) != 0 || text[scheme] != '/' || strlen(text + scheme) > MAX_SOCKET)
		return err_say(err, -EINVAL, "--%s must be unix:// and the absolute path of the Engine's socket, not '%.100s'",
			       row->name, text);
	*(const char **)field = text + scheme;
	return 0;
}

static int parse_profile(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	static const enum profile profiles[] = { PROFILE_HARDENED, PROFILE_ORIGINAL };

	array_for_each(profiles, profile) {
		if (strcmp(text, profile_name(*profile)) == 0) {
			*(enum profile *)field = *profile;
			return 0;
		}
	}
	return err_say(err, -EINVAL, "--%s must be hardened or original, not '%.40s'", row->name, text);
}

static const struct cmdline_row rows[] = {
#define AT(field) offsetof(struct options, field)
	{ "docker-host", "unix://P", "the Engine's socket (default: unix:///var/run/docker.sock)", parse_engine,
	  AT(engine_socket) },
	{ "image", "NAME", "of the containers (default: python:3.11-slim)", parse_image, AT(image) },
	{ "profile", "NAME", "hardened or original (default: hardened)", parse_profile, AT(profile) },
	{ "runtime", "NAME", "the Engine's OCI runtime (default: the Engine's own choice)", parse_runtime, AT(runtime) },
#undef AT
};

const struct cmdline options_cmdline = {
	.program = "safexec-docker",
	.usage = "Usage: safexec-docker --supervisor-fd N [OPTION]...\n"
		 "       safexec-docker --doctor [OPTION]...\n"
		 "The Docker provider of safexec: makes containers and hands them to the front as cells.\n",
	.started_by = "safexec serve --provider docker",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
};

struct options options_default(void)
{
	return (struct options){
		.common = COMMON_OPTIONS_DEFAULT,
		.image = "python:3.11-slim",
		.engine_socket = "/var/run/docker.sock",
		.profile = PROFILE_HARDENED,
	};
}
