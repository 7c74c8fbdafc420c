/* SPDX-License-Identifier: Apache-2.0
 * serve_options.h: the options of `safexec serve`, which are the keys of [server] in the configuration file as well.
 */
#pragma once
#include "cli/command.h"

/* Whom an option is for. PROVIDER: whichever is chosen; NATIVE and DOCKER: that one only; COMMAND_LINE: no key of the file. */
enum serve_owner {
	OWNER_SELF,
	OWNER_FRONT,
	OWNER_STORE,
	OWNER_SENDER,
	OWNER_PROVIDER,
	OWNER_NATIVE,
	OWNER_DOCKER,
	OWNER_COMMAND_LINE,
	OWNER_ENVIRONMENT
};

enum serve_option {
#define OPTION(id, ...) SERVE_##id,
#include "cli/serve_options.def"
#undef OPTION
	SERVE_OPTIONS_COUNT
};

extern const struct option_row serve_options[SERVE_OPTIONS_COUNT];

#define SERVE_ENGINE_DEFAULT "unix:///var/run/docker.sock"

/* An option of the provider that is not chosen would do nothing: that is a mistake to be told of. A default is none. -EINVAL. */
int serve_refuse_foreign(const char *const *given, enum serve_owner foreign, struct err *err);

/* Fills in the Engine's socket when the values name none: from DOCKER_HOST, which the children do not see. -EINVAL. */
int serve_find_engine(const char **value, struct err *err);
