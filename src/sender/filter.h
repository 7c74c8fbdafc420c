/* SPDX-License-Identifier: Apache-2.0
 * filter.h: what the sender may still do: connections, and reading below /etc, where names and certificates are.
 */
#pragma once
#include "sandbox/sandbox.h"

extern const struct sandbox_profile sender_profile;
