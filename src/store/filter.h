/* SPDX-License-Identifier: Apache-2.0
 * filter.h: what the store may still do: files below its folder, and the sockets that it has.
 */
#pragma once
#include "sandbox/sandbox.h"

extern const struct sandbox_profile store_profile;
