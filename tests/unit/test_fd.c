/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void an_owner_closes_at_the_end_of_its_block(void **state)
{
	int seen;

	(void)state;
	{
		_cleanup_(fd_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		seen = fd;
		assert_true(fcntl(seen, F_GETFD) >= 0);
	}
	assert_int_equal(fcntl(seen, F_GETFD), -1);
}

static void a_taken_descriptor_stays_open_and_its_owner_is_empty(void **state)
{
	int kept;

	(void)state;
	{
		_cleanup_(fd_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		kept = fd_take(&fd);
		assert_int_equal(fd, -EBADF);
	}
	assert_true(fcntl(kept, F_GETFD) >= 0);
	assert_int_equal(fd_close(kept), -EBADF);
}

static void closing_keeps_errno_and_ignores_what_is_no_descriptor(void **state)
{
	(void)state;
	errno = EXDEV;
	assert_int_equal(fd_close(-EBADF), -EBADF);
	assert_int_equal(fd_close(-1), -EBADF);
	assert_int_equal(fd_close(100000), -EBADF);
	assert_int_equal(errno, EXDEV);
}

static void a_small_file_is_read_whole_without_its_last_newlines(void **state)
{
	static const struct {
		const char *bytes;
		size_t room;
		ssize_t want;
		const char *text;
	} cases[] = {
		{ "max\n", 16, 3, "max" },
		{ "a b\nc d\n\n", 16, 7, "a b\nc d" },
		{ "", 16, 0, "" },
		{ "\n", 16, 0, "" },
		{ "1234567", 8, 7, "1234567" },
		{ "12345678", 8, -E2BIG, NULL },
		{ "1234567\n", 8, -E2BIG, NULL },
	};
	char path[] = "/tmp/test_fd.XXXXXX";
	_cleanup_(fd_closep) int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	array_for_each(cases, c) {
		char text[16];

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, c->bytes, strlen(c->bytes), 0), strlen(c->bytes));
		assert_int_equal(fd_read_file(AT_FDCWD, path, text, c->room), c->want);
		if (c->text)
			assert_string_equal(text, c->text);
	}
	unlink(path);

	char text[16];

	assert_int_equal(fd_read_file(AT_FDCWD, path, text, sizeof text), -ENOENT);
	assert_int_equal(fd_write_file(AT_FDCWD, path, "x"), -ENOENT);
}

static void a_file_is_written_in_one_piece(void **state)
{
	char path[] = "/tmp/test_fd.XXXXXX", text[16];
	_cleanup_(fd_closep) int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fd_write_file(AT_FDCWD, path, "12\n"), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, path, text, sizeof text), 2);
	assert_string_equal(text, "12");
	assert_int_equal(fd_write_file(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
	unlink(path);
}

static void writing_all_reports_the_first_failure(void **state)
{
	_cleanup_(fd_closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_cleanup_(fd_closep) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(fd_write_all(full, "x", 1), -ENOSPC);
	assert_int_equal(fd_write_all(full, "x", 0), 0);
	assert_int_equal(fd_write_all(null, "xyz", 3), 0);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

static void a_sealed_memfd_can_be_read_and_never_changed(void **state)
{
	_cleanup_(fd_closep) int fd = fd_new_sealed("test", "hello", 5);
	uint64_t size = 0;
	char text[8] = "";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fd_check_sealed(fd, &size), 0);
	assert_int_equal(size, 5);
	assert_int_equal(read(fd, text, sizeof text), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
}

static void an_empty_memfd_is_sealed_too(void **state)
{
	_cleanup_(fd_closep) int fd = fd_new_sealed("test", "", 0);
	uint64_t size = 7;

	(void)state;
	assert_int_equal(fd_check_sealed(fd, &size), 0);
	assert_int_equal(size, 0);
}

static void what_somebody_could_still_change_is_not_accepted_as_sealed(void **state)
{
	static const int all[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
	uint64_t size;

	(void)state;
	array_for_each(all, left_out) {
		_cleanup_(fd_closep) int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals & ~*left_out), 0);
		assert_int_equal(fd_check_sealed(fd, &size), -EPERM);
	}

	_cleanup_(fd_closep) int plain = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(fd_check_sealed(plain, &size), -EINVAL);
	assert_int_equal(fd_check_sealed(-1, &size), -EINVAL);
}

static void nonblocking_can_be_set_and_cleared(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_set_nonblock(ends[0], true), 0);
	assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(ends[0], false), 0);
	assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
	fd_close(ends[0]);
	fd_close(ends[1]);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_owner_closes_at_the_end_of_its_block),
	cmocka_unit_test(a_taken_descriptor_stays_open_and_its_owner_is_empty),
	cmocka_unit_test(closing_keeps_errno_and_ignores_what_is_no_descriptor),
	cmocka_unit_test(a_small_file_is_read_whole_without_its_last_newlines),
	cmocka_unit_test(a_file_is_written_in_one_piece),
	cmocka_unit_test(writing_all_reports_the_first_failure),
	cmocka_unit_test(a_sealed_memfd_can_be_read_and_never_changed),
	cmocka_unit_test(an_empty_memfd_is_sealed_too),
	cmocka_unit_test(what_somebody_could_still_change_is_not_accepted_as_sealed),
	cmocka_unit_test(nonblocking_can_be_set_and_cleared),
};

unit_main(tests)
