/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outputs.h"

#include "base/base64.h"
#include "base/fd.h"
#include "wire/glob.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 512
#define SHOWN_BYTES    120 /* of a name, in a sentence */

/* Printable, so that it can be shown on a terminal; no part of it empty, ".", ".." or too long. */
static bool is_tame(const char *path)
{
	size_t size = strlen(path), part;

	if (size == 0 || size > PATH_MAX_BYTES || path[size - 1] == '/')
		return false;
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)path[i] < ' ' || path[i] == 127)
			return false;
		if ((unsigned char)path[i] == 0xc2 && (unsigned char)path[i + 1] < 0xa0) /* U+0080 to U+009F */
			return false;
	}
	for (;; path += part + 1) {
		part = strcspn(path, "/");
		if (part == 0 || part > NAME_MAX || (part == 1 && path[0] == '.') || (part == 2 && strncmp(path, "..", 2) == 0))
			return false;
		if (path[part] == '\0')
			return true;
	}
}

static bool was_asked_for(const json_t *globs, const char *path)
{
	const json_t *glob;
	size_t i;

	json_array_foreach(globs, i, glob)
	{
		if (glob_matches(json_string_value(glob), path))
			return true;
	}
	return false;
}

/* The folder that holds the last part of the path, each opened from the one before: no link leads out. */
static int open_parent(int folder, const char *path)
{
	_cleanup_(fd_closep) int at = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	char part[NAME_MAX + 1];

	for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		(void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		if (mkdirat(at, part, 0777) < 0 && errno != EEXIST)
			return -errno;

		int next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return -errno;
		(void)fd_close(at);
		at = next;
	}
	return at < 0 ? -errno : fd_take(&at);
}

static int create(int parent, const char *name, bool may_replace)
{
	struct stat st;

	if (may_replace && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		(void)unlinkat(parent, name, 0); /* not opened: another name of it, or a link in its place, is nobody's business */

	int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

static int write_content(int fd, const json_t *content, bool is_base64)
{
	const char *text = json_string_value(content);
	size_t size = json_string_length(content);

	if (!is_base64)
		return fd_write_all(fd, text, size);

	char *bytes = malloc(base64_decoded_max(size) + 1);
	int r = bytes ? base64_decode(text, size, bytes, &size) : -ENOMEM;

	if (r == 0)
		r = fd_write_all(fd, bytes, size);
	free(bytes);
	return r;
}

static int save(const struct outputs *outputs, const char *path, const json_t *content, bool is_base64)
{
	_cleanup_(fd_closep) int folder = open(outputs->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (folder < 0)
		return -errno;

	_cleanup_(fd_closep) int parent = open_parent(folder, path);
	_cleanup_(fd_closep) int fd = parent < 0 ? parent : create(parent, name, outputs->may_replace);
	int r = fd < 0 ? fd : write_content(fd, content, is_base64);

	if (r < 0 && fd >= 0)
		(void)unlinkat(parent, name, 0);
	return r;
}

int outputs_save(const struct outputs *outputs, const json_t *file, struct err *err)
{
	const json_t *named = json_object_get(file, "path"), *content = json_object_get(file, "content");
	const char *path = json_string_value(named), *encoding = json_string_value(json_object_get(file, "encoding"));

	if (!path || strlen(path) != json_string_length(named) || !is_tame(path) || !was_asked_for(outputs->globs, path))
		return err_say(err, -EPERM,
			       "A file came back that was not asked for, or under a name that is none here; it was not saved.");
	if (!json_is_string(content) || !encoding)
		return err_say(err, -EFBIG, "%.*s was too long to come back.", SHOWN_BYTES, path);

	int r = save(outputs, path, content, strcmp(encoding, "base64") == 0);

	if (r == -EEXIST)
		return err_say(err, r, "%.*s is there already and was kept.", SHOWN_BYTES, path);
	return r < 0 ? err_set(err, r, "Cannot save %.*s in %.100s", SHOWN_BYTES, path, outputs->folder) : 0;
}
