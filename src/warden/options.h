/* SPDX-License-Identifier: Apache-2.0
 * options.h: the warden's command line, beyond what every provider has.
 */
#pragma once
#include "provider/cmdline.h"

struct options {
	struct common_options common; /* first: the rows of cmdline.h count from it */
	unsigned turn;                /* tells the wardens of one server apart */
	const char *python, *root, *preload;
	uint64_t zygote_max_forks, zygote_max_seconds;
	const char *skip_stage; /* test builds only */
};

struct options options_default(void);

extern const struct cmdline options_cmdline;
