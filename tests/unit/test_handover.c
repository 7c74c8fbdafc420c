/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/handover.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void what_one_program_writes_the_next_one_reads(void **state)
{
	static const struct handover cases[] = {
		{ 3, 4, 5, 6, 9, 7, 8, 10, 11, 12, 13, .turn = 1 },
		{ .listen_fd = 3,
		  .warden_fd = 3,
		  .warden = 1,
		  .front_fd = -EBADF,
		  .store_fd = -EBADF,
		  .sender_fd = -EBADF,
		  .turn = 1 },
		{ INT_MAX, INT_MAX, INT_MAX, INT_MAX, INT_MAX, UINT_MAX, UINT_MAX, INT_MAX, INT_MAX, INT_MAX, INT_MAX,
		  .turn = UINT_MAX },
	};

	(void)state;
	array_for_each(cases, c) {
		char text[HANDOVER_TEXT_BYTES];
		struct handover got;

		handover_write(c, text);
		assert_int_equal(handover_read(text, &got), 0);
		assert_int_equal(got.listen_fd, c->listen_fd);
		assert_int_equal(got.warden_fd, c->warden_fd);
		assert_int_equal(got.warden, c->warden);
		assert_int_equal(got.front, c->front);
		assert_int_equal(got.front_uid, c->front_uid);
		assert_int_equal(got.front_gid, c->front_gid);
		assert_int_equal(got.front_fd, c->front_fd);
		assert_int_equal(got.store, c->store);
		assert_int_equal(got.store_fd, c->store_fd);
		assert_int_equal(got.sender, c->sender);
		assert_int_equal(got.sender_fd, c->sender_fd);
		assert_int_equal(got.turn, c->turn);
	}
}

static void what_another_version_wrote_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"check",
		"1 listen=3 turn=1 warden=5/4 front=6 ids=7/8",
		"1 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=11/12 ",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=11/12x",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10",
		"2 listen=2 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/2 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=0 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=0/4 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=-1/4 front=6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=-6/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=0/7 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=6/2 ids=7/8 store=9/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=0/10 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/-1 sender=11/12",
		"2 listen=3 turn=1 warden=5/4 front=6/7 ids=7/8 store=9/10 sender=-1/12",
	};

	(void)state;
	array_for_each(texts, text) {
		struct handover got = { .turn = 77 };

		if (handover_read(*text, &got) != -EBADMSG || got.turn != 77)
			fail_msg("\"%s\" is taken", *text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_program_writes_the_next_one_reads),
		cmocka_unit_test(what_another_version_wrote_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
