/* SPDX-License-Identifier: Apache-2.0
 * commands.h: `safexec keys ...` and `safexec log verify`, which become this program: nothing else of ours reads the database.
 */
#pragma once
#include "store/options.h"

/* Runs options->command. Returns an exit status: 0 done, 1 it failed, 2 the command line is wrong. */
int commands_run(const struct options *options);
