/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"
#include "unit.h"

#include <string.h>

static int parse(const char *text, struct config *config, struct err *err)
{
	*err = (struct err){ 0 };
	return config_parse("F", text, strlen(text), config, err);
}

/* The value of KIND NAME KEY with the line that it comes from, as "LINE:VALUE"; "" when nothing holds. */
static const char *look(const struct config *config, const char *kind, const char *name, const char *key)
{
	static char text[512];
	char room[CONFIG_VALUE_BYTES];
	const struct config_section *section = config_find(config, kind, name);

	assert_non_null(section);
	for (size_t i = 0; i < section->kind->rows_count; i++) {
		unsigned line;
		const char *value;

		if (strcmp(section->kind->rows[i].name, key) != 0)
			continue;
		value = config_value(config, section, i, room, &line);
		(void)snprintf(text, sizeof text, "%u:%s", line, value ? value : "");
		return value ? text : "";
	}
	fail_msg("no key %s", key);
	return NULL;
}

#define LINE_100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LINE_900 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100

static void each_mistake_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *sentence; /* NULL: fine */
	} cases[] = {
		{ "", NULL },
		{ "\xef\xbb\xbf[server]\n", NULL }, /* a byte order mark, as some editors write */
		{ "# a\n; b\n\n[server]\nlisten = 127.0.0.1:80 ; here\n", NULL },
		{ "[server]\r\nqueue = 5\r\n", NULL },
		{ "[server]\n  queue=5\n\tqueue-ms : 7", NULL },
		{ "[limits]\nmemory_bytes = 64M\n", NULL },
		{ "[environment base]\nroot = /srv\n[environment science]\n", NULL },
		{ "[environment a]\npreload =\n", NULL },
		{ "[environment a]\npreload = json os.path\n", NULL },
		{ "[server]\nqueue = 0\n", "F:2: queue is \"0\"; it must be a whole number from 1 to 10000." },
		{ "[server]\nqueue =\n", "F:2: queue is \"\"; it must be a whole number from 1 to 10000." },
		{ "[server]\n\nlisten = x\n",
		  "F:3: listen is \"x\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000, or unix:/PATH." },
		{ "[server]\nnothing = 1\n", "F:2: this section has no key nothing" },
		{ "[server]\nconfig = /x\n", "F:2: this section has no key config" },
		{ "[server]\nroot = /x\n", "F:2: this section has no key root" },
		{ "[server]\nqueue = 1\nqueue = 1\n", "F:3: here for the second time: queue" },
		{ "[server]\n[limits]\n[server]\n", "F:3: a section is here for the second time: server" },
		{ "[environment a]\n[environment b]\n[environment a]\n",
		  "F:3: a section is here for the second time: environment a" },
		{ "queue = 1\n", "F:1: a key must stand in a section: queue" },
		{ "[nothing]\n", "F:1: there is no section nothing" },
		{ "[server x]\n", "F:1: there is no section server x" },
		{ "[environment]\n", "F:1: there is no section environment" },
		{ "[environment A]\n", "F:1: a name is 1 to 31 small letters, digits and dashes, and not A" },
		{ "[environment 0123456789012345678901234567890]\n", NULL },
		{ "[environment 01234567890123456789012345678901]\n",
		  "F:1: a name is 1 to 31 small letters, digits and dashes, and not 01234567890123456789012345678901" },
		{ "[environment a b]\n", "F:1: a name is 1 to 31 small letters, digits and dashes, and not a b" },
		{ "[server\n", "F:1: this is no heading of a section" },
		{ "[server] x\n", "F:1: this is no heading of a section" },
		{ "[]\n", "F:1: there is no section " },
		{ "[server]\nqueue\n", "F:2: this is neither a section nor `key = value`" },
		{ "[limits]\nwall_ms = 9\n", "F:2: wall_ms is \"9\"; it must be from 10 to 600000 milliseconds." },
		{ "[limits]\nwall_ms = 10\n", NULL },
		{ "[limits]\nwall_ms = 600000\n", NULL },
		{ "[limits]\nwall_ms = 600001\n", "F:2: wall_ms is \"600001\"; it must be from 10 to 600000 milliseconds." },
		{ "[environment a]\npython = python3\n", "F:2: python is \"python3\"; it must be an absolute path." },
		{ "[environment a]\npreload = json,os\n",
		  "F:2: preload is \"json,os\"; it must be names of modules with blanks between them." },
		{ "[server]\nname = a\x01\n", "F:2: this line holds control characters" },
		{ "[server]\nname = a\rb\n", "F:2: this line holds control characters" },
		{ "[server]\nname = a\x7f\n", "F:2: this line holds control characters" },
		{ "#" LINE_900 LINE_100 "xxxxxxxxxxxxxxxxxxx\n[server]\n", NULL },
		{ "#" LINE_900 LINE_100 "xxxxxxxxxxxxxxxxxxxx\n[server]\n", "F:1: this line is too long" },
		{ "[environment a]\n[environment b]\n[environment c]\n[environment d]\n[environment e]\n[environment "
		  "f]\n[environment g]\n",
		  NULL },
	};

	(void)state;
	array_for_each(cases, c) {
		struct config config;
		struct err err;
		int r = parse(c->text, &config, &err);

		if ((r == 0) != !c->sentence || (c->sentence && strcmp(err.text, c->sentence) != 0))
			fail_msg("%s: %d: \"%s\", not \"%s\"", c->text, r, err.text, c->sentence ? c->sentence : "");
		if (r == 0)
			config_free(&config);
	}
}

static void a_line_may_not_hold_nul(void **state)
{
	struct config config;
	struct err err;

	(void)state;
	assert_int_equal(config_parse("F", "[server]\nname = a\0b\n", 20, &config, &err), -EINVAL);
	assert_string_equal(err.text, "F:2: this line holds control characters");
}

static void more_environments_than_there_is_room_for_are_refused(void **state)
{
	char text[1024] = "";
	struct config config;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ENVIRONMENTS_MAX; i++) /* base is there anyway */
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "[environment e%zu]\n", i);
	assert_int_equal(parse(text, &config, &err), -EINVAL);
	assert_string_equal(err.text, "F:8: there are too many environments; this one is too much: environment e7");
	*strrchr(text, '[') = '\0';
	assert_int_equal(parse(text, &config, &err), 0);
	config_free(&config);
}

static void what_is_not_said_is_by_default(void **state)
{
	static const struct {
		const char *kind, *name, *key, *want;
	} cases[] = {
		{ "server", "", "listen", "0:127.0.0.1:5000" },
		{ "server", "", "queue", "2:5" },
		{ "server", "", "slots", "3:9" },
		{ "limits", "", "wall_ms", "5:2000" },
		{ "limits", "", "pids", "0:64" },
		{ "limits-max", "", "wall_ms", "0:60000" },
		{ "environment", "base", "wall_ms", "5:2000" },
		{ "environment", "base", "slots", "3:9" },
		{ "environment", "base", "idle", "" },
		{ "environment", "base", "root", "" },
		{ "environment", "base", "python", "0:/usr/bin/python3" },
		{ "environment", "base", "preload",
		  "0:json re random datetime collections math itertools functools typing dataclasses" },
		{ "environment", "science", "wall_ms", "7:3000" },
		{ "environment", "science", "slots", "8:2" },
		{ "environment", "science", "memory_bytes", "0:134217728" },
		{ "environment", "science", "preload",
		  "0:json re random datetime collections math itertools functools typing dataclasses numpy pandas "
		  "matplotlib.pyplot" },
		{ "environment", "other", "preload", "10:" },
	};
	static const char text[] =
		"[server]\nqueue = 5\nslots = 9\n[limits]\nwall_ms = 2000\n[environment science]\nwall_ms = 3000\n"
		"slots = 2\n[environment other]\npreload =\n";
	struct config config;
	struct err err;

	(void)state;
	assert_int_equal(parse(text, &config, &err), 0);
	assert_null(config_find(&config, "environment", "nothing"));
	array_for_each(cases, c)
		assert_string_equal(look(&config, c->kind, c->name, c->key), c->want);
	config_free(&config);
}

static void a_file_that_is_none_is_refused_and_one_that_is_not_there_too(void **state)
{
	static const struct {
		const char *path;
		int want;
	} cases[] = { { "/nonexistent/x", -ENOENT }, { "/tmp", -EINVAL }, { "/dev/null", -EINVAL } };

	(void)state;
	array_for_each(cases, c) {
		struct config config;
		struct err err;

		assert_int_equal(config_load(c->path, &config, &err), c->want);
		assert_non_null(strstr(err.text, c->path));
		assert_int_equal(config.sections_count, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_mistake_is_named_with_its_line),
	cmocka_unit_test(a_line_may_not_hold_nul),
	cmocka_unit_test(more_environments_than_there_is_room_for_are_refused),
	cmocka_unit_test(what_is_not_said_is_by_default),
	cmocka_unit_test(a_file_that_is_none_is_refused_and_one_that_is_not_there_too),
};

unit_main(tests)
