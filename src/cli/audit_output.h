/* SPDX-License-Identifier: Apache-2.0
 * audit_output.h: where the report of an audit goes: standard output, or a file for each of its forms. They are opened before anything is
 * tried, so that nobody waits a minute to be told of a folder that is not there.
 */
#pragma once
#include "base/err.h"
#include "cli/audit_report.h"

#include <limits.h>
#include <stdbool.h>

#define AUDIT_MAX_FORMS 8

struct audit_output {
	struct audit_form {
		const struct audit_format *format;
		char path[PATH_MAX]; /* "": standard output */
		int fd;
		bool is_new; /* removed again when there is no report */
	} forms[AUDIT_MAX_FORMS];
	unsigned count;
};

/* forms: their names, parted by commas, as audit_output_check has found right. path: NULL for standard output, which takes one form; with
 * several it names FILE.md and so on. -EINVAL: several and no path; other -errno: a file that cannot be written. */
int audit_output_open(struct audit_output *output, const char *forms, const char *path, struct err *err);

/* Whether the list holds names of forms only, each once. */
bool audit_output_check(const char *forms);

/* Writes the report in each form, over what was in the file. -EIO: not whole. */
int audit_output_write(struct audit_output *output, const struct audit_report *report);

/* Closes all, and removes the new files that nothing was written to. */
void audit_output_close(struct audit_output *output);

/* Whether a word is one of a list whose words are parted by commas. */
bool audit_is_listed(const char *list, const char *word);
