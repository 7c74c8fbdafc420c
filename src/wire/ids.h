/* SPDX-License-Identifier: Apache-2.0
 * ids.h: the uids and gids that a server uses, and who has which. No user of the host has them: they come from
 * 0x77000000 up, a range that systemd's list of uid ranges leaves unused.
 */
#pragma once
#include "base/err.h"

#define IDS_BLOCK         4096
#define IDS_MAPPED        3072 /* of them appear inside the environment's user namespace, from 0 */
#define IDS_FIRST_GUEST   1000 /* inside; slot N's guest is 1000 + N ... */
#define IDS_FIRST_INIT    2000 /* ... and its init 2000 + N */
#define IDS_MAX_SLOTS     1000
#define IDS_FRONT_OFFSET  4000 /* of the front; it, the store and the sender of callbacks are outside of the mapping */
#define IDS_STORE_OFFSET  4001
#define IDS_SENDER_OFFSET 4002

struct ids {
	uint32_t base; /* the host's id that is 0 inside */
	int claim;     /* held while the server lives */
};

/* Claims the first free block; two servers never share one. -EUSERS: all are taken. */
int ids_claim(struct ids *ret_ids, struct err *err);
