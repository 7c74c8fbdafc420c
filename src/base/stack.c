/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stack.h"

#include "base/macro.h"

#include <string.h>

__attribute__((noinline)) void stack_wipe(void)
{
	char room[64 * KIB];

	explicit_bzero(room, sizeof room);
}
