/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"
#include "store/keys.h"

#include "base/macro.h"

#include <nettle/sha2.h>
#include <string.h>

static struct db db;

static int enter(void **state)
{
	struct err err;

	return folder_enter(state) == 0 ? db_open(&db, &err) : -1;
}

static int leave(void **state)
{
	db_close(&db);
	return folder_leave(state);
}

static uint32_t load(struct store_key *keys, size_t room)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_KEYS_MAX * sizeof *keys);
	uint32_t count;

	assert_int_equal(keys_load(&db, &parcel, &count), 0);
	assert_true(count <= room && parcel.size == count * sizeof *keys);
	if (count > 0)
		memcpy(keys, parcel.bytes, parcel.size);
	return count;
}

static const struct store_key wanted = {
	.name = "ci", .scopes = STORE_SCOPE_JOBS, .per_minute = 60, .burst = 5, .environments = "base"
};

static void what_is_stored_is_the_hash_of_the_key_and_not_the_key(void **state)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;
	struct store_key got = { 0 };
	char key[KEY_BYTES] = "", command[KEY_BYTES + 64];

	(void)state;
	assert_int_equal(keys_add(&db, &wanted, "wall_ms=50 memory_bytes=64M", 1, key), 0);
	assert_int_equal(strlen(key), KEY_BYTES - 1);
	assert_int_equal(load(&got, 1), 1);
	sha256_init(&hash);
	sha256_update(&hash, strlen(key), (const uint8_t *)key);
	sha256_digest(&hash, sizeof digest, digest);
	assert_memory_equal(got.hash, digest, sizeof digest);
	assert_memory_equal(got.tag, key + 3, 12);
	assert_string_equal(got.environments, "base");
	assert_int_equal(got.most.wall_ms, 50);
	assert_int_equal(got.most.memory_bytes, 64 * MIB);
	assert_true(got.most.pids > 64);
	(void)snprintf(command, sizeof command, "! grep -q %s safexec.db*", key + 16);
	assert_int_equal(system(command), 0);
}

static void a_rotated_key_keeps_its_name_and_rights_and_no_bit(void **state)
{
	struct store_key before = { 0 }, after = { 0 };
	char old[KEY_BYTES] = "", fresh[KEY_BYTES] = "";

	(void)state;
	assert_int_equal(keys_add(&db, &wanted, "", 1, old), 0);
	(void)load(&before, 1);
	assert_int_equal(keys_rotate(&db, "ci", fresh), 0);
	(void)load(&after, 1);
	assert_string_not_equal(old, fresh);
	assert_memory_not_equal(before.hash, after.hash, sizeof before.hash);
	assert_memory_not_equal(before.tag, after.tag, sizeof before.tag);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.scopes, before.scopes);
	assert_int_equal(keys_rotate(&db, "nobody", fresh), -ENOENT);
}

static void a_name_is_there_once_and_gone_when_revoked_and_its_id_never_comes_again(void **state)
{
	struct store_key first = { 0 }, second = { 0 };
	char key[KEY_BYTES] = "";

	(void)state;
	assert_int_equal(keys_add(&db, &wanted, "", 1, key), 0);
	assert_int_equal(keys_add(&db, &wanted, "", 1, key), -EEXIST);
	(void)load(&first, 1);
	assert_int_equal(keys_revoke(&db, "ci"), 0);
	assert_int_equal(keys_revoke(&db, "ci"), -ENOENT);
	assert_int_equal(load(&second, 1), 0);
	assert_int_equal(keys_add(&db, &wanted, "", 1, key), 0);
	(void)load(&second, 1);
	assert_true(second.id > first.id);
}

static void a_row_that_somebody_else_wrote_opens_nothing(void **state)
{
	struct store_key got = { 0 };
	char key[KEY_BYTES] = "";

	(void)state;
	assert_int_equal(keys_add(&db, &wanted, "", 1, key), 0);
	assert_int_equal(sqlite3_exec(db.handle, "UPDATE keys SET hash = x'00'", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(load(&got, 1), 0);
	assert_int_equal(sqlite3_exec(db.handle, "UPDATE keys SET hash = zeroblob(32), limits = 'wall_ms=0'", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(load(&got, 1), 0);
}

static void scopes_and_limits_are_read_strictly(void **state)
{
	static const char *const bad_scopes[] = { "", "run,", ",run", "run jobs", "root", "run,,jobs" };
	static const char *const bad_limits[] = { "wall_ms", "wall_ms=", "wall_ms=0", "wall=5", "wall_ms=600001", "wall_ms=5x" };
	struct limits limits;
	struct err err;
	char text[32];
	uint32_t scopes;

	(void)state;
	array_for_each(bad_scopes, bad) {
		if (keys_parse_scopes(*bad, &scopes) == 0)
			fail_msg("\"%s\" is taken", *bad);
	}
	assert_int_equal(keys_parse_scopes("admin,run", &scopes), 0);
	keys_write_scopes(scopes, text, sizeof text);
	assert_string_equal(text, "run,admin");
	array_for_each(bad_limits, bad)
		assert_int_equal(keys_parse_limits(*bad, &limits, &err), -EINVAL);
	assert_int_equal(keys_parse_limits("wall_ms=600000,pids=1", &limits, &err), 0);
	assert_int_equal(limits.pids, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

static const struct CMUnitTest tests[] = {
	TEST(what_is_stored_is_the_hash_of_the_key_and_not_the_key),
	TEST(a_rotated_key_keeps_its_name_and_rights_and_no_bit),
	TEST(a_name_is_there_once_and_gone_when_revoked_and_its_id_never_comes_again),
	TEST(a_row_that_somebody_else_wrote_opens_nothing),
	TEST(scopes_and_limits_are_read_strictly),
};

unit_main(tests)
