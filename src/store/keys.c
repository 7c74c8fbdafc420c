/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/num.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define TAG_RANDOM_BYTES    6
#define SECRET_RANDOM_BYTES 32
#define LIMITS_TEXT_BYTES   512

static const struct {
	const char *name;
	uint32_t bit;
} scopes_table[] = { { "run", STORE_SCOPE_RUN }, { "jobs", STORE_SCOPE_JOBS }, { "admin", STORE_SCOPE_ADMIN } };

static void write_hex(const uint8_t *bytes, size_t size, char *text)
{
	for (size_t i = 0; i < size; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* A fresh key, its tag and its hash. */
static int make_key(char key[KEY_BYTES], char tag[16], uint8_t hash[SHA256_DIGEST_SIZE])
{
	uint8_t random[TAG_RANDOM_BYTES + SECRET_RANDOM_BYTES];
	char secret[2 * SECRET_RANDOM_BYTES + 1];
	struct sha256_ctx sha;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -EIO;
	write_hex(random, TAG_RANDOM_BYTES, tag);
	write_hex(random + TAG_RANDOM_BYTES, SECRET_RANDOM_BYTES, secret);
	(void)snprintf(key, KEY_BYTES, "sx_%.12s_%s", tag, secret);
	sha256_init(&sha);
	sha256_update(&sha, strlen(key), (const uint8_t *)key);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, hash);
	explicit_bzero(random, sizeof random);
	explicit_bzero(secret, sizeof secret);
	return 0;
}

int keys_parse_scopes(const char *text, uint32_t *ret_scopes)
{
	uint32_t scopes = 0;

	for (const char *at = text; *at != '\0';) {
		size_t size = strcspn(at, ",");
		uint32_t bit = 0;

		array_for_each(scopes_table, row) {
			if (strlen(row->name) == size && strncmp(at, row->name, size) == 0)
				bit = row->bit;
		}
		if (bit == 0)
			return -EINVAL;
		scopes |= bit;
		at += size;
		at += *at == ',' && at[1] != '\0';
	}
	if (scopes == 0)
		return -EINVAL;
	*ret_scopes = scopes;
	return 0;
}

void keys_write_scopes(uint32_t scopes, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	array_for_each(scopes_table, row) {
		if (scopes & row->bit && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "", row->name);
	}
}

static int parse_limit(const char *text, size_t size, struct limits *limits, struct err *err)
{
	char word[64];

	if (size >= sizeof word)
		return err_say(err, -EINVAL, "\"%.40s\" is no limit.", text);
	(void)snprintf(word, sizeof word, "%.*s", (int)size, text);
	for (size_t i = 0; i < limit_rows_count; i++) {
		const struct limit_row *row = &limit_rows[i];
		size_t name = strlen(row->name);
		uint64_t value;

		if (strncmp(word, row->name, name) != 0 || word[name] != '=')
			continue;
		if (num_parse_size(word + name + 1, row->min, row->max, &value) < 0)
			return err_say(err, -EINVAL, "%s must be from %llu to %llu.", row->name, (unsigned long long)row->min,
				       (unsigned long long)row->max);
		memcpy((char *)limits + row->offset, &value, sizeof value);
		return 0;
	}
	return err_say(err, -EINVAL, "\"%s\" is no limit: write NAME=VALUE with a name of safexecd --help.", word);
}

int keys_parse_limits(const char *text, struct limits *ret_limits, struct err *err)
{
	struct limits limits;

	for (size_t i = 0; i < limit_rows_count; i++)
		memcpy((char *)&limits + limit_rows[i].offset, &limit_rows[i].max, sizeof(uint64_t));
	if (strlen(text) >= LIMITS_TEXT_BYTES)
		return err_say(err, -EINVAL, "These limits are too long a text.");
	for (const char *at = text; *at != '\0';) {
		size_t size = strcspn(at, " ,");
		int r = size > 0 ? parse_limit(at, size, &limits, err) : 0;

		if (r < 0)
			return r;
		at += size;
		at += *at != '\0';
	}
	*ret_limits = limits;
	return 0;
}

static void copy_column(sqlite3_stmt *row, int at, char *room, size_t size)
{
	const unsigned char *text = sqlite3_column_text(row, at);

	(void)snprintf(room, size, "%s", text ? (const char *)text : "");
}

/* False for a row that could not have been made by keys_add: it is left out, and opens nothing. */
static bool read_key(sqlite3_stmt *row, struct store_key *key)
{
	char limits[LIMITS_TEXT_BYTES];
	struct err err;

	*key = (struct store_key){
		.id = (uint64_t)sqlite3_column_int64(row, 0),
		.scopes = (uint32_t)sqlite3_column_int64(row, 4),
		.per_minute = (uint32_t)sqlite3_column_int64(row, 5),
		.burst = (uint32_t)sqlite3_column_int64(row, 6),
		.concurrency = (uint32_t)sqlite3_column_int64(row, 7),
		.priority_max = sqlite3_column_int(row, 8),
	};
	copy_column(row, 1, key->tag, sizeof key->tag);
	copy_column(row, 3, key->name, sizeof key->name);
	copy_column(row, 9, key->environments, sizeof key->environments);
	copy_column(row, 10, key->providers, sizeof key->providers);
	copy_column(row, 11, limits, sizeof limits);
	if (sqlite3_column_bytes(row, 2) != SHA256_DIGEST_SIZE || key->id == STORE_NO_KEY ||
	    keys_parse_limits(limits, &key->most, &err) < 0)
		return false;
	memcpy(key->hash, sqlite3_column_blob(row, 2), SHA256_DIGEST_SIZE);
	return true;
}

int keys_load(struct db *db, struct buf *parcel, uint32_t *ret_count)
{
	sqlite3_stmt *row = db_use(db, DB_KEYS);
	struct store_key key;
	uint32_t count = 0;
	int r;

	while ((r = db_step(row)) == 1 && count < STORE_KEYS_MAX) {
		if (!read_key(row, &key))
			continue;
		r = buf_append(parcel, &key, sizeof key);
		if (r < 0)
			break;
		count++;
	}
	(void)sqlite3_reset(row);
	*ret_count = count;
	return r < 0 ? r : 0;
}

static int count_keys(struct db *db)
{
	sqlite3_stmt *row = db_use(db, DB_KEYS);
	int count = 0, r;

	while ((r = db_step(row)) == 1)
		count++;
	return r < 0 ? r : count;
}

static void bind_text(sqlite3_stmt *row, int at, const char *text)
{
	(void)sqlite3_bind_text(row, at, text, -1, SQLITE_STATIC);
}

int keys_add(struct db *db, const struct store_key *wanted, const char *limits, uint64_t now_ms, char key[KEY_BYTES])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	char tag[16];
	int r = count_keys(db);

	if (r >= STORE_KEYS_MAX)
		return -ENOSPC;
	if (r >= 0)
		r = make_key(key, tag, hash);
	if (r < 0)
		return r;

	sqlite3_stmt *row = db_use(db, DB_KEY_ADD);

	bind_text(row, 1, tag);
	(void)sqlite3_bind_blob(row, 2, hash, sizeof hash, SQLITE_STATIC);
	bind_text(row, 3, wanted->name);
	(void)sqlite3_bind_int64(row, 4, wanted->scopes);
	(void)sqlite3_bind_int64(row, 5, wanted->per_minute);
	(void)sqlite3_bind_int64(row, 6, wanted->burst);
	(void)sqlite3_bind_int64(row, 7, wanted->concurrency);
	(void)sqlite3_bind_int64(row, 8, wanted->priority_max);
	bind_text(row, 9, wanted->environments);
	bind_text(row, 10, wanted->providers);
	bind_text(row, 11, limits);
	(void)sqlite3_bind_int64(row, 12, (int64_t)now_ms);
	return db_step(row);
}

int keys_rotate(struct db *db, const char *name, char key[KEY_BYTES])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	char tag[16];
	int r = make_key(key, tag, hash);

	if (r < 0)
		return r;

	sqlite3_stmt *row = db_use(db, DB_KEY_ROTATE);

	bind_text(row, 1, name);
	bind_text(row, 2, tag);
	(void)sqlite3_bind_blob(row, 3, hash, sizeof hash, SQLITE_STATIC);
	r = db_step(row);
	return r < 0 ? r : db_changes(db) == 0 ? -ENOENT : 0;
}

int keys_revoke(struct db *db, const char *name)
{
	sqlite3_stmt *row = db_use(db, DB_KEY_REVOKE);
	int r;

	bind_text(row, 1, name);
	r = db_step(row);
	return r < 0 ? r : db_changes(db) == 0 ? -ENOENT : 0;
}
