/* SPDX-License-Identifier: Apache-2.0
 * keys.h: the API keys that a front goes by: finding one in constant time, and what each has left of its rate and its runs at once.
 * The store says which there are; who they are is known before a request's body is read.
 */
#pragma once
#include "base/clock.h"
#include "wire/store.h"

struct keys;

int keys_new(struct keys **ret_keys);
void keys_free(struct keys *keys);

/* Goes by these from now on; a key that was there before keeps what it has used up. -EPROTO: they are no keys; -ENOMEM. */
int keys_replace(struct keys *keys, const char *records, size_t size, uint32_t count);

size_t keys_count(const struct keys *keys);

/* The key of an Authorization header, "Bearer sx_...", or NULL. Whether a key is there does not show in the time that it takes. */
const struct store_key *keys_find(const struct keys *keys, const char *header);

/* By its id, or NULL: it was revoked. */
const struct store_key *keys_get(const struct keys *keys, uint64_t id);

struct keys_rate {
	uint32_t limit, window_s;    /* 0: no rate is set */
	uint32_t remaining, reset_s; /* until it is full again */
	uint32_t retry_s;            /* when refused: until the next one */
};

/* Takes count requests off the key's rate. False: there are too few left, and nothing is taken. A key that is gone has none. */
bool keys_take(struct keys *keys, uint64_t id, uint32_t count, nsec_t now, struct keys_rate *ret_rate);

/* Counts a run of the key that begins or has ended. False: it has as many as it may. */
bool keys_enter(struct keys *keys, uint64_t id);
void keys_leave(struct keys *keys, uint64_t id);
