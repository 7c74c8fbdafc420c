/* SPDX-License-Identifier: Apache-2.0
 * options.h: the Docker provider's command line, beyond what every provider has.
 */
#pragma once
#include "provider/cmdline.h"

enum profile { PROFILE_HARDENED, PROFILE_ORIGINAL };

struct options {
	struct common_options common; /* first: the rows of cmdline.h count from it */
	const char *image, *engine_socket;
	const char *runtime; /* NULL: the Engine's own choice */
	enum profile profile;
};

struct options options_default(void);

const char *profile_name(enum profile profile);

extern const struct cmdline options_cmdline;
