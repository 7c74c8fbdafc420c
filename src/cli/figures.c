/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/figures.h"

#include "base/base64.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_MAX 9999

static const struct form {
	const char *type, *suffix;
	bool is_text; /* else base64 */
} forms[] = {
	{ "image/png", "png", false },
	{ "image/jpeg", "jpg", false },
	{ "image/gif", "gif", false },
	{ "image/svg+xml", "svg", true },
};

/* Creates the first file of a free number; never follows a link, never opens what is there. */
static int create(int folder_fd, const char *suffix, unsigned *number, char name[FIGURES_NAME_BYTES])
{
	while (*number < NUMBER_MAX) {
		(*number)++;
		(void)snprintf(name, FIGURES_NAME_BYTES, "figure-%u.%s", *number, suffix);

		int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

static int write_form(int fd, const struct form *form, const json_t *content)
{
	const char *text = json_string_value(content);
	size_t size = json_string_length(content);

	if (form->is_text)
		return fd_write_all(fd, text, size);

	char *bytes = malloc(base64_decoded_max(size));
	int r = bytes ? base64_decode(text, size, bytes, &size) : -ENOMEM;

	if (r == 0)
		r = fd_write_all(fd, bytes, size);
	free(bytes);
	return r;
}

static int save(const char *folder, const struct form *form, const json_t *content, unsigned *count, char name[FIGURES_NAME_BYTES],
		struct err *err)
{
	_cleanup_(fd_closep) int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder_fd < 0)
		return err_set(err, -errno, "Cannot save a figure in %s", folder);

	_cleanup_(fd_closep) int fd = create(folder_fd, form->suffix, count, name);
	int r = fd < 0 ? fd : write_form(fd, form, content);

	if (r == 0)
		return 0;
	if (fd >= 0)
		(void)unlinkat(folder_fd, name, 0);
	return err_set(err, r, "Cannot save a figure in %s", folder);
}

int figures_save(const char *folder, const json_t *display, unsigned *count, char name[FIGURES_NAME_BYTES], struct err *err)
{
	array_for_each(forms, form) {
		const json_t *content = json_object_get(display, form->type);

		if (json_is_string(content))
			return save(folder, form, content, count, name, err);
	}
	return -ENOMSG;
}
