/* SPDX-License-Identifier: Apache-2.0
 * options.h: the warden's command line. People write `safexec serve`; these are the options it passes on.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

struct options {
	bool is_doctor, is_help, is_version;
	int supervisor_fd;
	unsigned slots, idle; /* 0 until options_parse has fitted them to the machine */
	const char *name, *python, *root, *preload;
	uint64_t zygote_max_forks, zygote_max_seconds;
	const char *skip_stage; /* test builds only */
};

/* -EINVAL with a sentence. Text is kept by pointer into argv. */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);

/* The text of --help. */
extern const char options_help[];
