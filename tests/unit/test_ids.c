/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "wire/ids.h"

#include "base/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#define BLOCKS 256

static uint32_t claim(int *ret_claim)
{
	struct ids ids;
	struct err err;

	assert_int_equal(ids_claim(&ids, &err), 0);
	*ret_claim = ids.claim;
	return ids.base;
}

static void two_servers_never_share_a_block(void **state)
{
	_cleanup_(fd_closep) int first = -EBADF;
	_cleanup_(fd_closep) int second = -EBADF;
	uint32_t one = claim(&first), other = claim(&second);

	(void)state;
	assert_true(other >= one + IDS_BLOCK);
	assert_int_equal((other - one) % IDS_BLOCK, 0);
}

/* More often than there are blocks: one that stayed taken each time would soon leave none. Other servers may come and go. */
static void a_block_is_free_again_when_its_claim_is_closed(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * BLOCKS; i++) {
		int claimed = -EBADF;

		(void)claim(&claimed);
		assert_true(fcntl(claimed, F_GETFD) & FD_CLOEXEC);
		(void)fd_close(claimed);
	}
}

/* In a network namespace of its own, which abstract names belong to, so that no other server is kept from starting. */
static int use_up_all_blocks(void)
{
	struct ids ids;
	struct err err;
	int status;

	if (unshare(CLONE_NEWNET) < 0)
		return 2;
	for (int i = 0; i < BLOCKS - 1; i++) {
		if (ids_claim(&ids, &err) < 0)
			return 3;
	}

	pid_t child = fork();

	if (child == 0) {
		int last = ids_claim(&ids, &err), beyond = ids_claim(&ids, &err);

		_exit(last == 0 && beyond == -EUSERS && err.text[0] ? 0 : 4);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return 5;
	return ids_claim(&ids, &err) == 0 ? 0 : 6; /* the last one died with its claim open */
}

static void the_last_block_can_be_had_and_again_after_a_crash_and_then_it_is_said(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("SKIPPED: only root can make a network namespace\n");
		skip();
	}

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(use_up_all_blocks());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* 16-bit ids, systemd's ranges below 0x70000000, and what a signed 32-bit number cannot hold. */
static void no_id_of_any_block_belongs_to_somebody_else(void **state)
{
	int claims[8];
	uint32_t last = 0;

	(void)state;
	array_for_each(claims, fd) {
		uint32_t base = claim(fd);

		assert_true(base >= 0x77000000u && base < 0x7f000000u);
		assert_true(base > last);
		last = base;
	}
	array_for_each(claims, fd)
		(void)fd_close(*fd);
}

static void ids_within_a_block_do_not_overlap(void **state)
{
	(void)state;
	assert_true(IDS_FIRST_GUEST + IDS_MAX_SLOTS <= IDS_FIRST_INIT);
	assert_true(IDS_FIRST_INIT + IDS_MAX_SLOTS <= IDS_MAPPED);
	assert_true(IDS_FRONT_OFFSET >= IDS_MAPPED && IDS_FRONT_OFFSET < IDS_BLOCK); /* no guest can be the front */
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(two_servers_never_share_a_block),
	cmocka_unit_test(a_block_is_free_again_when_its_claim_is_closed),
	cmocka_unit_test(the_last_block_can_be_had_and_again_after_a_crash_and_then_it_is_said),
	cmocka_unit_test(no_id_of_any_block_belongs_to_somebody_else),
	cmocka_unit_test(ids_within_a_block_do_not_overlap),
};

unit_main(tests)
