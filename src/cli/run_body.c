/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_body.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/num.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 65536

static int read_all(const char *path, struct buf *bytes, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	_cleanup_(fd_closep) int opened = is_stdin ? -EBADF : open(path, O_RDONLY | O_CLOEXEC);
	int fd = is_stdin ? STDIN_FILENO : opened;

	if (fd < 0)
		return err_set(err, -errno, "Cannot open %s", path);
	for (;;) {
		char *room;
		int r = buf_reserve(bytes, BLOCK_BYTES, &room);

		if (r < 0)
			return err_say(err, r, "%s is too long to be sent.", path);

		ssize_t n = read(fd, room, BLOCK_BYTES);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "Cannot read %s", path);
		if (n > 0)
			buf_grow(bytes, (size_t)n);
	}
}

static int no_memory(struct err *err)
{
	return err_say(err, -ENOMEM, "There is no memory for the request.");
}

static int add_text(json_t *body, const char *key, const char *path, struct err *err)
{
	_cleanup_(buf_free) struct buf bytes = buf_new(RUN_BODY_MAX_BYTES + BLOCK_BYTES);
	int r = read_all(path, &bytes, err);

	if (r < 0)
		return r;

	json_t *text = json_stringn(bytes.size > 0 ? bytes.bytes : "", bytes.size);

	if (!text)
		return err_say(err, -EILSEQ, "%s is not UTF-8 text.", path);
	return json_object_set_new(body, key, text) < 0 ? no_memory(err) : 0;
}

int run_body_add_code(json_t *body, const char *path, struct err *err)
{
	return add_text(body, "code", path, err);
}

int run_body_add_stdin(json_t *body, const char *path, struct err *err)
{
	return add_text(body, "stdin", path, err);
}

/* The list or object of that name, made when it is not there yet. */
static json_t *member(json_t *body, const char *key, json_t *fresh)
{
	json_t *found = json_object_get(body, key);

	if (found) {
		json_decref(fresh);
		return found;
	}
	return json_object_set_new(body, key, fresh) < 0 ? NULL : fresh;
}

static bool has_parent_part(const char *path)
{
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return true;
	}
	return false;
}

static const char *name_in_app(const char *path)
{
	const char *last = strrchr(path, '/');

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return last && (path[0] == '/' || has_parent_part(path)) ? last + 1 : path;
}

static json_t *encode(const struct buf *bytes)
{
	size_t size = base64_encoded_size(bytes->size);
	char *room = malloc(size + 1);

	if (!room)
		return NULL;
	base64_encode(bytes->bytes, bytes->size, room);

	json_t *text = json_stringn_nocheck(room, size);

	free(room);
	return text;
}

int run_body_add_file(json_t *body, const char *path, struct err *err)
{
	_cleanup_(buf_free) struct buf bytes = buf_new(RUN_BODY_MAX_BYTES + BLOCK_BYTES);
	int r = read_all(path, &bytes, err);

	if (r < 0)
		return r;

	const char *encoding = "utf-8";
	json_t *content = json_stringn(bytes.size > 0 ? bytes.bytes : "", bytes.size);

	if (!content) {
		encoding = "base64";
		content = encode(&bytes);
	}

	json_t *file =
		content ? json_pack("{s:s,s:o,s:s}", "path", name_in_app(path), "content", content, "encoding", encoding) : NULL;
	json_t *files = member(body, "files", json_array());

	return !file || !files || json_array_append_new(files, file) < 0 ? no_memory(err) : 0;
}

int run_body_add_limit(json_t *body, const char *text, struct err *err)
{
	size_t length = strcspn(text, "=");
	char name[32], *end;
	uint64_t number;

	if (text[length] != '=' || length == 0 || length >= sizeof name)
		return err_say(err, -EINVAL, "--limit is \"%s\"; it must be NAME=VALUE, as in wall_ms=5000.", text);
	memcpy(name, text, length);
	name[length] = '\0';
	text += length + 1;

	double real = strtod(text, &end);
	json_t *value = NULL;

	if (num_parse_size(text, 0, INT64_MAX, &number) == 0)
		value = json_integer((json_int_t)number);
	else if (end != text && *end == '\0')
		value = json_real(real); /* NULL for infinity and the like */
	if (!value)
		return err_say(err, -EINVAL, "--limit %s is \"%s\"; it must be a number, as in 5000, 256M or 1.5.", name, text);

	json_t *limits = member(body, "limits", json_object());

	return !limits || json_object_set_new(limits, name, value) < 0 ? no_memory(err) : 0;
}

int run_body_add_output(json_t *body, const char *glob, struct err *err)
{
	json_t *text = json_string(glob), *list = member(body, "outputs", json_array());

	if (!text)
		return err_say(err, -EILSEQ, "--output is not UTF-8 text.");
	return !list || json_array_append_new(list, text) < 0 ? no_memory(err) : 0;
}

int run_body_add_args(json_t *body, char **args, struct err *err)
{
	json_t *list = args[0] ? member(body, "args", json_array()) : NULL;

	for (char **arg = args; *arg; arg++) {
		json_t *text = json_string(*arg);

		if (!text)
			return err_say(err, -EILSEQ, "An argument is not UTF-8 text.");
		if (json_array_append_new(list, text) < 0)
			return no_memory(err);
	}
	return 0;
}
