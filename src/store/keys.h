/* SPDX-License-Identifier: Apache-2.0
 * keys.h: API keys in the database. A key is `sx_`, 12 hexadecimal digits that name it, `_`, and 64 that are its 256 random bits;
 * it is shown once, and what is stored is its SHA-256. A 256-bit secret needs no slow hash.
 */
#pragma once
#include "base/buf.h"
#include "store/db.h"
#include "wire/store.h"

#define KEY_BYTES 81 /* with its NUL */

/* Appends a struct store_key a key, in the order of their ids, at most STORE_KEYS_MAX. */
int keys_load(struct db *db, struct buf *parcel, uint32_t *ret_count);

/* Adds a key. wanted: all fields but id, tag and hash. limits: as keys_parse_limits reads them. -EEXIST: the name is taken;
 * -ENOSPC: there are STORE_KEYS_MAX of them. */
int keys_add(struct db *db, const struct store_key *wanted, const char *limits, uint64_t now_ms, char key[KEY_BYTES]);

/* Gives a key new bits; the old ones are of no use from then on. -ENOENT. */
int keys_rotate(struct db *db, const char *name, char key[KEY_BYTES]);

/* -ENOENT. */
int keys_revoke(struct db *db, const char *name);

/* "wall_ms=5000 memory_bytes=64M": maxima of a key; what is not named is at the table's maximum. -EINVAL with a sentence. */
int keys_parse_limits(const char *text, struct limits *ret_limits, struct err *err);

/* "run,jobs,admin" and back. -EINVAL. */
int keys_parse_scopes(const char *text, uint32_t *ret_scopes);
void keys_write_scopes(uint32_t scopes, char *text, size_t size);
