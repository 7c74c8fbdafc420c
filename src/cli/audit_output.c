/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_output.h"

#include "base/fd.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool audit_is_listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

bool audit_output_check(const char *forms)
{
	size_t wanted = 0; /* how long a list of those that are named, each once, would be */

	for (unsigned i = 0; i < audit_formats_count; i++)
		wanted += audit_is_listed(forms, audit_formats[i].name) ? strlen(audit_formats[i].name) + 1 : 0;
	return wanted > 0 && strlen(forms) + 1 == wanted;
}

/* Opened as it is: what is in it stays until there is something better. */
static int open_file(const char *path, bool *ret_is_new)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	*ret_is_new = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int audit_output_open(struct audit_output *output, const char *forms, const char *path, struct err *err)
{
	const bool is_one = strchr(forms, ',') == NULL;

	*output = (struct audit_output){ 0 };
	if (!path && !is_one)
		return err_say(err, -EINVAL, "--format names several forms: say with --output where to write them.");
	for (unsigned i = 0; i < audit_formats_count; i++) {
		struct audit_form *form = &output->forms[output->count];

		if (!audit_is_listed(forms, audit_formats[i].name))
			continue;
		assert(output->count < AUDIT_MAX_FORMS);
		form->format = &audit_formats[i];
		if (path && (size_t)snprintf(form->path, sizeof form->path, "%s%s%s", path, is_one ? "" : ".",
					     is_one ? "" : form->format->name) >= sizeof form->path)
			return err_say(err, -ENAMETOOLONG, "--output is too long.");
		form->fd = path ? open_file(form->path, &form->is_new) : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		if (form->fd < 0)
			return err_set(err, path ? form->fd : -errno, "Cannot write %s", path ? form->path : "standard output");
		output->count++;
	}
	return 0;
}

static int write_form(struct audit_form *form, const struct audit_report *report)
{
	FILE *to = fdopen(form->fd, "w");

	if (!to)
		return -errno;
	form->fd = -EBADF;
	form->is_new = false;

	bool is_whole = !form->path[0] || ftruncate(fileno(to), 0) == 0 || errno == EINVAL; /* a device has nothing to cut */

	form->format->write(report, to);
	is_whole = fflush(to) == 0 && !ferror(to) && is_whole;

	return fclose(to) == 0 && is_whole ? 0 : -EIO;
}

int audit_output_write(struct audit_output *output, const struct audit_report *report)
{
	int r = 0;

	for (unsigned i = 0; i < output->count && r == 0; i++)
		r = write_form(&output->forms[i], report);
	return r;
}

void audit_output_close(struct audit_output *output)
{
	for (unsigned i = 0; i < output->count; i++) {
		output->forms[i].fd = fd_close(output->forms[i].fd);
		if (output->forms[i].is_new)
			(void)unlink(output->forms[i].path);
	}
	output->count = 0;
}
