/* SPDX-License-Identifier: Apache-2.0
 * audit_engine.h: the little that an audit asks a Docker Engine itself.
 */
#pragma once
#include "base/err.h"

/* unix://PATH: what was given, or DOCKER_HOST, or the usual place. */
const char *audit_engine_address(const char *given);

/* "Docker 20.10.24, runc"; "" when the Engine does not answer. */
void audit_engine_version(const char *address, char *text, size_t size);

/* Whether the Engine knows an OCI runtime of that name. -ENOENT with a sentence. */
int audit_engine_check_runtime(const char *address, const char *runtime, struct err *err);

/* How many containers, in whatever state, bear the label of a server of ours; -1 when the Engine does not say. */
int audit_engine_count(const char *address, const char *name);
