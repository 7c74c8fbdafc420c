/* SPDX-License-Identifier: Apache-2.0
 *
 * A key is found by its tag, which is no secret, and compared by its SHA-256 in constant time. Without such a tag the same hash is
 * made and compared with nothing, so that the time tells neither.
 */
#include "jobs/keys.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_LENGTH 80 /* sx_, 12 digits, _, 64 digits */
#define TAG_START  3
#define TAG_LENGTH 12
#define WINDOW_S   60

struct key {
	struct store_key stored;
	double tokens;
	nsec_t filled_at;
	unsigned running;
};

struct keys {
	struct key *list;
	size_t count;
};

int keys_new(struct keys **ret_keys)
{
	*ret_keys = calloc(1, sizeof **ret_keys);
	return *ret_keys ? 0 : -ENOMEM;
}

void keys_free(struct keys *keys)
{
	if (keys)
		free(keys->list);
	free(keys);
}

static struct key *find_id(const struct keys *keys, uint64_t id)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->list[i].stored.id == id)
			return &keys->list[i];
	}
	return NULL;
}

static bool is_sound(const struct store_key *key)
{
	return key->id != STORE_NO_KEY && key->scopes != 0 && (key->scopes | STORE_SCOPES) == STORE_SCOPES &&
	       strnlen(key->tag, sizeof key->tag) == TAG_LENGTH && memchr(key->name, '\0', sizeof key->name) &&
	       memchr(key->environments, '\0', sizeof key->environments) && memchr(key->providers, '\0', sizeof key->providers) &&
	       key->priority_max >= 0 && key->priority_max <= STORE_PRIORITY_MAX && limits_check(&key->most, NULL) == 0;
}

int keys_replace(struct keys *keys, const char *records, size_t size, uint32_t count)
{
	struct key *list = calloc(count > 0 ? count : 1, sizeof *list);
	size_t at = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct key *key = &list[i];
		const struct key *before;

		if (!store_take(records, size, &at, &key->stored, sizeof key->stored) || !is_sound(&key->stored)) {
			free(list);
			return -EPROTO;
		}
		before = find_id(keys, key->stored.id);
		key->tokens = before ? before->tokens : key->stored.burst;
		key->filled_at = before ? before->filled_at : clock_now();
		key->running = before ? before->running : 0;
	}
	free(keys->list);
	*keys = (struct keys){ .list = list, .count = count };
	return 0;
}

size_t keys_count(const struct keys *keys)
{
	return keys->count;
}

static const char *bearer(const char *header)
{
	static const char scheme[] = "Bearer ";

	if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
		return NULL;
	header += sizeof scheme - 1;
	return header + strspn(header, " ");
}

const struct store_key *keys_find(const struct keys *keys, const char *header)
{
	static const uint8_t nothing[SHA256_DIGEST_SIZE];
	const char *text = bearer(header);
	uint8_t digest[SHA256_DIGEST_SIZE];
	const struct store_key *found = NULL;
	struct sha256_ctx hash;

	if (!text || strlen(text) != KEY_LENGTH)
		return NULL;
	for (size_t i = 0; i < keys->count; i++) {
		if (memcmp(keys->list[i].stored.tag, text + TAG_START, TAG_LENGTH) == 0)
			found = &keys->list[i].stored;
	}
	sha256_init(&hash);
	sha256_update(&hash, KEY_LENGTH, (const uint8_t *)text);
	sha256_digest(&hash, sizeof digest, digest);
	return nettle_memeql_sec(digest, found ? found->hash : nothing, sizeof digest) && found ? found : NULL;
}

const struct store_key *keys_get(const struct keys *keys, uint64_t id)
{
	const struct key *key = find_id(keys, id);

	return key ? &key->stored : NULL;
}

static void fill(struct key *key, nsec_t now)
{
	double grown = (double)(now - key->filled_at) / (double)NSEC_PER_SEC * key->stored.per_minute / WINDOW_S;

	key->tokens = key->tokens + grown > key->stored.burst ? key->stored.burst : key->tokens + grown;
	key->filled_at = now;
}

/* Seconds until so many tokens have grown, rounded up. */
static uint32_t wait_s(const struct key *key, double tokens)
{
	return tokens <= 0 ? 0 : (uint32_t)(tokens * WINDOW_S / key->stored.per_minute) + 1;
}

bool keys_take(struct keys *keys, uint64_t id, uint32_t count, nsec_t now, struct keys_rate *ret_rate)
{
	struct key *key = find_id(keys, id);
	bool is_granted;

	*ret_rate = (struct keys_rate){ 0 };
	if (!key)
		return false;
	if (key->stored.per_minute == 0)
		return true;
	fill(key, now);
	is_granted = key->tokens >= count;
	if (is_granted)
		key->tokens -= count;
	*ret_rate = (struct keys_rate){
		.limit = key->stored.burst,
		.window_s = wait_s(key, key->stored.burst),
		.remaining = (uint32_t)key->tokens,
		.reset_s = wait_s(key, key->stored.burst - key->tokens),
		.retry_s = is_granted ? 0 : wait_s(key, count - key->tokens),
	};
	return is_granted;
}

bool keys_enter(struct keys *keys, uint64_t id)
{
	struct key *key = find_id(keys, id);

	if (!key || (key->stored.concurrency > 0 && key->running >= key->stored.concurrency))
		return false;
	key->running++;
	return true;
}

void keys_leave(struct keys *keys, uint64_t id)
{
	struct key *key = find_id(keys, id);

	if (key && key->running > 0)
		key->running--;
}
