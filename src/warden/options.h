/* SPDX-License-Identifier: Apache-2.0
 * options.h: the warden's command line, beyond what every provider has.
 */
#pragma once
#include "provider/cmdline.h"
#include "spec/environments.h"

struct environment_options {
	const char *name, *python, *root, *preload;
	unsigned slots, idle;
};

struct options {
	struct common_options common;   /* first: the rows of cmdline.h count from it */
	unsigned turn;                  /* tells the wardens of one server apart */
	struct environment_options all; /* what an environment has that does not say otherwise */
	struct environment_options environments[ENVIRONMENTS_MAX];
	size_t environments_count;
	uint64_t zygote_max_forks, zygote_max_seconds;
	const char *skip_stage; /* test builds only */
};

struct options options_default(void);

/* After cmdline_parse: there is an environment at least, each knows all about itself, and common.slots are those of all of them.
 * -EINVAL with a sentence. */
int options_complete(struct options *options, struct err *err);

extern const struct cmdline options_cmdline;
