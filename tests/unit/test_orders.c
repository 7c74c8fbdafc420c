/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/orders.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup_pair(void **state)
{
	static int pair[2];

	*state = pair;
	return frame_new_pair(pair);
}

static int close_pair(void **state)
{
	int *pair = *state;

	pair[0] = fd_close(pair[0]);
	pair[1] = fd_close(pair[1]);
	return 0;
}

static void an_order_arrives_as_it_was_sent(void **state)
{
	const int *pair = *state;
	struct order got, sent = {
		.type = ORDER_JOB,
		.serial = UINT64_MAX,
		.job = { .flags = WIRE_JOB_READ_ONLY | WIRE_JOB_STDIN, .limits = limits_default() },
	};

	assert_int_equal(order_send(pair[0], &sent, NULL, 0), 0);
	memset(&got, 0xee, sizeof got);
	assert_int_equal(order_recv(pair[1], &got, NULL, 0), 1);
	assert_int_equal(got.magic, ORDER_MAGIC);
	assert_int_equal(got.type, ORDER_JOB);
	assert_true(got.serial == UINT64_MAX);
	assert_memory_equal(&got.job, &sent.job, sizeof got.job);
}

static void descriptors_arrive_in_order_close_on_exec_and_the_rest_is_marked(void **state)
{
	const int *pair = *state;
	int pipes[2], got[4] = { 7, 7, 7, 7 };
	struct order order = { .type = ORDER_CELL };
	struct stat sent, received;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(order_send(pair[0], &order, pipes, 2), 0);
	assert_int_equal(order_recv(pair[1], &order, got, 4), 1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fstat(pipes[i], &sent), 0);
		assert_int_equal(fstat(got[i], &received), 0);
		assert_int_equal(sent.st_ino, received.st_ino);
		assert_int_equal(fcntl(pipes[i], F_GETFL), fcntl(got[i], F_GETFL)); /* the same end */
		assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		(void)fd_close(pipes[i]);
		(void)fd_close(got[i]);
	}
	assert_int_equal(got[2], -EBADF);
	assert_int_equal(got[3], -EBADF);
}

static void what_is_not_an_order_is_refused_and_its_descriptors_closed(void **state)
{
	static const struct {
		const char *what;
		size_t size;
		uint32_t magic;
		size_t fds;
		int want;
	} cases[] = {
		{ "right", sizeof(struct order), ORDER_MAGIC, 2, 1 },
		{ "a byte short", sizeof(struct order) - 1, ORDER_MAGIC, 2, -EPROTO },
		{ "one byte", 1, ORDER_MAGIC, 2, -EPROTO },
		{ "a byte long", sizeof(struct order) + 1, ORDER_MAGIC, 2, -EMSGSIZE },
		{ "as long as a frame can be", FRAME_MAX_BYTES, ORDER_MAGIC, 2, -EMSGSIZE },
		{ "no magic", sizeof(struct order), 0, 2, -EPROTO },
		{ "a provider's magic", sizeof(struct order), ORDER_MAGIC + 1, 2, -EPROTO },
		{ "a descriptor too many", sizeof(struct order), ORDER_MAGIC, 3, -EPROTO },
		{ "all descriptors that a frame can hold", sizeof(struct order), ORDER_MAGIC, FRAME_MAX_FDS, -EPROTO },
	};
	const int *pair = *state;

	array_for_each(cases, c) {
		union {
			struct order order;
			char bytes[FRAME_MAX_BYTES];
		} frame = { .order = { .magic = c->magic, .type = ORDER_CELL } };
		int fds[FRAME_MAX_FDS], got[2];
		int before = unit_count_fds();
		struct order order;

		array_for_each(fds, fd)
			*fd = pair[0];
		assert_int_equal(frame_send(pair[0], &frame, c->size, fds, c->fds), 0);

		int r = order_recv(pair[1], &order, got, 2);

		if (r != c->want)
			fail_msg("%s: %d, not %d", c->what, r, c->want);
		array_for_each(got, fd) {
			if (r < 0)
				assert_int_equal(*fd, -EBADF); /* never a number that is closed already */
			(void)fd_close(*fd);
		}
		if (unit_count_fds() != before)
			fail_msg("%s: %d descriptors, then %d", c->what, before, unit_count_fds());
	}
}

static void a_closed_and_an_empty_socket_are_told_apart(void **state)
{
	int *pair = *state;
	struct order order = { 0 };
	int fd;

	assert_int_equal(fd_set_nonblock(pair[1], true), 0);
	assert_int_equal(order_recv(pair[1], &order, &fd, 1), -EAGAIN);
	assert_int_equal(fd, -EBADF);
	pair[0] = fd_close(pair[0]);
	assert_int_equal(order_recv(pair[1], &order, &fd, 1), 0);
	assert_int_equal(order_send(pair[1], &order, NULL, 0), -EPIPE);
}

/* frame_send sends none of these; a process that has been taken over might. */
static void an_empty_packet_leaves_no_descriptor_behind(void **state)
{
	const int *pair = *state;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { 0 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	int before = unit_count_fds(), got[2];
	struct order order;

	memcpy(CMSG_DATA(&control.header), &pair[0], sizeof(int));
	assert_int_equal(sendmsg(pair[0], &message, MSG_NOSIGNAL), 0);
	assert_int_equal(order_recv(pair[1], &order, got, 2), -EPROTO);
	assert_int_equal(got[0], -EBADF);
	assert_int_equal(unit_count_fds(), before);
}

static void a_reason_always_ends_in_nul(void **state)
{
	const int *pair = *state;
	struct order order = { .type = ORDER_CELL_FAILED };

	memset(order.text, 'x', sizeof order.text);
	assert_int_equal(order_send(pair[0], &order, NULL, 0), 0);
	assert_int_equal(order_recv(pair[1], &order, NULL, 0), 1);
	assert_int_equal(strlen(order.text), sizeof order.text - 1);
}

static void every_namespace_has_a_path_that_exists_here(void **state)
{
	(void)state;
	array_for_each(namespace_paths, path)
		assert_int_equal(access(*path, F_OK), 0);
}

#define with_pair(test) cmocka_unit_test_setup_teardown(test, setup_pair, close_pair)

static const struct CMUnitTest tests[] = {
	with_pair(an_order_arrives_as_it_was_sent),
	with_pair(descriptors_arrive_in_order_close_on_exec_and_the_rest_is_marked),
	with_pair(what_is_not_an_order_is_refused_and_its_descriptors_closed),
	with_pair(a_closed_and_an_empty_socket_are_told_apart),
	with_pair(an_empty_packet_leaves_no_descriptor_behind),
	with_pair(a_reason_always_ends_in_nul),
	cmocka_unit_test(every_namespace_has_a_path_that_exists_here),
};

unit_main(tests)
