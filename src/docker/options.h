/* SPDX-License-Identifier: Apache-2.0
 * options.h: the Docker provider's command line. People write `safexec serve`; these are the options it passes on.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

#define OPTIONS_MAX_SLOTS 1000

enum profile { PROFILE_HARDENED, PROFILE_ORIGINAL };

struct options {
	bool is_doctor, is_help, is_version;
	int supervisor_fd;
	unsigned slots, idle; /* 0 until options_parse has fitted them to the machine */
	const char *name, *image, *engine_socket;
	const char *runtime; /* NULL: the Engine's own choice */
	enum profile profile;
};

/* -EINVAL with a sentence. Text is kept by pointer into argv. */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);

const char *profile_name(enum profile profile);

/* The text of --help. */
extern const char options_help[];
