/* SPDX-License-Identifier: Apache-2.0
 * profile.h: what a hardened container may ask of the kernel, and what of the kernel it does not see: the table of the native
 * provider's guests (spec/syscalls.def) in the Engine's words.
 */
#pragma once
#include <jansson.h>

/* A seccomp profile as `docker run --security-opt seccomp=` takes it. New; NULL: no memory. */
json_t *profile_new_seccomp(void);

/* Paths to be covered, and paths to be made read-only, as MaskedPaths and ReadonlyPaths take them. New; NULL: no memory. */
json_t *profile_new_masked_paths(void);
json_t *profile_new_readonly_paths(void);
