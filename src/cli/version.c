/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

static int version(const char *const *values, const char *operand)
{
	(void)values;
	(void)operand;
	puts("safexec " SAFEXEC_VERSION);
	return STATUS_OK;
}

const struct command version_command = {
	.name = "version",
	.summary = "print the version",
	.about = "Prints the version.",
	.run = version,
};
