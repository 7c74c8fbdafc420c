/* SPDX-License-Identifier: Apache-2.0
 *
 * inih takes lines apart into names and values; it does not tell where it is, cuts long lines and names, and is silent about empty
 * sections. So the lines that it reads pass through read_line(), which counts them, refuses what inih would cut, and sees headings.
 */
#include "cli/config.h"

#include "base/fd.h"
#include "cli/serve_options.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS    " \t\r\n"
#define MAX_NAME  40 /* inih cuts names after 49 bytes */
#define MAX_LINE  1024
#define LINE_ROOM 3 /* what inih wants beside a line: "\r\n" and NUL */

struct parser {
	struct config *config;
	struct config_section *section; /* that lines belong to; NULL before the first heading */
	const char *rest, *end;
	unsigned line;
	struct err *err;
	int status; /* of the first mistake */
};

static void fail(struct parser *parser, const char *sentence, const char *what)
{
	if (parser->status == 0)
		parser->status =
			err_say(parser->err, -EINVAL, "%.100s:%u: %s%.120s", parser->config->path, parser->line, sentence, what);
}

/* --- sections -------------------------------------------------------------------------------------------------------------------- */

static struct config_section *add_section(struct config *config, const struct config_kind *kind, const char *name)
{
	struct config_section *section = &config->sections[config->sections_count];
	unsigned named = 0;

	for (size_t i = 0; i < config->sections_count; i++)
		named += config->sections[i].kind->has_name;
	if (kind->has_name && named == ENVIRONMENTS_MAX)
		return NULL;
	*section = (struct config_section){ .kind = kind };
	(void)snprintf(section->name, sizeof section->name, "%s", name);
	config->sections_count++;
	return section;
}

/* "environment science": its kind, and ret_name is where the name begins, or the end. */
static const struct config_kind *find_kind(const char *heading, const char **ret_name)
{
	size_t size = strcspn(heading, " \t");

	*ret_name = heading + size + strspn(heading + size, " \t");
	for (size_t i = 0; i < config_kinds_count; i++) {
		const struct config_kind *kind = &config_kinds[i];

		if (strlen(kind->name) == size && strncmp(kind->name, heading, size) == 0 && kind->has_name == (**ret_name != '\0'))
			return kind;
	}
	return NULL;
}

static void begin_section(struct parser *parser, const char *heading)
{
	const struct option_row name_row = { .name = "name" };
	const char *name;
	const struct config_kind *kind = find_kind(heading, &name);

	if (!kind) {
		fail(parser, "there is no section ", heading);
		return;
	}
	if (kind->has_name && option_check_name(&name_row, name, NULL) < 0) {
		fail(parser, "a name is 1 to 31 small letters, digits and dashes, and not ", name);
		return;
	}
	parser->section = (struct config_section *)(uintptr_t)config_find(parser->config, kind->name, name);
	if (parser->section && parser->section->line != 0)
		fail(parser, "a section is here for the second time: ", heading);
	if (!parser->section)
		parser->section = add_section(parser->config, kind, name);
	if (!parser->section)
		fail(parser, "there are too many environments; this one is too much: ", heading);
	else
		parser->section->line = parser->line;
}

/* --- lines -------------------------------------------------------------------------------------------------------------------------- */

static void read_heading(struct parser *parser, const char *line)
{
	char heading[2 * ENVIRONMENTS_NAME_BYTES];
	size_t size = strcspn(line, "]");
	const char *tail = line + size;

	tail += *tail == ']';
	tail += strspn(tail, BLANKS);
	if (line[size] != ']' || size >= sizeof heading || (*tail != '\0' && *tail != ';' && *tail != '#')) {
		parser->section = NULL;
		fail(parser, "this is no heading of a section", "");
		return;
	}
	memcpy(heading, line, size);
	heading[size] = '\0';
	begin_section(parser, heading);
}

static bool has_controls(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		bool is_end = byte == '\n' || (byte == '\r' && (i + 1 == size || bytes[i + 1] == '\n'));

		if ((byte < ' ' && byte != '\t' && !is_end) || byte == 0x7f)
			return true;
	}
	return false;
}

/* As fgets(3), for inih. Indented lines come without their blanks: to inih they would go on with the one before. */
static char *read_line(char *line, int room, void *arg)
{
	struct parser *parser = arg;
	const char *newline = memchr(parser->rest, '\n', (size_t)(parser->end - parser->rest));
	const char *end = newline ? newline + 1 : parser->end;
	size_t size;

	if (parser->rest == parser->end || parser->status < 0)
		return NULL;
	parser->line++;
	while (parser->rest < end && (*parser->rest == ' ' || *parser->rest == '\t'))
		parser->rest++;
	size = (size_t)(end - parser->rest);
	line[0] = '\0';
	if (size + LINE_ROOM > (size_t)room) {
		fail(parser, "this line is too long", "");
	} else if (has_controls(parser->rest, size)) {
		fail(parser, "this line holds control characters", "");
	} else {
		memcpy(line, parser->rest, size);
		line[size] = '\0';
	}
	parser->rest = end;
	if (line[0] == '[')
		read_heading(parser, line + 1);
	return line;
}

static void set_value(struct parser *parser, size_t index, const char *value)
{
	struct config_section *section = parser->section;
	const struct option_row *row = &section->kind->rows[index];
	struct err why = { 0 };

	if (section->values[index]) {
		fail(parser, "here for the second time: ", row->name);
		return;
	}
	if (row->check && row->check(row, value, &why) < 0) {
		fail(parser, "", why.text + strspn(why.text, "-")); /* the same sentence as of the option --name */
		return;
	}
	section->values[index] = strdup(value);
	section->lines[index] = parser->line;
	if (!section->values[index])
		parser->status = err_set(parser->err, -ENOMEM, "no memory for the configuration");
}

/* inih's callback. 1: go on, as it must be; mistakes are remembered by fail(). */
static int take_pair(void *arg, const char *ignored, const char *name, const char *value)
{
	struct parser *parser = arg;

	(void)ignored; /* inih's section, cut to 49 bytes */
	if (!parser->section) {
		fail(parser, "a key must stand in a section: ", name);
		return 1;
	}
	for (size_t i = 0; i < parser->section->kind->rows_count; i++) {
		const struct option_row *row = &parser->section->kind->rows[i];

		if (row->owner != OWNER_COMMAND_LINE && row->owner != OWNER_ENVIRONMENT && strlen(name) <= MAX_NAME &&
		    strcmp(row->name, name) == 0) {
			set_value(parser, i, value);
			return 1;
		}
	}
	fail(parser, "this section has no key ", name);
	return 1;
}

/* --- files ------------------------------------------------------------------------------------------------------------------------------ */

int config_parse(const char *path, const char *text, size_t size, struct config *ret_config, struct err *err)
{
	struct parser parser = { .config = ret_config, .rest = text, .end = text + size, .err = err };

	*ret_config = (struct config){ .path = path };
	for (size_t i = 0; i < config_kinds_count; i++)
		(void)add_section(ret_config, &config_kinds[i], config_kinds[i].has_name ? ENVIRONMENTS_DEFAULT : "");

	ini_max_line = MAX_LINE;
	ini_stop_on_first_error = true;

	int r = ini_parse_stream(read_line, &parser, take_pair, &parser);

	if (r > 0) { /* the line without a '='; ours counts the same lines */
		parser.line = (unsigned)r;
		fail(&parser, "this is neither a section nor `key = value`", "");
	} else if (r < 0 && parser.status == 0) {
		parser.status = err_set(err, -ENOMEM, "no memory for the configuration");
	}
	if (parser.status < 0)
		config_free(ret_config);
	return parser.status;
}

int config_load(const char *path, struct config *ret_config, struct err *err)
{
	const char *place = path ? path : CONFIG_PATH;
	_cleanup_(fd_closep) int fd = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	static const size_t room = CONFIG_MAX_BYTES + 1;
	struct stat st;

	*ret_config = (struct config){ 0 };
	if (fd < 0 && errno == ENOENT && !path)
		return config_parse(NULL, "", 0, ret_config, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s cannot be read", place);
	if (!S_ISREG(st.st_mode))
		return err_say(err, -EINVAL, "%s is not a file.", place);

	char *text = malloc(room);
	ssize_t n = text ? pread(fd, text, room, 0) : -1;
	int r;

	if (n < 0)
		r = err_set(err, -errno, "%s cannot be read", place);
	else if ((size_t)n == room)
		r = err_say(err, -E2BIG, "%s is longer than %llu bytes.", place, (unsigned long long)CONFIG_MAX_BYTES);
	else
		r = config_parse(place, text, (size_t)n, ret_config, err);
	free(text);
	return r;
}
