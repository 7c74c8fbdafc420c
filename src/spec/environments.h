/* SPDX-License-Identifier: Apache-2.0
 * environments.h: what is known of environments by their names: their modules, and their runs' limits.
 */
#pragma once
#include "spec/limits.h"

#define ENVIRONMENTS_MAX        8
#define ENVIRONMENTS_NAME_BYTES 32
#define ENVIRONMENTS_DEFAULT    "base" /* of a run that names none */

/* As a front knows one. */
struct environment_limits {
	const char *name;
	struct limits limits; /* of a run that says nothing else */
};

/* The modules that an environment of that name has imported ahead, when nobody has said. Never NULL. */
const char *environments_preload(const char *name);
