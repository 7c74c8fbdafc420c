/* SPDX-License-Identifier: Apache-2.0
 * filter.h: what the front may still do: the system calls of serving sockets, and no file at all.
 */
#pragma once
#include "sandbox/sandbox.h"

extern const struct sandbox_profile front_profile;
