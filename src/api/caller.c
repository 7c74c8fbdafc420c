/* SPDX-License-Identifier: Apache-2.0 */
#include "api/caller.h"

#include "api/internal.h"

#define LOOPBACK_SHARE 4

bool caller_admit(struct call *call)
{
	call->caller = (struct caller){ .most = call->api->options.most, .share = LOOPBACK_SHARE };
	return true;
}
