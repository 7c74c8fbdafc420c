/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "wire/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AN_ID "job_0123456789abcdef0123456789abcdef"

union call {
	struct store_head head;
	struct store_hello hello;
	struct store_submit submit;
	struct store_get get;
	struct store_list list;
	struct store_claim claim;
	struct store_result result;
	struct store_release release;
	struct store_audit audit;
};

#define GOOD(t, type_struct, fds_count, ...) \
	{ \
		{ .type_struct = { .head = { STORE_MAGIC, (t), 7 }, __VA_ARGS__ } }, sizeof(struct store_##type_struct), \
			(fds_count) \
	}

static const struct {
	union call call;
	size_t size, fds;
} good[] = {
	GOOD(STORE_HELLO, hello, 0, .count = 0),
	GOOD(STORE_HELLO, hello, 1, .count = 1),
	GOOD(STORE_SUBMIT, submit, 1, .count = STORE_BATCH_MAX),
	GOOD(STORE_GET, get, 0, .id = AN_ID),
	GOOD(STORE_CANCEL, get, 0, .id = AN_ID, .is_any = 1),
	GOOD(STORE_LIST, list, 0, .count = STORE_LIST_MAX, .states = 15),
	GOOD(STORE_CLAIM, claim, 0, .count = STORE_CLAIM_MAX),
	GOOD(STORE_RESULT, result, 1, .number = 1, .verdict = "ok"),
	GOOD(STORE_RELEASE, release, 0, .number = 1),
	GOOD(STORE_AUDIT, audit, 0, .size = STORE_AUDIT_MAX),
};

static void a_call_is_known_by_magic_type_size_and_parcel_together(void **state)
{
	(void)state;
	array_for_each(good, c) {
		union call call = c->call;
		bool takes_either = c->call.head.type == STORE_HELLO;

		assert_true(store_check_call(&call, (ssize_t)c->size, c->fds));
		assert_false(store_check_call(&call, (ssize_t)c->size - 1, c->fds));
		assert_false(store_check_call(&call, (ssize_t)c->size + 1, c->fds));
		assert_false(store_check_call(&call, 0, c->fds));
		assert_int_equal(store_check_call(&call, (ssize_t)c->size, 1 - c->fds), takes_either);
		assert_false(store_check_call(&call, (ssize_t)c->size, 2));
		call.head.magic++;
		assert_false(store_check_call(&call, (ssize_t)c->size, c->fds));
		call.head.magic--;
		call.head.type = STORE_ANSWER;
		assert_false(store_check_call(&call, (ssize_t)c->size, c->fds));
	}
}

static const struct {
	union call call;
	size_t size, fds;
} bad[] = {
	GOOD(STORE_HELLO, hello, 1, .count = STORE_BATCH_MAX + 1),
	GOOD(STORE_SUBMIT, submit, 1, .count = 0),
	GOOD(STORE_SUBMIT, submit, 1, .count = STORE_BATCH_MAX + 1),
	GOOD(STORE_SUBMIT, submit, 1, .count = 1, .zero = 1),
	GOOD(STORE_GET, get, 0, .id = ""),
	GOOD(STORE_GET, get, 0, .id = "job_0123456789abcdef0123456789abcdeF"),
	GOOD(STORE_GET, get, 0, .id = AN_ID "0"),
	GOOD(STORE_GET, get, 0, .id = AN_ID, .is_any = 2),
	GOOD(STORE_LIST, list, 0, .count = 0),
	GOOD(STORE_LIST, list, 0, .count = STORE_LIST_MAX + 1),
	GOOD(STORE_LIST, list, 0, .count = 1, .states = 16),
	GOOD(STORE_LIST, list, 0, .count = 1, .before = UINT64_MAX),
	GOOD(STORE_CLAIM, claim, 0, .count = 0),
	GOOD(STORE_CLAIM, claim, 0, .count = STORE_CLAIM_MAX + 1),
	GOOD(STORE_RESULT, result, 1, .number = 1, .verdict = ""),
	GOOD(STORE_RESULT, result, 1, .number = 1, .verdict = "o\nk"),
	GOOD(STORE_RESULT, result, 1, .number = UINT64_MAX, .verdict = "ok"),
	GOOD(STORE_RELEASE, release, 0, .number = UINT64_MAX),
	GOOD(STORE_AUDIT, audit, 0, .size = 0),
	GOOD(STORE_AUDIT, audit, 0, .size = STORE_AUDIT_MAX + 1),
};

static void a_call_with_a_field_out_of_its_range_is_refused(void **state)
{
	(void)state;
	array_for_each(bad, c) {
		if (store_check_call(&c->call, (ssize_t)c->size, c->fds))
			fail_msg("row %td is taken", c - bad);
	}
}

static void a_verdict_without_an_end_is_refused(void **state)
{
	struct store_result call = { .head = STORE_HEAD(STORE_RESULT, 1), .number = 1 };

	(void)state;
	memset(call.verdict, 'a', sizeof call.verdict);
	assert_false(store_check_call(&call, sizeof call, 1));
}

static void a_parcel_is_read_whole_up_to_its_maximum_and_only_when_sealed(void **state)
{
	_cleanup_(fd_closep) int sealed = fd_new_sealed("parcel", "12345", 5);
	_cleanup_(fd_closep) int open_one = memfd_create("parcel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *bytes = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(store_read_parcel(sealed, 5, &bytes, &size), 0);
	assert_int_equal(size, 5);
	assert_string_equal(bytes, "12345");
	free(bytes);
	assert_int_equal(store_read_parcel(sealed, 4, &bytes, &size), -EFBIG);
	assert_int_equal(store_read_parcel(open_one, 5, &bytes, &size), -EPERM);
	assert_int_equal(store_read_parcel(STDIN_FILENO, 5, &bytes, &size), -EINVAL);
}

static int take(const struct store_item *item, const char *rest, size_t rest_size)
{
	char parcel[sizeof *item + 64];
	struct store_item got;
	const char *body, *url;
	size_t at = 0;

	memcpy(parcel, item, sizeof *item);
	memcpy(parcel + sizeof *item, rest, rest_size);
	return store_take_item(parcel, sizeof *item + rest_size, &at, &got, &body, &url);
}

static void an_item_is_taken_only_when_every_field_is_in_its_range(void **state)
{
	static const struct {
		struct store_item item;
		size_t rest;
		int want;
	} cases[] = {
		{ { .body_size = 2, .url_size = 1 }, 3, 0 },
		{ { .body_size = 2, .url_size = 1 }, 2, -EPROTO },
		{ { .body_size = 3, .url_size = 0 }, 2, -EPROTO },
		{ { .body_size = 0, .url_size = 1 }, 3, -EPROTO },
		{ { .body_size = UINT32_MAX, .url_size = UINT32_MAX }, 3, -EPROTO },
		{ { .body_size = 2, .url_size = STORE_URL_MAX + 1 }, 3, -EPROTO },
		{ { .body_size = 2, .priority = STORE_PRIORITY_MAX }, 2, 0 },
		{ { .body_size = 2, .priority = STORE_PRIORITY_MAX + 1 }, 2, -EPROTO },
		{ { .body_size = 2, .priority = -STORE_PRIORITY_MAX - 1 }, 2, -EPROTO },
		{ { .body_size = 2, .deadline_ms = UINT64_MAX }, 2, -EPROTO },
		{ { .body_size = 2, .zero = 1 }, 2, -EPROTO },
		{ { .body_size = 2, .once = "a b" }, 2, -EPROTO },
		{ { .body_size = 2, .once = "a-b" }, 2, 0 },
	};

	(void)state;
	array_for_each(cases, c)
		assert_int_equal(take(&c->item, "{}u", c->rest), c->want);
	assert_int_equal(take(&cases[0].item, "{}\n", 3), -EPROTO); /* a URL with a newline */
}

static void names_ids_and_idempotency_keys_have_a_form(void **state)
{
	char longest[STORE_ONCE_MAX + 2];

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[STORE_ONCE_MAX + 1] = '\0';
	assert_false(store_is_once(longest));
	longest[STORE_ONCE_MAX] = '\0';
	assert_true(store_is_once(longest));
	longest[sizeof((struct store_key *)NULL)->name] = '\0';
	assert_false(store_is_name(longest));
	longest[sizeof((struct store_key *)NULL)->name - 1] = '\0';
	assert_true(store_is_name(longest));
	assert_false(store_is_name(""));
	assert_false(store_is_name("a b"));
	assert_true(store_is_id(AN_ID));
	assert_string_equal(store_state_name(STORE_CANCELED), "canceled");
	assert_null(store_state_name(STORE_STATES));
	assert_null(store_delivery_name(STORE_DELIVERIES));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_call_is_known_by_magic_type_size_and_parcel_together),
	cmocka_unit_test(a_call_with_a_field_out_of_its_range_is_refused),
	cmocka_unit_test(a_verdict_without_an_end_is_refused),
	cmocka_unit_test(a_parcel_is_read_whole_up_to_its_maximum_and_only_when_sealed),
	cmocka_unit_test(an_item_is_taken_only_when_every_field_is_in_its_range),
	cmocka_unit_test(names_ids_and_idempotency_keys_have_a_form),
};

unit_main(tests)
